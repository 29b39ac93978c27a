"""Ending a worker with everything it has started, however far that has gone from it.

Belongs here: finding processes that came from a worker. Does not belong here: when a worker must end (`processes.py`).

A process group is not enough: a child that calls setsid leaves it, and one whose parent has ended belongs to nobody.
So processes are found in three ways: by group, by parent (from /proc), and by a mark in the environment with which
a worker is started and which its children inherit (Jenkins ends a build's processes in this way). Each worker has its
own mark: one that dies takes along what it has started, and nothing of the others'.
"""

import os
import signal
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

MARK = "TURBO_FORECAST_WORKER"
"""The environment variable whose value is a worker's mark."""
ROUNDS, ROUND_SECONDS = 20, 0.05
"""Who starts processes faster than they are found is given up after so many rounds (a second in all)."""


def end_all(workers: Collection[int], marks: Collection[str] = ()) -> None:
    """End these processes and what they started; with marks, also whatever else carries one of them.

    Not this process, and not its other children.
    """
    try:
        for pid in workers:
            _signal(pid, signal.SIGSTOP)  # a stopped process starts no more children while they are looked for
        spared = {os.getpid()}
        if marks:
            spared |= descendants(spared) - descendants(workers) - set(workers)
        for _ in range(ROUNDS):
            found = {*workers, *descendants(workers), *(_marked(marks) if marks else ())} - spared
            living = {pid for pid in found if _lives(pid)}
            if not living:
                return
            for pid in living - set(workers):
                _signal(pid, signal.SIGKILL)
            _kill(workers)  # last: with them goes the way to their children
            _wait_until_dead(living)
    except BaseException:  # a second Ctrl-C: what was stopped above would wait for ever
        _kill(workers)
        raise


def _kill(workers: Collection[int]) -> None:
    for pid in workers:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        _signal(pid, signal.SIGKILL)


def _wait_until_dead(pids: Iterable[int]) -> None:
    """Until they are, or for as long as a round lasts."""
    deadline = time.monotonic() + ROUND_SECONDS
    while any(map(_lives, pids)) and time.monotonic() < deadline:
        time.sleep(0.002)


def descendants(pids: Iterable[int]) -> set[int]:
    """The children of these processes, their children, and so on."""
    children: dict[int, list[int]] = {}
    for pid in _all():
        with suppress(OSError, IndexError, ValueError):
            parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    open_ends = list(pids)
    while open_ends:
        for child in children.get(open_ends.pop(), ()):
            if child not in found:
                found.add(child)
                open_ends.append(child)
    return found


def _marked(marks: Collection[str]) -> set[int]:
    entries = {f"{MARK}={mark}".encode() for mark in marks}
    found = set()
    for pid in _all():
        with suppress(OSError):  # gone by now, or another user's
            if not entries.isdisjoint(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")):
                found.add(pid)
    return found


def _all() -> list[int]:
    """Every process that can be seen; none where the system has no /proc."""
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return []


def _lives(pid: int) -> bool:
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    with suppress(OSError):
        os.kill(pid, 0)
        return not Path("/proc/self").exists()  # gone meanwhile, unless there is no /proc to tell
    return False


def _signal(pid: int, kind: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, kind)
