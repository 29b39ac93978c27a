"""Processes that compile kernels, a group of them each, beside one another and beside whatever else is done meanwhile.

One process of a user compiles a set at a time: others wait for its lock, and load what it kept. Compilers end when
whoever started them ends, however that ends: they read from it until there is nothing more to read.

Belongs here: starting, waiting, stopping. Does not belong here: what is compiled, and where it is kept (`cache.py`).
"""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: two runs that start at once compile twice, which numba's cache bears
    fcntl = None  # type: ignore[assignment]

_LEAVE_WITH_PARENT = (
    "import os, threading;"
    "threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start();"  # not sys.stdin: it has a lock
)


def lock(path: Path, *, wait: bool) -> IO[str] | None:
    """The lock at a path, held until the file is closed or its process ends; None if another holds it (wait: it waits)."""
    file = path.open("a")
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:  # held by another, or a file system without locks: then waiting does not raise but fails here
            if not wait:
                file.close()
                return None
    return file


class Compilers:
    """Compilers at work, with the lock of what they compile."""

    def __init__(self, held: IO[str], groups: Sequence[str]) -> None:
        """Start a compiler for each group: Python code that compiles it."""
        self._held = held
        self._groups = groups
        self._processes = [_start(code) for code in groups]

    def wait(self) -> bool:
        """Wait until all have ended; whether all have compiled their group."""
        codes = [process.wait() for process in self._processes]
        return not any(codes)

    def again(self) -> None:
        """Start all anew, once they have ended; what they complain of is shown."""
        self._processes = [_start(code, stderr=None) for code in self._groups]

    def stop(self) -> None:
        """End those that still work, and let go of the lock."""
        for process in self._processes:
            with suppress(OSError):  # it has ended meanwhile
                process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        self._held.close()


def _start(code: str, stderr: int | None = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    # processes of their own: neither numba nor the compiler's memory stays with the caller
    command = [sys.executable, *_flags(), "-c", _LEAVE_WITH_PARENT + code]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=stderr)


def _flags() -> list[str]:
    """The interpreter's flag that changes bytecode: the process that compiles must have ours."""
    return [f"-{'O' * sys.flags.optimize}"] if sys.flags.optimize else []
