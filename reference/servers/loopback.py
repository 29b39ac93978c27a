"""Servers that tests start on loopback: a port that nobody has, and waiting until they answer.

Does not belong here: any one server (beside its tests).
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar


class _Stoppable(Protocol):
    def stop(self) -> None: ...


AnyServer = TypeVar("AnyServer", bound=_Stoppable)


@contextmanager
def server_in_memory(name: str, start: Callable[[Path], AnyServer]) -> Iterator[AnyServer]:
    """A server on a folder in memory, where there is room for one; stopped, and gone with its folder, at the end.

    Not in pytest's own folder, which another user, whom some servers want, may not enter.
    """
    memory = Path("/dev/shm")
    at = memory if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix=f"turbo-forecast-{name}-", dir=at))
    try:
        server = start(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for_answer(
    process: "subprocess.Popen[bytes]", log: Path, answers: Callable[[], bool], seconds: float = 60
) -> None:
    """Return when the server answers; one that does not in time is ended.

    Raises AssertionError with the end of its log where it has ended, or does not answer in time.
    """
    deadline = time.monotonic() + seconds
    while not answers():
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise AssertionError(f"no answer in {seconds:.0f} s: {log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)
