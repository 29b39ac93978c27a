"""Ending a worker with everything it has started, however far that has gone from it.

Belongs here: finding processes that came from a worker. Does not belong here: what they are known by beside their parents
(`process_tags.py`), when a worker must end (`processes.py`).

A process group is not enough: a child that calls setsid leaves it, and one whose parent has ended belongs to nobody.
So processes are found in three ways: by group, by parent (from /proc), and by the tag that a worker carries and its
children inherit. Each worker has its own tag: one that dies takes along what it has started, and nothing of the others'.
"""

import os
import signal
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from turbo_forecast.fleet.executors.process_tags import tag_in_limits, tagged_processes

END_SECONDS, ROUND_SECONDS = 3.0, 0.05
"""Who starts processes faster than they are found is given up after so long; a round waits no longer than this for its dead."""
CLEAN_ROUNDS = 5
"""Rounds in a row without a find that are believed where processes were started meanwhile, by whomever: one may have ended
after it had started the next, which the round came too early for."""


def end_all(workers: Collection[int], tags: Collection[str] = ()) -> None:
    """End these processes and what they started; with tags, also whatever else carries one that begins with one of these.

    Not this process, and not its other children, unless what they carry is certain to be a worker's.
    """
    try:
        for pid in workers:
            _signal(pid, signal.SIGSTOP)  # a stopped process starts no more children while they are looked for
        foreign: set[int] = set()
        clean, deadline = 0, time.monotonic() + END_SECONDS
        while clean < CLEAN_ROUNDS and time.monotonic() < deadline:
            before = _count_started()
            living = {pid for pid in workers if _lives(pid)}
            for pid in _started(workers, tags, foreign):
                if _lives(pid):
                    living.add(pid)
                    _end_with_group(pid)  # at once: the next process is started meanwhile
            _kill(workers)  # last: with them goes the way to their children
            if not living and before == _count_started():
                return
            clean = 0 if living else clean + 1
            _wait_until_dead(living)
    except BaseException:  # a second Ctrl-C: what was stopped above would wait for ever
        _kill(workers)
        raise


def _started(workers: Collection[int], tags: Collection[str], foreign: set[int]) -> Iterator[int]:
    """What the workers have started, one after the other; each is looked for when the last one has been seen to.

    foreign: processes that are known not to carry a tag, which is read once of each.
    """
    never = {os.getpid(), *workers}
    if tags:
        unread = set(_all()) - foreign - never
        for pid, is_certain in tagged_processes(unread, tags):
            if is_certain or pid not in descendants([os.getpid()]) - descendants(workers):
                unread.discard(pid)
                yield pid
        foreign |= unread
    if any(map(_lives, workers)):
        yield from descendants(workers) - never


def _count_started() -> int | None:
    """How many processes were ever started on this machine; None where the system does not report it."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/stat").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("processes ")).split()[1])
    return None


def _end_with_group(pid: int) -> None:
    """End a process, and with it its group: whoever starts one process after the other cannot outrun that.

    Not a group that was there before the worker: a process that is about to become one is still in its run's, with others.
    """
    with suppress(ProcessLookupError, PermissionError):
        group = os.getpgid(pid)
        is_own = tag_in_limits(pid) is not None and (tag_in_limits(group) is not None or not _lives(group))
        if is_own and group != os.getpgrp():
            os.killpg(group, signal.SIGKILL)
    _signal(pid, signal.SIGKILL)


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
            children.setdefault(int(fields(pid)[1]), []).append(pid)
    found: set[int] = set()
    open_ends = list(pids)
    while open_ends:
        for child in children.get(open_ends.pop(), ()):
            if child not in found:
                found.add(child)
                open_ends.append(child)
    return found


def fields(pid: int) -> list[str]:
    """State, parent and what else the system says of a process after its name. Raises OSError, IndexError when it is gone."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def _all() -> list[int]:
    """Every process that can be seen; none where the system has no /proc."""
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return []


def _lives(pid: int) -> bool:
    with suppress(OSError, IndexError):
        return fields(pid)[0] not in "ZX"
    with suppress(OSError):
        os.kill(pid, 0)
        return not Path("/proc/self").exists()  # gone meanwhile, unless there is no /proc
    return False


def _signal(pid: int, kind: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, kind)
