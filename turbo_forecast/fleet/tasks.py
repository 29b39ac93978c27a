"""Tasks that are sent to workers, and the reports that come back: a few integers each way; everything else lies in files.

Belongs here: the messages in which a run's work is spread, whatever carries them. Does not belong here: who does it
(`worker_steps.py`), who carries it (`executors/`), and what becomes of a task that is lost (`retry_policy.py`).
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.types import Status
from turbo_forecast.windows import Windows


class Step(StrEnum):
    """The three maps of a month's run, in their order."""

    FORECAST = "forecast"
    COMBINE = "combine"
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True, order=True)
class Task:
    """One step's work on neighbouring series.

    quarantined: why nothing but the fallback is to be computed, for a single series that has taken its workers down
    (status WORKER_DIED), never ended (TIMED_OUT) or needed too much memory (MEMORY_EXCEEDED); both are None in every other
    task.
    """

    step: Step
    span: Span
    quarantined: str | None = None
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class TaskReport:
    """The report of a finished task: how many of its series failed, and the most memory its worker has ever used.

    is_outgrown: whether its worker has grown too large to go on, series by series, and must be replaced. It may have stopped
    before the end of what it was asked for: the report's task holds what was done.
    """

    task: Task
    failed: int = 0
    peak_memory_mb: float = 0.0
    is_outgrown: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """All a worker must know of a run, small enough to be sent to each: paths, windows, settings.

    store: the series (`store.py`). folder: all that the run hands from one step to the next. temp: the workers' temporary
    files, which end with the run.
    """

    store: Path
    folder: RunFolder
    temp: Path
    windows: Windows
    settings: ForecastSettings
