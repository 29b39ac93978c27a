"""Servers that tests start on loopback: a port that nobody has, and waiting until they answer.

Does not belong here: any one server (beside its tests).
"""

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for_answer(
    process: "subprocess.Popen[bytes]", log: Path, answers: Callable[[], bool], seconds: float = 60
) -> None:
    """Return when the server answers. Raises AssertionError with the end of its log where it has ended, or does not answer in time."""
    deadline = time.monotonic() + seconds
    while not answers():
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        assert time.monotonic() < deadline, f"no answer in {seconds:.0f} s: {log.read_text(errors='replace')[-3000:]}"
        time.sleep(0.05)
