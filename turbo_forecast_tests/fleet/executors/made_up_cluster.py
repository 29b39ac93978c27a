"""A Dask cluster that is made up, and an executor on it whose workers do what a test says.

Belongs here: what stands for `Cluster`, and the stage. Does not belong here: what is tried on it.
"""

import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.exchange import SharedFolder
from turbo_forecast.fleet.executors.dask_cluster import WorkerInfo, WorkerList, WorkerMessage
from turbo_forecast.fleet.executors.dask_executor import DaskExecutor
from turbo_forecast.fleet.executors.dask_messages import Message, Ready
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.tasks import Job, Step, Task, TaskReport
from turbo_forecast.settings import ExecutorSettings
from turbo_forecast_tests.fleet.working import fleet, job_of

OPTIONS = ExecutorSettings(kind="dask", address="tcp://host:8786", silence_seconds=5.0, wait_seconds=1.0)


@dataclass(eq=False)
class Sent:
    """A task of Dask's that is sent to a worker."""

    key: str
    worker: str
    arguments: tuple[Any, ...] = ()

    @property
    def task(self) -> Task | None:
        """The task it carries; None where it asks a worker to take part."""
        task: Task | None = pickle.loads(self.arguments[2])[0] if len(self.arguments) == 3 else None
        return task


@dataclass
class MadeUp:
    """Stands for `Cluster`: what is sent is noted, and mail is what a test posts."""

    workers: dict[str, WorkerInfo]
    name: str = "the made-up scheduler"
    is_alive: bool = True
    sent: list[Sent] = field(default_factory=list)
    cancelled: list[Sent] = field(default_factory=list)
    posted: list[object] = field(default_factory=list)

    def listen(self, topic: str) -> None: ...
    def leave(self) -> None: ...
    def ask(self) -> None: ...
    def resumed(self) -> None: ...

    def look(self) -> Mapping[str, WorkerInfo]:
        return self.workers

    def post(self, mail: object) -> None:
        self.posted.append(mail)

    def mail(self, seconds: float) -> Iterator[object]:
        posted, self.posted = self.posted, []
        yield from posted

    def submit(self, function: Callable[..., object], *args: Any, key: str, worker: str) -> Sent:
        self.sent.append(Sent(key, worker, args))
        return self.sent[-1]

    def cancel(self, *futures: Sent) -> None:
        self.cancelled += futures

    # what tests do

    def hear(self, worker: str, message: Message, lease: str | None = None) -> None:
        """lease: by default that by which the worker was asked last."""
        asked = [each.key for each in self.sent if each.task is None and each.worker == worker]
        self.post(WorkerMessage(worker, lease or asked[-1], message))

    def see(self, **workers: int) -> None:
        self.workers = {name: WorkerInfo(name, threads) for name, threads in workers.items()}
        self.post(WorkerList(self.workers))

    def pause(self, worker: str) -> None:
        self.workers = {**self.workers, worker: self.workers[worker]._replace(paused=True)}
        self.post(WorkerList(self.workers))

    def leases(self, worker: str) -> list[Sent]:
        """Questions to a worker, or their results, that the run holds."""
        return [
            each for each in self.sent if each.task is None and each not in self.cancelled and each.worker == worker
        ]

    def tasks(self, worker: str | None = None) -> list[Sent]:
        """Tasks that are with a worker, or with all, in the order in which they were sent."""
        there = [each for each in self.sent if each.task is not None and each not in self.cancelled]
        return [each for each in there if worker in (None, each.worker)]


@dataclass
class Noting(SharedFolder):
    """Notes what is asked of it, in order; fails at a task if asked to."""

    noted: list[str] = field(default_factory=list)
    fails: bool = False

    def offer(self, job: Job, step: Step) -> None:
        self.noted.append(f"offer {step}")

    def collect(self, folder: RunFolder, task: Task) -> None:
        if self.fails:
            raise StorageError("s3://bucket/run cannot be read: the bucket is gone")
        self.noted.append(f"collect {task.span.stem}")


@dataclass
class Stage:
    """An executor on a made-up cluster whose workers are ready."""

    cluster: MadeUp
    executor: DaskExecutor
    exchange: Noting
    lines: list[str]

    def submit(self, *starts: int, step: Step = Step.FORECAST) -> list[Task]:
        tasks = [Task(step, Span(lo, lo + 2)) for lo in starts]
        for task in tasks:
            self.executor.submit(task)
        return tasks

    def completed(self, count: int) -> list[TaskReport]:
        """Wait until so many tasks are completed: they are collected by another thread."""
        found: list[TaskReport] = []
        deadline = time.monotonic() + 60
        while len(found) < count:
            assert time.monotonic() < deadline
            found += self.executor.wait(0.01).completed
        return found


def staged(folder: Path, **threads: int) -> Stage:
    """A stage with workers of so many threads each, by name; all of them are ready."""
    cluster = MadeUp({name: WorkerInfo(name, count) for name, count in threads.items()})
    exchange, lines = Noting(), list[str]()
    job = job_of(fleet(1), folder, "naive")
    executor = DaskExecutor(cluster, job, exchange, OPTIONS, lines.append)  # type: ignore[arg-type]
    made = Stage(cluster, executor, exchange, lines)
    ready(made, *threads)
    return made


def ready(stage: Stage, *workers: str) -> None:
    stage.executor.wait(0)
    for worker in workers:
        stage.cluster.hear(worker, Ready(clock=0.0))
