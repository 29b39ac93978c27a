"""Processes that compile kernels, a group of them each, beside one another and beside whatever else is done meanwhile.

One process of a user compiles a set at a time: others wait for its lock, and load what it kept. Compilers end when
whoever started them ends, however that ends: they read from it until there is nothing more to read.

Belongs here: starting, waiting, stopping. Does not belong here: what is compiled, and where it is kept (`cache.py`).
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO
from weakref import WeakSet

try:
    import fcntl
except ImportError:  # Windows: two runs that start at once compile twice, which numba's cache bears
    fcntl = None  # type: ignore[assignment]

_LEAVE_WITH_PARENT = (
    "import os, threading;"
    "threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start();"  # not sys.stdin: it has a lock
)


_open: WeakSet[IO[str] | IO[bytes]] = WeakSet()
"""What a child that this process forks must not keep open: locks that are held, and the compilers' signs that it is alive."""


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
    _open.add(file)
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
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=stderr)
    assert process.stdin is not None
    _open.add(process.stdin)
    return process


def _flags() -> list[str]:
    """The interpreter's flag that changes bytecode: the process that compiles must have ours."""
    return [f"-{'O' * sys.flags.optimize}"] if sys.flags.optimize else []


def _let_go_in_child() -> None:
    """A forked child has a copy of each file that is open: it would hold its parent's lock, for ever where it waits for that lock
    itself, and keep compilers at work whose parent has ended."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for file in list(_open):
        if not file.closed:
            os.dup2(nothing, file.fileno(), inheritable=False)  # not closed: another thread may have been at it
    _open.clear()
    os.close(nothing)


if hasattr(os, "register_at_fork"):  # where processes can be forked at all
    os.register_at_fork(after_in_child=_let_go_in_child)
