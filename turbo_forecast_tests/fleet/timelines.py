"""Runs of a fleet on simulated workers: when each series is finished, what the pool sees meanwhile, and what is said."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from turbo_forecast.fleet.chunks import Span, chunk_size, cut
from turbo_forecast.fleet.executors.worker_status import Tally
from turbo_forecast.fleet.pace import WorkSnapshot
from turbo_forecast.fleet.progress import Progress

LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Worked:
    """A chunk on a worker: when it was taken, and when each of its series was finished."""

    worker: int
    span: Span
    taken: float
    finished: list[float]


@dataclass(frozen=True)
class LogLine:
    """A line: when it came, the share of this attempt's series finished then, and the truth about the time left."""

    at: float
    share: float
    line: str
    truth: float

    @property
    def left(self) -> float | None:
        """The time left that the line states, in seconds."""
        units = {"s": 1, "min": 60, "h": 3600}
        found = re.search(r"· ((?:[\d,]+ (?:s|min|h) )+)left$", self.line)
        parts = re.findall(r"([\d,]+) (s|min|h)", found[1]) if found else []
        return sum(int(number.replace(",", "")) * units[unit] for number, unit in parts) if parts else None


def worked(costs: Sequence[float], starts: Sequence[float], chunks: Sequence[Span], warm_up: float) -> list[Worked]:
    """Who works which chunk when: each worker takes the next as soon as it is free; its first series costs more."""
    free, fresh = list(starts), [True] * len(starts)
    found = []
    for span in chunks:
        worker = min(range(len(free)), key=lambda n: free[n])
        taken, finished = free[worker], []
        for series in range(span.lo, span.hi):
            free[worker] += costs[series] + (warm_up if fresh[worker] else 0.0)
            fresh[worker] = False
            finished.append(free[worker])
        found.append(Worked(worker, span, taken, finished))
    return found


class Timeline:
    """A run of series with these costs (seconds), from series `done` on, on workers that are ready at these times."""

    def __init__(
        self, costs: Sequence[float], starts: Sequence[float], *, done: int = 0, chunk: int = 0, warm_up: float = 0.0
    ) -> None:
        self.total, self.done, self.starts = len(costs), done, starts
        size = chunk_size(self.total, len(starts), chunk)
        self.chunks = worked(costs, starts, cut([Span(done, self.total)], size), warm_up)
        own = [[chunk for chunk in self.chunks if chunk.worker == worker] for worker in range(len(starts))]
        self.by_worker = [[at for chunk in chunks for at in chunk.finished] for chunks in own]
        self.in_order = sorted(at for ends in self.by_worker for at in ends)
        self.end = self.in_order[-1]

    def finished(self, now: float) -> int:
        """Series of this attempt that are finished."""
        return bisect_right(self.in_order, now)

    def work_snapshot(self, now: float) -> WorkSnapshot:
        """What a pool sees."""
        tallies, running, waiting = [], [], []
        for worker, start in enumerate(self.starts):
            ends = self.by_worker[worker]
            series = bisect_right(ends, now)
            busy = start <= now and series < len(ends)
            first = ends[0] if series else 0.0
            until = now if busy else max(ends, default=0.0)
            tallies.append(Tally(worker, series, start if start <= now else 0.0, first, until, busy))
        for chunk in self.chunks:
            unfinished = len(chunk.finished) - bisect_right(chunk.finished, now)
            if chunk.taken > now:
                waiting.append(unfinished)
            elif unfinished:
                running.append(unfinished - 0.5)
        whole = sum(len(chunk.span) for chunk in self.chunks if chunk.finished[-1] <= now)
        return WorkSnapshot(tallies, self.finished(now) - whole, running, waiting, len(self.starts))

    def said(self) -> Iterator[LogLine]:
        """The lines of a run, in order."""
        now, lines = 0.0, []
        progress = Progress(self.total, lines.append, done=self.done, clock=lambda: now)
        reports = sorted((chunk.finished[-1], len(chunk.span)) for chunk in self.chunks)
        while now < self.end + LOOK_SECONDS:
            now += LOOK_SECONDS
            due = [size for at, size in reports if at <= now]
            del reports[: len(due)]
            for size in due:
                progress.add(size, 0)
            progress.look(partial(self.work_snapshot, now))
            share = self.finished(now) / (self.total - self.done)
            yield from (LogLine(now, share, line, self.end - now) for line in lines)
            lines.clear()
