"""Worker processes of this machine whose results are shared with other machines too, so that they outlive this one.

Belongs here: staging out what each task has left, before it counts as completed. Does not belong here: where that goes
(`exchange.py`), and the processes (`processes.py`).
"""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from turbo_forecast.fleet.exchange import Exchange
from turbo_forecast.fleet.executors.protocol import Events, Executor
from turbo_forecast.fleet.executors.worker_status import Tally
from turbo_forecast.fleet.tasks import Job, Task, TaskReport

THREADS = 4
"""Tasks whose results are staged out at the same time, while the workers go on."""
GLANCE_SECONDS = 0.05
"""A task that is still being staged out is looked for again so soon, when there is nothing else to wait for."""


class SharingExecutor:
    """Another executor, each of whose completed tasks has been staged out to an exchange."""

    def __init__(self, executor: Executor, job: Job, exchange: Exchange) -> None:
        self._executor, self._job, self._exchange = executor, job, exchange
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="share")
        self._uploads: dict[Task, tuple[TaskReport, Future[None]]] = {}

    @property
    def workers(self) -> int:
        """Those of the executor."""
        return self._executor.workers

    def chunk_size(self, series: int, wanted: int) -> int:
        """As the executor has it."""
        return self._executor.chunk_size(series, wanted)

    def submit(self, task: Task, fresh: bool = False) -> None:
        """Pass a task on."""
        self._executor.submit(task, fresh)

    def wait(self, seconds: float) -> Events:
        """What has happened; completed is what has been staged out. Raises StorageError where that is not possible."""
        deadline = time.monotonic() + seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            events = self._executor.wait(min(left, GLANCE_SECONDS) if self._uploads else left)
            for report in events.completed:
                upload = self._threads.submit(self._exchange.stage_out, self._job, report.task)
                self._uploads[report.task] = (report, upload)
            for lost in events.lost:
                if lost.begun is not None:  # what a worker had finished before it was replaced counts at once
                    self._exchange.stage_out(self._job, lost.begun.task)
            events.completed = self._uploaded()
            if events.completed or events.lost or time.monotonic() >= deadline:
                return events

    def _uploaded(self) -> list[TaskReport]:
        done = [task for task, (_, upload) in self._uploads.items() if upload.done()]
        reports = []
        for task in done:
            report, upload = self._uploads.pop(task)
            upload.result()
            reports.append(report)
        return reports

    def kill(self, task: Task) -> None:
        """Pass it on."""
        self._executor.kill(task)

    def tallies(self) -> Sequence[Tally]:
        """Those of the executor."""
        return self._executor.tallies()

    def close(self) -> None:
        """End the workers; what is being staged out is left to itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._executor.close()
