"""The seam between what a run decides about its work and what carries it.

Belongs here: what an executor can do, and no more: take tasks, report which are finished or lost, end one. Does not belong
here: any executor, and what follows from a loss (`retry_policy.py`).

Worker processes of this machine are one (`processes.py`); a Dask cluster is another (`dask_executor.py`): it knows what
`tasks.py` says, and what is to be done so that its workers see the job's files (`exchange.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from turbo_forecast.errors import TurboForecastError
from turbo_forecast.fleet.executors.worker_status import Tally
from turbo_forecast.fleet.tasks import Task, TaskReport


class WorkersCannotStart(TurboForecastError):
    """Workers die before they take any task; the message says what the last one said."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A task that a worker is at: the series it has in flight and for how many seconds, and how many it has finished.

    series: None where none is in flight, because results are being written, a part is worked, or the worker does not say;
    seconds are those of that. exceeded_mb: the limit on a worker's memory, where it was found just now to hold more than that,
    with all that it has started; else 0.
    """

    task: Task
    series: int | None = None
    seconds: float = 0.0
    finished: int = 0
    exceeded_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class Lost:
    """A task whose worker has died, and the series it had in flight (None: none, or nobody knows).

    begun: a report of its first series, which were finished in order before the worker was replaced; no series is quarantined then.
    """

    task: Task
    series: int | None = None
    begun: TaskReport | None = None


@dataclass(slots=True)
class Events:
    """What has happened since the last look; each task submitted is once in `completed` or once in `lost`."""

    completed: list[TaskReport] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    in_flight: list[InFlight] = field(default_factory=list)


class Executor(Protocol):
    """Workers that live from the first task to `close`, each with its equipment; the dead are replaced."""

    @property
    def workers(self) -> int:
        """How many tasks can be worked at the same time."""
        ...

    def chunk_size(self, series: int, wanted: int) -> int:
        """Series of one task of the first map, for so many in all; wanted: what was asked for, 0 for nothing."""
        ...

    def submit(self, task: Task, fresh: bool = False) -> None:
        """Take a task over, to be worked as soon as a worker is free; in a `fresh` one that has worked none before."""
        ...

    def wait(self, seconds: float) -> Events:
        """What has happened, after so many seconds at the latest.

        What a task raises is raised here, and so is WorkersCannotStart.
        """
        ...

    def kill(self, task: Task) -> None:
        """End the worker that is at this task, with all it has started; the loss is reported by the next `wait`."""
        ...

    def tallies(self) -> Sequence[Tally]:
        """What each worker has finished of the present step, for an estimate of the time left; may be empty."""
        ...

    def close(self) -> None:
        """End all workers at once, whatever they are at."""
        ...
