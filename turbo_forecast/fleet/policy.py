"""What becomes of a map's tasks, whatever carries them: each is reported once, and a loss costs what caused it.

Belongs here: what is tried again and how often, when a chunk is split to find the series that takes workers down, when a
series has taken too long, what is recorded then. Does not belong here: workers (`executors/`), what a task does
(`equipment.py`).

How a loss is handled. The series that a dead worker had in hand is a suspect; the rest of its chunk goes back to the
others. When all else is done, each suspect is tried alone, in a fresh worker; after TRIALS deaths only its fallback
is computed, and if even that dies, the parent records it. Where nobody knows the series, the chunk is tried again, then
halved. Parts of the later steps hold no strange code, so whole parts are tried alone, and one that cannot be done ends the
run. A worker that has been at a part, or at writing, for STUCK_SECONDS is ended: somebody has stopped it, or its disk does
not answer.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from turbo_forecast.errors import TurboForecastError
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.exchange import Exchange
from turbo_forecast.fleet.executors.protocol import Events, Executor, InHand, Lost, WorkersCannotStart
from turbo_forecast.fleet.pace import Standing, standing
from turbo_forecast.fleet.pieces import write_forecast
from turbo_forecast.fleet.series_forecaster import lost_series
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.fleet.tasks import Job, Step, Task, TaskReport
from turbo_forecast.types import Status
from turbo_forecast.windows import FORECAST

POLL_SECONDS = 0.5
AHEAD = 2
"""Tasks submitted per worker: one that is worked, one that waits for it."""
TRIALS = 2
"""A suspect must take its worker down this often, alone, to be condemned: something else may kill workers too."""
MAX_UNEXPLAINED = 10
"""Losses in a row, with nothing finished and no series in hand, that are nobody's bad luck any more."""

STUCK_SECONDS = 600.0
"""A part takes a second or two, and so does writing; longer than this is nobody's slowness. series_timeout_seconds where that
is more."""
PAUSE_SECONDS = 10.0
"""Between two looks lies about POLL_SECONDS; where it was longer than this, the machine or all of the run stood still (a
paused container, say), and what workers had in hand is given its time again."""

OnReport = Callable[[TaskReport], None]
OnLook = Callable[[Callable[[], Standing]], None]
"""Called often, with what tells how the work stands."""


class PartLost(TurboForecastError):
    """Workers die of a part that holds no entrants' code; the message names its series."""


class Ledger(Protocol):
    """What the parent itself says and records of series."""

    def names(self, span: Span) -> str:
        """The span's first and last series, for a person."""
        ...

    def record(self, task: Task) -> TaskReport:
        """An outcome without rows for a condemned series: the coverage checks will name it."""
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
        settings, why = self._job.settings, task.condemned or ""
        series = SeriesStore(self._job.store)[task.span.lo]
        contenders = [name for name in settings.singles if name != settings.fallback]
        gone = lost_series(series, why, task.status or Status.WORKER_DIED, contenders, FORECAST)
        write_forecast(self._job.folder.forecast, task.span.stem, [gone], settings.field_of_entrants)
        if self._exchange is not None:
            self._exchange.hand_back(self._job, task)
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

    def run(
        self,
        step: Step,
        spans: Sequence[Span],
        on_report: OnReport = lambda report: None,
        on_look: OnLook = lambda see: None,
    ) -> None:
        """Work all spans of a step; returns when each of their series has been reported once.

        Raises PartLost, WorkersCannotStart, and what a task raises (StorageError).
        """
        self.run_tasks([Task(step, span) for span in spans], on_report, on_look)

    def run_tasks(self, tasks: Sequence[Task], on_report: OnReport, on_look: OnLook) -> None:
        """Work tasks of one step as they are, condemned ones too. The rest is as for `run`."""
        work = _Map(self._executor, self._ledger, _Limits(self._timeout, self._clock), on_report, on_look)
        work.run(tasks)


class _Limits:
    """How long a worker may have something in hand."""

    def __init__(self, series_timeout: float, clock: Callable[[], float]) -> None:
        self.of_series = series_timeout
        self._clock, self._looked = clock, clock()
        self._resumed: float | None = None

    def look(self) -> None:
        """Note that time has passed, and whether somebody was there to see it."""
        now = self._clock()
        if now - self._looked > PAUSE_SECONDS:
            self._resumed = now
        self._looked = now

    def passed_by(self, hand: InHand) -> bool:
        """Whether it takes longer than it may."""
        seconds = hand.seconds if self._resumed is None else min(hand.seconds, self._clock() - self._resumed)
        return seconds > (max(self.of_series, STUCK_SECONDS) if hand.series is None else self.of_series)


class _Map:
    """One map's bookkeeping."""

    def __init__(
        self, executor: Executor, ledger: Ledger, limits: _Limits, on_report: OnReport, on_look: OnLook
    ) -> None:
        self._executor, self._ledger, self._limits = executor, ledger, limits
        self._on_report, self._on_look = on_report, on_look
        self._todo: deque[Task] = deque()
        self._out: set[Task] = set()
        self._alone: list[Task] = []
        self._overdue: set[int] = set()
        self._stuck: set[Task] = set()
        self._losses: Counter[Task] = Counter()
        self._unexplained = 0

    def run(self, tasks: Sequence[Task]) -> None:
        self._todo.extend(tasks)
        while self._todo or self._out:
            while self._todo and len(self._out) < AHEAD * self._executor.workers:
                self._submit(self._todo.popleft())
            for lost in self._look():
                self._judge(lost)
        while self._alone:
            self._alone.sort(reverse=True)
            self._work_alone(self._alone.pop())

    def _submit(self, task: Task, fresh: bool = False) -> None:
        self._out.add(task)
        self._executor.submit(task, fresh)

    def _look(self) -> list[Lost]:
        """Wait a little; report what is finished, end what takes too long, return what is lost."""
        events = self._executor.wait(POLL_SECONDS)
        for report in events.completed:
            self._out.remove(report.task)
            self._unexplained = 0
            self._on_report(report)
        for lost in events.lost:
            self._out.remove(lost.task)
        self._end_overdue(events.in_hand)
        self._on_look(partial(self._standing, events))
        return events.lost

    def _end_overdue(self, in_hand: Sequence[InHand]) -> None:
        """End the workers whose series, or part, takes too long. Their start does not count: it is no series' doing."""
        self._limits.look()
        for hand in filter(self._limits.passed_by, in_hand):
            if hand.series is None:
                self._stuck.add(hand.task)
            else:
                self._overdue.add(hand.series)
            self._executor.kill(hand.task)

    def _standing(self, events: Events) -> Standing:
        begun = {hand.task for hand in events.in_hand}
        waiting = [task.span for task in (*sorted(self._out - begun), *self._todo, *self._alone)]
        return standing(events.in_hand, waiting, self._executor.tallies(), self._executor.workers)

    def _judge(self, lost: Lost) -> None:
        """Put a lost task back, in whatever parts may go on with the others; the suspect waits for its trial."""
        task, span, series = lost.task, lost.task.span, lost.series
        if series is None:
            self._count_unexplained(task)
        if task.step is not Step.FORECAST:
            self._alone.append(task)
        elif series is not None:
            self._alone.append(Task(task.step, Span(series, series + 1)))
            rest = (Span(series + 1, span.hi), Span(span.lo, series))
            self._todo.extendleft(Task(task.step, part) for part in rest if len(part))
        elif self._losses[task] < TRIALS:
            self._todo.append(task)  # at the end: meanwhile others tell whether workers can finish anything
        elif len(span) > 1:
            middle = (span.lo + span.hi) // 2
            self._todo.extend(Task(task.step, part) for part in (Span(span.lo, middle), Span(middle, span.hi)))
        else:
            self._alone.append(task)

    def _count_unexplained(self, task: Task) -> None:
        self._losses[task] += 1
        self._unexplained += 1
        if self._unexplained < MAX_UNEXPLAINED:
            return
        times = f"worker processes died {MAX_UNEXPLAINED} times in a row"
        if task.step is Step.FORECAST:
            raise WorkersCannotStart(f"{times} while they had no series in hand")
        raise PartLost(f"{times} at the step {task.step}, the last time at series {self._ledger.names(task.span)}")

    def _work_alone(self, task: Task) -> None:
        """A suspect in a fresh worker; if it dies there, its fallback only; if even that dies, its record."""
        for _ in range(TRIALS):
            if self._is_overdue(task):
                break
            if self._survives(task):
                return
        if task.step is not Step.FORECAST:
            raise PartLost(
                f"the step {task.step} took its worker process down {TRIALS + 1} times at series "
                f"{self._ledger.names(task.span)}: {self._advice(task)}"
            )
        condemned = self._condemned(task)
        if not self._survives(condemned):
            self._on_report(self._ledger.record(condemned))

    def _advice(self, task: Task) -> str:
        if task in self._stuck:
            return f"it was ended after {STUCK_SECONDS:g} s without an answer; does the disk answer?"
        return "with too little memory, fewer workers may do"

    def _is_overdue(self, task: Task) -> bool:
        return task.step is Step.FORECAST and task.span.lo in self._overdue

    def _condemned(self, task: Task) -> Task:
        if self._is_overdue(task):
            why = f"the series took longer than {self._limits.of_series:g} s (series_timeout_seconds)"
            return Task(task.step, task.span, why, Status.TIMED_OUT)
        why = "the worker process died while working on this series"
        return Task(task.step, task.span, why, Status.WORKER_DIED)

    def _survives(self, task: Task) -> bool:
        """Work a task in a fresh worker while nothing else is worked; whether it was finished."""
        self._submit(task, fresh=True)
        while self._out:
            if self._look():
                return False
        return True
