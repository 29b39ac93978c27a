"""Tags by which all processes that a worker has started are recognised, even those that have left its process group and session.

Belongs here: making a tag, carrying it, reading it off a process. Does not belong here: ending processes
(`descendants.py`), and when a worker must end (`processes.py`).

A child inherits the environment of its parent, and so a variable of it (Jenkins knows a build's processes in this way); but
a child may be started with an environment of its own. What no start of a process takes away are its resource limits. One of
them, how long a real-time process may compute without a pause, means nothing as long as it lies thousands of years off: the
tag is written into it as well.
"""

import resource
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

TAG_VARIABLE = "TURBO_FORECAST_WORKER"
"""The environment variable whose value is a worker's tag."""
_ENVIRON_ENTRY = f"{TAG_VARIABLE}=".encode()
_RUN_DIGITS, _WORKER_DIGITS = 9, 5
"""Hex digits that all workers of an executor share, and those that count them."""
_LIMIT_OFFSET = 1 << 60
"""Microseconds, some 36,000 years; a tag is added to it."""
_LIMIT_NAME = "Max realtime timeout"
"""What /proc calls the limit."""


def run_tag() -> str:
    """How the tags of an executor's workers begin: no other executor's do."""
    return uuid4().hex[:_RUN_DIGITS]


def worker_tag(run: str, number: int) -> str:
    """The tag of an executor's n-th worker."""
    return f"{run}{number % 16**_WORKER_DIGITS:0{_WORKER_DIGITS}x}"


def set_tag(tag: str) -> None:
    """Have this process, and all that it starts, carry the tag in its limits, where the system has such a limit."""
    wanted = _LIMIT_OFFSET + int(tag, 16)
    with suppress(AttributeError, ValueError, OSError):  # another system; or it is lower by somebody's decision
        resource.setrlimit(resource.RLIMIT_RTTIME, (wanted, wanted))


def tag_in_limits(pid: int | str) -> str | None:
    """The tag that a process carries in its limits: it can have it from a worker only."""
    with suppress(OSError, ValueError, IndexError):  # gone by now, or another user's
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
        line = next((line for line in lines if line.startswith(_LIMIT_NAME)), "")
        number = line.removeprefix(_LIMIT_NAME).split()[0]
        if number.isdigit() and int(number) >= _LIMIT_OFFSET:
            return f"{int(number) - _LIMIT_OFFSET:0{_RUN_DIGITS + _WORKER_DIGITS}x}"
    return None


def tag_in_environment(pid: int | str) -> str | None:
    """The tag that a process was started with; what another thread has started in the same moment may carry it too."""
    with suppress(OSError):  # gone by now, or another user's
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if entry.startswith(_ENVIRON_ENTRY):
                return entry.removeprefix(_ENVIRON_ENTRY).decode(errors="replace")
    return None


def tagged_processes(pids: Collection[int], tags: Collection[str]) -> Iterator[tuple[int, bool]]:
    """Those of the processes whose tag begins with one of these, and whether that is certain, newest first.

    One after the other, as they are read: who starts processes without end is met at the newest one.
    """
    wanted = tuple(tags)
    for pid in sorted(pids, reverse=True):
        if (tag_in_limits(pid) or "-").startswith(wanted):
            yield pid, True
        elif (tag_in_environment(pid) or "-").startswith(wanted):
            yield pid, False
