"""The mark by which whatever a worker has started is known as its own, however far that has gone from it.

Belongs here: making a mark, carrying it, reading it off a process. Does not belong here: ending processes
(`descendants.py`), and when a worker must end (`processes.py`).

A child inherits the environment of its parent, and so a variable of it (Jenkins knows a build's processes in this way); but
a child may be started with an environment of its own. What no start of a process takes away are its resource limits. One of
them, how long a real-time process may compute without a pause, means nothing as long as it lies thousands of years off: the
mark is written into it as well.
"""

import resource
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

MARK = "TURBO_FORECAST_WORKER"
"""The environment variable whose value is a worker's mark."""
_VARIABLE = f"{MARK}=".encode()
_OF_RUN, _OF_WORKER = 9, 5
"""Hex digits that all workers of an executor share, and those that count them."""
_FAR_OFF = 1 << 60
"""Microseconds, some 36,000 years; a mark is added to it."""
_LIMIT = "Max realtime timeout"
"""What /proc calls the limit."""


def run_mark() -> str:
    """How the marks of an executor's workers begin: no other executor's do."""
    return uuid4().hex[:_OF_RUN]


def worker_mark(run: str, number: int) -> str:
    """The mark of an executor's n-th worker."""
    return f"{run}{number % 16**_OF_WORKER:0{_OF_WORKER}x}"


def carry(mark: str) -> None:
    """Have this process, and all that it starts, carry the mark in its limits, where the system has such a limit."""
    wanted = _FAR_OFF + int(mark, 16)
    with suppress(AttributeError, ValueError, OSError):  # another system; or it is lower by somebody's decision
        resource.setrlimit(resource.RLIMIT_RTTIME, (wanted, wanted))


def in_limits(pid: int | str) -> str | None:
    """The mark that a process carries in its limits: it can have it from a worker only."""
    with suppress(OSError, ValueError, IndexError):  # gone by now, or another user's
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
        line = next((line for line in lines if line.startswith(_LIMIT)), "")
        number = line.removeprefix(_LIMIT).split()[0]
        if number.isdigit() and int(number) >= _FAR_OFF:
            return f"{int(number) - _FAR_OFF:0{_OF_RUN + _OF_WORKER}x}"
    return None


def in_environment(pid: int | str) -> str | None:
    """The mark that a process was started with; what another thread has started in the same moment may carry it too."""
    with suppress(OSError):  # gone by now, or another user's
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if entry.startswith(_VARIABLE):
                return entry.removeprefix(_VARIABLE).decode(errors="replace")
    return None


def carriers(pids: Collection[int], marks: Collection[str]) -> Iterator[tuple[int, bool]]:
    """Those of the processes whose mark begins with one of these, and whether that is certain, newest first.

    One after the other, as they are read: who starts processes without end is met at the newest one.
    """
    wanted = tuple(marks)
    for pid in sorted(pids, reverse=True):
        if (in_limits(pid) or "-").startswith(wanted):
            yield pid, True
        elif (in_environment(pid) or "-").startswith(wanted):
            yield pid, False
