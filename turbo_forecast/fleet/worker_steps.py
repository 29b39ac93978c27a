"""What a worker holds ready for each step, and how it does a task. It knows of no processes.

Belongs here: which code does which step. Does not belong here: how a task reaches a worker (`executors/`), and how one
series is forecast (`series_forecaster.py`).

A step is one line in STEPS. What it needs is imported and built when a worker is first prepared for it: entrants for
FORECAST alone, and no combining before there is something to combine.
"""

import os
import resource
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module

from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.executors.worker_status import StatusWriter
from turbo_forecast.fleet.pieces import write_forecast
from turbo_forecast.fleet.series_forecaster import Result, SeriesForecaster, manners_kept
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.fleet.tasks import Job, Step, Task, TaskReport
from turbo_forecast.fleet.worker_growth import Growth
from turbo_forecast.models.registry import build_entrant
from turbo_forecast.types import Outcome, Status

SPARE_FILES = 16
"""Files that a worker must still be able to open at once after each series: to start CmdStan, to write its results."""

Perform = Callable[[Task], int]
"""Does a task and leaves its results in files; returns how many of its series failed."""
Prepare = Callable[[Job, StatusWriter], Perform]
"""Builds what a step needs, once per worker."""


class WornOut(BaseException):
    """This worker cannot do more, for no fault of what comes next: another must go on."""


class Outgrown(BaseException):
    """This worker has grown too large to go on, after so many series of its task, which are finished and stored."""

    def __init__(self, finished: int, failed: int) -> None:
        super().__init__(f"after {finished} series")
        self.finished, self.failed = finished, failed


class Forecasting:
    """The step FORECAST: every window of each series by every entrant, left as one chunk."""

    def __init__(self, job: Job, status: StatusWriter) -> None:
        self._job, self._status = job, status
        self._store, self._process = SeriesStore(job.store), os.getpid()
        self._growth = Growth(job.settings.worker_memory_mb)
        entrants = {}
        for number, name in enumerate(job.settings.base_models):
            status.building(number)
            with manners_kept():
                entrants[name] = build_entrant(name, job.settings)
            self._end_a_copy()
        self._forecaster = SeriesForecaster(job.windows, job.settings, entrants)

    def __call__(self, task: Task) -> int:
        """Forecast the series of the task, or only their fallback's when they are quarantined. Raises StorageError, Outgrown."""
        results: list[Result] = []
        for index in range(task.span.lo, task.span.hi):
            self._status.start_series(index)
            results.append(self._result(index, task))
            self._end_a_copy()
            self._require_fit_for_more()
            self._growth.wait_to_be_seen()
            self._status.finished()
            if self._growth.is_too_much() and index + 1 < task.span.hi:
                raise Outgrown(len(results), self._keep(Span(task.span.lo, index + 1), results))
        return self._keep(task.span, results)

    def _keep(self, span: Span, results: list[Result]) -> int:
        """Leave the results as one chunk; how many have failed."""
        self._status.writing()
        write_forecast(self._job.folder.forecast, span.stem, results, self._job.settings.field_of_entrants)
        return sum(result.outcome is Outcome.FAILED for result in results)

    def _result(self, index: int, task: Task) -> Result:
        series = self._store[index]
        if task.quarantined:
            return self._forecaster.forecast_quarantined(series, task.quarantined, task.status or Status.WORKER_DIED)
        return self._forecaster.run(series)

    def _end_a_copy(self) -> None:
        """An entrant that forks may return in both processes: the other one has no business with this one's pipe and files."""
        if os.getpid() != self._process:
            os._exit(0)

    def _require_fit_for_more(self) -> None:
        """Raises WornOut, with the series in flight, when its entrants have left no open files to spare.

        What comes next would fail for no fault of its own; a new worker can go on, and the policy finds out whether the
        series alone does this.
        """
        with suppress(OSError):
            self._job.temp.mkdir(exist_ok=True)  # shared, and an entrant may have tidied it away
        spare: list[int] = []
        try:
            while len(spare) < SPARE_FILES:
                spare.append(os.open("/", os.O_RDONLY))
        except OSError:
            raise WornOut from None
        finally:
            for handle in spare:
                os.close(handle)


@dataclass(frozen=True, slots=True)
class Parts:
    """A step whose tasks are parts of the store, each done by an object that is built once ("module:class")."""

    worker: str

    def __call__(self, job: Job, status: StatusWriter) -> Perform:
        """Import the class and build what does the tasks: from folder, store, windows and settings, called with a span."""
        module, _, name = self.worker.partition(":")
        do = getattr(import_module(module), name)(job.folder, SeriesStore(job.store), job.windows, job.settings)

        def perform(task: Task) -> int:
            do(task.span)
            status.finished(len(task.span))
            return 0

        return perform


STEPS: Mapping[Step, Prepare] = {
    Step.FORECAST: Forecasting,
    Step.COMBINE: Parts("turbo_forecast.fleet.combining:Combiner"),
    Step.PUBLISH: Parts("turbo_forecast.fleet.publishing:Publisher"),
}


class Equipment:
    """A worker's standing equipment: whatever it has built for a step serves all later tasks of that step."""

    def __init__(self, job: Job, status: StatusWriter, steps: Mapping[Step, Prepare] = STEPS) -> None:
        self._job, self._status, self._steps = job, status, steps
        self._built: dict[Step, Perform] = {}
        self._growth = Growth(job.settings.worker_memory_mb)

    def prepare(self, step: Step) -> None:
        """Build what the step needs, unless that has been done: no task's time holds it."""
        if step not in self._built:
            self._status.starting()
            self._built[step] = self._steps[step](self._job, self._status)
        self._status.begin_step()

    def perform(self, task: Task) -> TaskReport:
        """Do a task of the step that was prepared last. Raises StorageError, WornOut."""
        self._status.begin_task(task.span.lo)
        try:
            failed, is_outgrown = self._built[task.step](task), self._growth.is_too_much()
        except Outgrown as early:
            task = replace(task, span=Span(task.span.lo, task.span.lo + early.finished))
            failed, is_outgrown = early.failed, True
        self._status.idle()
        return TaskReport(task, failed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, is_outgrown)
