"""What tasks leave on this machine is handed back before they count as completed."""

import threading
from pathlib import Path

import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.exchange import SharedFolder
from turbo_forecast.fleet.executors.choice import executor_of
from turbo_forecast.fleet.executors.protocol import Events, Lost
from turbo_forecast.fleet.executors.sharing import SharingExecutor
from turbo_forecast.fleet.retry_policy import StoreLedger, Work
from turbo_forecast.fleet.tasks import Job, Step, Task, TaskReport
from turbo_forecast.types import Status
from turbo_forecast_tests.fleet.working import fleet, job_of


class Noting(SharedFolder):
    """Notes what is handed back, and whether it was there by then."""

    def __init__(self) -> None:
        self.handed: list[tuple[Span, bool]] = []
        self.lock = threading.Lock()

    def stage_out(self, job: Job, task: Task) -> None:
        there = (job.folder.forecast / f"{task.span.stem}.outcomes.arrow").exists()
        with self.lock:
            self.handed.append((task.span, there))


class Full(SharedFolder):
    def stage_out(self, job: Job, task: Task) -> None:
        raise StorageError("s3://bucket/run cannot be written: the bucket is gone")


def job(folder: Path) -> Job:
    return job_of(fleet(4), folder, "naive", workers=1)


def test_each_task_is_handed_back_when_its_files_are_there_and_before_it_is_reported(tmp_path: Path) -> None:
    exchange, own = Noting(), job(tmp_path)
    reports: list[TaskReport] = []

    def on_report(report: TaskReport) -> None:
        assert (report.task.span, True) in exchange.handed
        reports.append(report)

    with executor_of(own, exchange, None, lambda line: None) as executor:
        assert isinstance(executor, SharingExecutor)
        Work(executor, StoreLedger(own, exchange), 60).run(Step.FORECAST, [Span(0, 2), Span(2, 4)], on_report)
    assert sorted(report.task.span for report in reports) == [Span(0, 2), Span(2, 4)]
    assert sorted(exchange.handed) == [(Span(0, 2), True), (Span(2, 4), True)]


def test_what_cannot_be_handed_back_ends_the_run_with_its_sentence(tmp_path: Path) -> None:
    own = job(tmp_path)
    with (
        pytest.raises(StorageError, match="the bucket is gone"),
        executor_of(own, Full(), None, lambda line: None) as executor,
    ):
        Work(executor, StoreLedger(own), 60).run(Step.FORECAST, [Span(0, 4)])


def test_what_the_run_records_itself_is_handed_back_too(tmp_path: Path) -> None:
    exchange, own = Noting(), job(tmp_path)
    StoreLedger(own, exchange).record(Task(Step.FORECAST, Span(1, 2), "it died", Status.WORKER_DIED))
    assert exchange.handed == [(Span(1, 2), True)]


class Replacing:
    """An executor that tells once of a worker that was replaced when it had finished a part of its task."""

    workers = 1

    def __init__(self, lost: Lost) -> None:
        self.lost = lost

    def wait(self, seconds: float) -> Events:
        return Events(lost=[self.lost])


def test_what_a_worker_had_finished_before_it_was_replaced_is_handed_back_too(tmp_path: Path) -> None:
    exchange, own = Noting(), job(tmp_path)
    begun = TaskReport(Task(Step.FORECAST, Span(0, 3)), is_outgrown=True)
    lost = Lost(Task(Step.FORECAST, Span(0, 4)), begun=begun)
    events = SharingExecutor(Replacing(lost), own, exchange).wait(1.0)  # type: ignore[arg-type]
    assert events.lost == [lost]
    assert [span for span, _ in exchange.handed] == [Span(0, 3)]
