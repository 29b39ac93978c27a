"""What becomes of a map's tasks, whatever carries them: each is reported once, and a loss costs what caused it.

Belongs here: what is tried again and how often, when a chunk is split to find the series that takes workers down, when a
series has taken too long or too much memory, what is recorded then. Does not belong here: workers (`executors/`), what a task does
(`worker_steps.py`).

How a loss is handled. The series that a dead worker was working on may be a poison task; the rest of its chunk goes back to
the others. When all else is done, each such series is retried in isolation: alone, in a fresh worker. After MAX_ATTEMPTS
deaths there it is quarantined: only its fallback is computed, and if even that dies, the parent records it. Where nobody knows
the series, the chunk is tried again, then halved. Parts of the later steps hold no strange code, so whole parts are retried
alone, and one that cannot be done ends the run. A worker that has been at a part, or at writing, for STUCK_SECONDS is ended:
somebody has stopped it, or its disk does not answer. A worker that holds more memory than it may is ended too, and its
series is retried in isolation like any other: what the worker holds may be what earlier series left there. If the series needs
that much alone, in a fresh worker, once is enough: that was measured. A worker that has grown by and by hands back the rest
of its task, and no series is quarantined for that.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from turbo_forecast.errors import TurboForecastError
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.exchange import Exchange
from turbo_forecast.fleet.executors.protocol import Events, Executor, InFlight, Lost, WorkersCannotStart
from turbo_forecast.fleet.pace import WorkSnapshot, work_snapshot
from turbo_forecast.fleet.pieces import write_forecast
from turbo_forecast.fleet.series_forecaster import lost_series
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.fleet.tasks import Job, Step, Task, TaskReport
from turbo_forecast.types import Status
from turbo_forecast.windows import FORECAST

POLL_SECONDS = 0.5
AHEAD = 2
"""Tasks submitted per worker: one that is worked, one that waits for it."""
MAX_ATTEMPTS = 2
"""A series must take its worker down this often, alone, to be quarantined: something else may kill workers too."""
MAX_UNEXPLAINED = 10
"""Losses in a row, with nothing finished and no series in flight, that are nobody's bad luck any more."""

MAX_TOO_LARGE = 20
"""Series in a row whose workers needed too much memory, with not one finished before: the limit is too low for this fleet."""

STUCK_SECONDS = 600.0
"""A part takes a second or two, and so does writing; longer than this is nobody's slowness. series_timeout_seconds where that
is more."""
PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS = 10.0, 2.0
"""Between two looks lies about POLL_SECONDS; where it was longer than this, the machine or all of the run stood still (a
paused container, say), and what workers had in flight is given its time again. Where series_timeout_seconds is less than the
first, that is what counts, down to the second: a pause as long as the time that a series may take must not be taken for it."""

OnReport = Callable[[TaskReport], None]
OnProgress = Callable[[Callable[[], WorkSnapshot]], None]
"""Called often, with a function that takes a snapshot of the work."""


class PartLost(TurboForecastError):
    """Workers die of a part that holds no entrants' code; the message names its series."""


class Ledger(Protocol):
    """What the parent itself says and records of series."""

    def names(self, span: Span) -> str:
        """The span's first and last series, for a person."""
        ...

    def record(self, task: Task) -> TaskReport:
        """An outcome without rows for a quarantined series: the coverage checks will name it."""
        ...


class StoreLedger:
    """The ledger of a job: names from its store, outcomes among its chunks."""

    def __init__(self, job: Job, exchange: Exchange | None = None) -> None:
        """exchange: where what is recorded is shared, if anywhere."""
        self._job, self._exchange = job, exchange

    def names(self, span: Span) -> str:
        """'web-001/cpu to web-032/memory'."""
        store = SeriesStore(self._job.store)
        ends = [store[index] for index in (span.lo, span.hi - 1)]
        return " to ".join(f"{series.host_id}/{series.resource}" for series in ends)

    def record(self, task: Task) -> TaskReport:
        """Write the series' outcome as its own chunk. Raises StorageError."""
        settings, why = self._job.settings, task.quarantined or ""
        series = SeriesStore(self._job.store)[task.span.lo]
        contenders = [name for name in settings.base_models if name != settings.fallback]
        gone = lost_series(series, why, task.status or Status.WORKER_DIED, contenders, FORECAST)
        write_forecast(self._job.folder.forecast, task.span.stem, [gone], settings.field_of_entrants)
        if self._exchange is not None:
            self._exchange.stage_out(self._job, task)
        return TaskReport(task, failed=1)


class Work:
    """Works the maps of a run, one after the other, on workers that live on between them."""

    def __init__(
        self,
        executor: Executor,
        ledger: Ledger,
        series_timeout_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._executor, self._ledger = executor, ledger
        self._timeout, self._clock = series_timeout_seconds, clock
        self._health: _StepHealth | None = None

    def run(
        self,
        step: Step,
        spans: Sequence[Span],
        on_report: OnReport = lambda report: None,
        on_progress: OnProgress = lambda snapshot: None,
    ) -> None:
        """Work all spans of a step; returns when each of their series has been reported once.

        Raises PartLost, WorkersCannotStart, and what a task raises (StorageError).
        """
        self.run_tasks([Task(step, span) for span in spans], on_report, on_progress)

    def run_tasks(self, tasks: Sequence[Task], on_report: OnReport, on_progress: OnProgress) -> None:
        """Work tasks of one step as they are, quarantined ones too. The rest is as for `run`."""
        if not tasks:
            return
        if self._health is None or self._health.step is not tasks[0].step:
            self._health = _StepHealth(tasks[0].step)
        limits = _Limits(self._timeout, self._clock)
        _Map(self._executor, self._ledger, limits, self._health, on_report, on_progress).run(tasks)


@dataclass(slots=True)
class _StepHealth:
    """Whether workers can do a step at all, as seen so far, in however many calls its tasks come (on a Dask worker, one by one).

    is_proven: whether a series, or part, was finished as it should be; too_large: how many workers needed too much memory before
    that; unexplained: losses in a row with nothing finished and no series in flight.
    """

    step: Step
    is_proven: bool = False
    too_large: int = 0
    unexplained: int = 0


class _Limits:
    """How long a worker may have something in flight."""

    def __init__(self, series_timeout: float, clock: Callable[[], float]) -> None:
        self.of_series = series_timeout
        self._clock, self._looked = clock, clock()
        self._resumed: float | None = None
        self._pause = min(PAUSE_SECONDS, max(SHORTEST_PAUSE_SECONDS, series_timeout))

    def look(self) -> None:
        """Note that time has passed, and whether somebody was there to see it."""
        now = self._clock()
        if now - self._looked > self._pause:
            self._resumed = now
        self._looked = now

    def passed_by(self, entry: InFlight) -> bool:
        """Whether it takes longer than it may."""
        seconds = entry.seconds if self._resumed is None else min(entry.seconds, self._clock() - self._resumed)
        return seconds > (max(self.of_series, STUCK_SECONDS) if entry.series is None else self.of_series)


class _Map:
    """One map's bookkeeping."""

    def __init__(
        self,
        executor: Executor,
        ledger: Ledger,
        limits: _Limits,
        health: _StepHealth,
        on_report: OnReport,
        on_progress: OnProgress,
    ) -> None:
        self._executor, self._ledger, self._limits, self._health = executor, ledger, limits, health
        self._on_report, self._on_progress = on_report, on_progress
        self._todo: deque[Task] = deque()
        self._out: set[Task] = set()
        self._alone: list[Task] = []
        self._overdue: set[int] = set()
        self._stuck: set[Task] = set()
        self._too_large: dict[Task, float] = {}
        self._losses: Counter[Task] = Counter()

    def run(self, tasks: Sequence[Task]) -> None:
        self._todo.extend(tasks)
        while self._todo or self._out:
            while self._todo and len(self._out) < AHEAD * self._executor.workers:
                self._submit(self._todo.popleft())
            for lost in self._look():
                self._handle_loss(lost)
        while self._alone:
            self._alone.sort(reverse=True)
            self._retry_alone(self._alone.pop())

    def _submit(self, task: Task, fresh: bool = False) -> None:
        self._out.add(task)
        self._executor.submit(task, fresh)

    def _look(self) -> list[Lost]:
        """Wait a little; report what is finished, end what takes too long, return what is lost."""
        events = self._executor.wait(POLL_SECONDS)
        for report in events.completed:
            self._out.remove(report.task)
            self._report(report)
        for lost in events.lost:
            self._out.remove(lost.task)
        self._health.is_proven |= any(entry.finished and not entry.task.quarantined for entry in events.in_flight)
        self._end_overdue(events.in_flight)
        self._end_too_large(events.in_flight)
        self._on_progress(partial(self._snapshot, events))
        return events.lost

    def _end_overdue(self, in_flight: Sequence[InFlight]) -> None:
        """End the workers whose series, or part, takes too long. Their start does not count: it is no series' doing."""
        self._limits.look()
        for entry in filter(self._limits.passed_by, in_flight):
            if entry.series is None:
                self._stuck.add(entry.task)
            else:
                self._overdue.add(entry.series)
            self._executor.kill(entry.task)

    def _report(self, report: TaskReport) -> None:
        self._health.unexplained = 0
        self._health.is_proven |= not report.task.quarantined  # a fallback alone proves nothing of the entrants
        self._on_report(report)

    def _end_too_large(self, in_flight: Sequence[InFlight]) -> None:
        """End the workers that hold more memory than they may."""
        for entry in in_flight:
            if entry.exceeded_mb and not self._limits.passed_by(entry):
                self._too_large[self._isolated(entry.task, entry.series)] = entry.exceeded_mb
                self._executor.kill(entry.task)

    @staticmethod
    def _isolated(task: Task, series: int | None) -> Task:
        """What is retried alone when a worker is lost: the series it was working on, or all of a part."""
        if task.step is not Step.FORECAST or series is None or task.quarantined:
            return task
        return Task(task.step, Span(series, series + 1))

    def _snapshot(self, events: Events) -> WorkSnapshot:
        begun = {entry.task for entry in events.in_flight}
        waiting = [task.span for task in (*sorted(self._out - begun), *self._todo, *self._alone)]
        return work_snapshot(events.in_flight, waiting, self._executor.tallies(), self._executor.workers)

    def _handle_loss(self, lost: Lost) -> None:
        """Put a lost task back, in whatever parts may go on with the others; a possible poison task waits to be retried alone."""
        task, span, series = lost.task, lost.task.span, lost.series
        if lost.begun is not None:
            self._report(lost.begun)
            self._todo.appendleft(Task(task.step, Span(lost.begun.task.span.hi, span.hi)))
            return
        isolated = self._isolated(task, series)
        self._losses[task] += series is None
        if isolated in self._too_large:
            self._count_too_large(self._too_large[isolated])
        elif series is None:
            self._count_unexplained(task)
        if task.step is not Step.FORECAST:
            self._alone.append(task)
        elif series is not None:
            self._alone.append(isolated)
            rest = (Span(series + 1, span.hi), Span(span.lo, series))
            self._todo.extendleft(Task(task.step, part) for part in rest if len(part))
        elif self._losses[task] < MAX_ATTEMPTS:
            self._todo.append(task)  # at the end: meanwhile others show whether workers can finish anything
        elif len(span) > 1:
            midpoint = (span.lo + span.hi) // 2
            self._todo.extend(Task(task.step, part) for part in (Span(span.lo, midpoint), Span(midpoint, span.hi)))
        else:
            self._alone.append(task)

    def _count_unexplained(self, task: Task) -> None:
        self._health.unexplained += 1
        if self._health.unexplained < MAX_UNEXPLAINED:
            return
        times = f"worker processes died {MAX_UNEXPLAINED} times in a row"
        if task.step is Step.FORECAST:
            raise WorkersCannotStart(f"{times} while they had no series in flight")
        raise PartLost(f"{times} at the step {task.step}, the last time at series {self._ledger.names(task.span)}")

    def _count_too_large(self, limit_mb: float) -> None:
        """Raises WorkersCannotStart where no worker does its first series with what it may hold."""
        self._health.too_large += not self._health.is_proven
        if not self._health.is_proven and self._health.too_large >= MAX_TOO_LARGE:
            raise WorkersCannotStart(
                f"{MAX_TOO_LARGE} workers needed more than {limit_mb:,.0f} MB each before any had finished a series: "
                "worker_memory_mb is too low for these entrants; give it more, or 0 for no limit"
            )

    def _retry_alone(self, task: Task) -> None:
        """Retry a possible poison task in a fresh worker; if it dies there, its fallback only; if even that dies, record it."""
        self._too_large.pop(task, None)  # that may have been what earlier series left in the worker
        for _ in range(MAX_ATTEMPTS):
            if self._is_overdue(task) or task in self._too_large:
                break
            if self._succeeds_alone(task):
                return
        if task.step is not Step.FORECAST:
            raise PartLost(
                f"the step {task.step} took its worker process down {self._times(task)} at series "
                f"{self._ledger.names(task.span)}: {self._advice(task)}"
            )
        quarantined = self._quarantined_task(task)
        if not self._succeeds_alone(quarantined):
            self._on_report(self._ledger.record(quarantined))

    def _times(self, task: Task) -> str:
        return "twice" if task in self._too_large else f"{MAX_ATTEMPTS + 1} times"

    def _advice(self, task: Task) -> str:
        if task in self._too_large:
            limit = f"{self._too_large[task]:,.0f} MB (worker_memory_mb)"
            return f"alone in a fresh worker, it needed more than {limit}; give it more, or 0 for no limit"
        if task in self._stuck:
            return f"it was ended after {STUCK_SECONDS:g} s without an answer; does the disk answer?"
        return "with too little memory, fewer workers may do"

    def _is_overdue(self, task: Task) -> bool:
        return task.step is Step.FORECAST and task.span.lo in self._overdue

    def _quarantined_task(self, task: Task) -> Task:
        if self._is_overdue(task):
            why = f"the series took longer than {self._limits.of_series:g} s (series_timeout_seconds)"
            return Task(task.step, task.span, why, Status.TIMED_OUT)
        if task in self._too_large:
            why = f"the worker needed more than {self._too_large[task]:,.0f} MB at this series (worker_memory_mb)"
            return Task(task.step, task.span, why, Status.MEMORY_EXCEEDED)
        why = "the worker process died while working on this series"
        return Task(task.step, task.span, why, Status.WORKER_DIED)

    def _succeeds_alone(self, task: Task) -> bool:
        """Work a task in a fresh worker while nothing else is worked; whether it was finished."""
        self._submit(task, fresh=True)
        while self._out:
            if self._look():
                return False
        return True
