"""What workers hold in memory, together with what they have started.

Belongs here: measuring, and how often. Does not belong here: what follows from it (`processes.py`, `retry_policy.py`).

What counts is memory that only this worker needs and that the system cannot take back: anonymous and shared memory, in
RAM or swapped out. Pages of files do not count: each worker has the store and its libraries' code mapped, the system
drops such pages when it needs room, and their sum over workers would count them once for each. Memory that a forked child
shares with its parent would be counted twice in the same way; so where the plain sum is more than is allowed, the
proportional one decides, in which each shared page counts once. That one takes the system milliseconds, the plain one
microseconds.

No limit is set on the process itself. The system's limits (RLIMIT_AS, RLIMIT_DATA) count address space, of which
compilers, thread pools and allocators take many times what they ever touch; and running into them does not raise an
exception everywhere: some libraries end the process, as any death. A worker that allocates faster than it is measured is
the system's own business; `offer_first` has it take workers, not the run.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from turbo_forecast.fleet.executors import process_tags
from turbo_forecast.fleet.executors.descendants import fields

EVERY_SECONDS = 0.25
"""Between two measurements, at least."""
SHARE_OF_TIME = 0.02
"""Of one core, at most: where there are many thousand processes, measurements are further apart."""
OOM_SCORE = 500
"""Half of the scale: any other process must hold half of all memory more to be taken before a worker."""
_PLAIN = ("RssAnon:", "RssShmem:", "VmSwap:")
_PROPORTIONAL = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")


def held_mb(process: int | str = "self") -> float:
    """MB (2**20 bytes) of a process, memory shared with others in full; 0 where the system does not report it."""
    return _sum(f"/proc/{process}/status", _PLAIN) or 0.0


def proportional_mb(process: int | str) -> float:
    """MB of a process, memory shared with others by its share; as `held_mb` where the system does not report that."""
    found = _sum(f"/proc/{process}/smaps_rollup", _PROPORTIONAL)
    return held_mb(process) if found is None else found


def _sum(path: str, names: tuple[str, ...]) -> float | None:
    """The sum of a file's lines of these names, given in kB; None where it has none of them."""
    with suppress(OSError, ValueError, IndexError):
        lines = [line for line in Path(path).read_text().splitlines() if line.startswith(names)]
        return sum(int(line.split()[1]) for line in lines) / 1024 if lines else None
    return None


def can_be_measured() -> bool:
    """Whether this system reports what a process holds."""
    return held_mb() > 0


def offer_first() -> None:
    """Have the system, when memory gets short, end this process and what it starts before the run itself."""
    with suppress(OSError, ValueError):
        path = Path("/proc/self/oom_score_adj")
        if int(path.read_text()) < OOM_SCORE:
            path.write_text(str(OOM_SCORE))


class MemoryWatch:
    """Measures an executor's workers now and then. Raises nothing: of who is gone meanwhile, nothing is held."""

    def __init__(self, limit_mb: float) -> None:
        self._limit, self._next = limit_mb, 0.0
        self._known: dict[tuple[int, str], str | None] = {}

    @property
    def seconds_left(self) -> float:
        """Until it is time to measure again."""
        return max(self._next - time.monotonic(), 0.0)

    def measure(self, workers: Mapping[int, str]) -> dict[int, float]:
        """MB held by each of the workers (process id to tag), with all that it has started."""
        began = time.monotonic()
        families = self._families(workers)
        held = {pid: self._held(families[pid]) for pid in workers}
        now = time.monotonic()
        self._next = now + max(EVERY_SECONDS, (now - began) / SHARE_OF_TIME)
        return held

    def _held(self, family: Iterable[int]) -> float:
        plain = sum(map(held_mb, family))
        return plain if plain <= self._limit else sum(map(proportional_mb, family))

    def _families(self, workers: Mapping[int, str]) -> dict[int, set[int]]:
        """Each worker with its descendants, and with what carries its tag."""
        by_tag = {tag: pid for pid, tag in workers.items()}
        parents: dict[int, int] = {}
        head: dict[int, int] = {pid: pid for pid in workers}
        known: dict[tuple[int, str], str | None] = {}
        for pid, parent, started in _processes():
            tag = self._known.get((pid, started), "")
            if tag == "":  # seen for the first time: no tag is empty
                tag = process_tags.tag_in_limits(pid) or process_tags.tag_in_environment(pid)
            known[pid, started], parents[pid] = tag, parent
            if tag in by_tag:
                head.setdefault(pid, by_tag[tag])
        self._known = known
        families: dict[int, set[int]] = {pid: {pid} for pid in workers}
        for pid in parents:
            found = _head_of(pid, parents, head)
            if found is not None:
                families[found].add(pid)
        return families


def _head_of(pid: int, parents: Mapping[int, int], head: Mapping[int, int]) -> int | None:
    """The worker from which a process comes, by itself or by its ancestors."""
    for _ in range(len(parents)):  # a number that was given away again meanwhile could make a circle
        if pid in head:
            return head[pid]
        if pid not in parents:
            return None
        pid = parents[pid]
    return None


def _processes() -> Iterator[tuple[int, int, str]]:
    """Every process that can be seen: its number, its parent's, and when it was started."""
    with suppress(OSError):
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                with suppress(OSError, IndexError, ValueError):
                    stat = fields(int(path.name))
                    yield int(path.name), int(stat[1]), stat[19]
