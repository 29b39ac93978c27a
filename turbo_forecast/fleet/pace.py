"""How fast workers go, and how long what is left will take them.

Belongs here: the estimate. Does not belong here: the lines that report it (`progress.py`), and what workers note of
themselves (`executors/worker_status.py`).

A worker is timed from the first series it has finished on: its start, and whatever its first series loads, come once.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace

from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.executors.protocol import InFlight
from turbo_forecast.fleet.executors.worker_status import Tally

RECENT_SHARE = 0.1
RECENT_SERIES = 32
"""The pace is that of the last tenth of all series, and of this many at least: costs and the machine's load change."""

HALF_DONE = 0.5
"""How much of a series that is being worked is done, as a rule."""


@dataclass(frozen=True, slots=True)
class WorkSnapshot:
    """What a map's workers have done, and what lies before them, at one moment.

    unreported: series finished in chunks that are not. running: series left of each chunk in flight, of the one being
    worked a half. waiting: series of each chunk that nobody has begun, in order. workers: how many there are when all
    have started.
    """

    tallies: Sequence[Tally]
    unreported: int
    running: Sequence[float]
    waiting: Sequence[int]
    workers: int


@dataclass(frozen=True, slots=True)
class _Timed:
    """Series finished in so many seconds of workers."""

    series: float
    seconds: float


def _sum(parts: Iterable[_Timed]) -> _Timed:
    found = list(parts)
    return _Timed(sum(part.series for part in found), sum(part.seconds for part in found))


def work_snapshot(
    in_flight: Sequence[InFlight], waiting: Iterable[Span], tallies: Sequence[Tally], workers: int
) -> WorkSnapshot:
    """A snapshot of a map's work: the tasks that are in flight, and those that no worker has begun."""
    return WorkSnapshot(
        tallies,
        unreported=sum(entry.finished for entry in in_flight),
        running=[_series_left(entry) for entry in in_flight],
        waiting=[len(span) for span in waiting],
        workers=workers,
    )


def _series_left(entry: InFlight) -> float:
    begun = HALF_DONE if entry.series is not None else 0.0
    return max(len(entry.task.span) - entry.finished - begun, 0.0)


class Pace:
    """The time that a series takes a worker, from what is seen of a run now and then."""

    def __init__(self, total: int) -> None:
        self._recent = max(RECENT_SERIES, RECENT_SHARE * total)
        self._timed: dict[tuple[int, float], _Timed] = {}
        self._seen = deque([_Timed(0.0, 0.0)])
        self._first: float | None = None

    def look(self, tallies: Sequence[Tally]) -> None:
        """Take in what workers have finished. Those that have ended meanwhile still count."""
        for tally in tallies:
            if tally.series > tally.at_first:
                finished = tally.series - tally.at_first + (HALF_DONE if tally.busy else 0.0)
                self._timed[tally.pid, tally.first] = _Timed(finished, tally.until - tally.first)
        if self._timed:
            self._count_seconds(tallies)
            self._seen.append(_sum(self._timed.values()))
        while len(self._seen) > 2 and self._seen[-1].series - self._seen[1].series >= self._recent:
            self._seen.popleft()
        if any(tally.series for tally in tallies):
            begun = [tally for tally in tallies if tally.begun]
            finished = sum(tally.series + (HALF_DONE if tally.busy else 0.0) for tally in begun)
            self._first = sum(tally.until - tally.begun for tally in begun) / finished

    def _count_seconds(self, tallies: Sequence[Tally]) -> None:
        """Count the time of workers at their second series: one that takes long there shows that not all are quick."""
        known = _sum(self._timed.values())
        for tally in tallies:
            if tally.series == tally.at_first and tally.busy and tally.series:
                seconds = tally.until - tally.first
                part = min(HALF_DONE, seconds * known.series / known.seconds)
                self._timed[tally.pid, tally.first] = _Timed(part, seconds)

    @property
    def seconds_each(self) -> float | None:
        """Seconds of a worker for a series; None until one is finished.

        While no worker has finished its second, the first ones must do.
        """
        before, now = self._seen[0], self._seen[-1]
        if not self._timed or now.series <= before.series:
            return self._first
        return (now.seconds - before.seconds) / (now.series - before.series)


def makespan(snapshot: WorkSnapshot, remaining: int) -> float:
    """The makespan of what is left, in series: those before the worker with most to do, when each takes the next chunk as soon as it
    can (list scheduling; Graham 1966, doi:10.1002/j.1538-7305.1966.tb01709.x).

    remaining: series not finished, which may be more than the chunks of the snapshot hold.
    """
    loads = [*snapshot.running, *[0.0] * (snapshot.workers - len(snapshot.running))]
    heapify(loads)
    rest = remaining - sum(snapshot.running)
    for chunk in snapshot.waiting:
        if rest <= 0:
            break
        heapreplace(loads, loads[0] + min(chunk, rest))
        rest -= chunk
    return max(loads) + max(rest, 0.0) / len(loads)
