"""What any executor must keep, as tests: `protocol.py` in sentences that can fail.

An executor's own test module imports them, and defines one fixture, `start`, of type `Start`: a function that returns an
executor of a job, with so many workers and other steps than the product's where a test says so. The module sees to it that what
was started is closed. Nothing here knows how an executor works.

    from turbo_forecast_tests.fleet.executors.contract import *  # noqa: F403

    @pytest.fixture
    def start() -> Iterator[Start]: ...

Executors whose workers are on other machines need this package there, as for any entrant of one's own.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.chunks import Span, cut
from turbo_forecast.fleet.executors import process_tags
from turbo_forecast.fleet.executors.protocol import Executor, InFlight, Lost, WorkersCannotStart
from turbo_forecast.fleet.retry_policy import StoreLedger, Work
from turbo_forecast.fleet.tasks import Job, Step, Task, TaskReport
from turbo_forecast.fleet.worker_steps import STEPS, Prepare
from turbo_forecast.types import Status
from turbo_forecast_tests.fleet.executors.steps import noted, part
from turbo_forecast_tests.fleet.working import fleet, forecast_of, job_of, wait_until

PATIENCE = 90.0
"""Seconds for anything that takes one or two, on a machine that others use."""
CLOSE_SECONDS = 5.0

__all__ = ["Start"]


class Start(Protocol):
    """Starts an executor."""

    def __call__(self, job: Job, workers: int, steps: Mapping[Step, Prepare] = STEPS) -> Executor:
        """An executor of so many workers."""
        ...


@dataclass
class Received:
    """All that an executor has told of the tasks it was given."""

    executor: Executor
    completed: list[TaskReport] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    in_flight: list[InFlight] = field(default_factory=list)

    def look(self) -> None:
        events = self.executor.wait(0.2)
        self.completed += events.completed
        self.lost += events.lost
        self.in_flight = events.in_flight

    def until(self, condition: Callable[["Received"], bool]) -> "Received":
        """Look until it holds."""

        def holds() -> bool:
            self.look()
            return condition(self)

        wait_until(holds, PATIENCE)
        return self

    @property
    def ended(self) -> int:
        return len(self.completed) + len(self.lost)

    @property
    def all_ended(self) -> list[Task]:
        return sorted([*(report.task for report in self.completed), *(lost.task for lost in self.lost)])


def tasks(step: Step, size: int, each: int) -> list[Task]:
    return [Task(step, span) for span in cut([Span(0, size)], each)]


def given(executor: Executor, wanted: list[Task], fresh: bool = False) -> Received:
    for task in wanted:
        executor.submit(task, fresh)
    return Received(executor)


def is_working(received: Received) -> bool:
    return bool(received.in_flight)


def test_each_task_is_told_once_as_completed(start: Start, tmp_path: Path) -> None:
    """More tasks than workers; and nothing is told of them afterwards."""
    wanted = tasks(Step.FORECAST, 7, 2)
    executor = start(job_of(fleet(7), tmp_path, "naive"), 2)
    received = given(executor, wanted).until(lambda received: received.ended >= len(wanted))
    for _ in range(3):
        received.look()
    assert (received.all_ended, received.lost) == (wanted, [])
    assert all(report.failed == 0 and report.peak_memory_mb > 10 for report in received.completed)


def test_what_a_task_leaves_is_there_when_it_is_told_as_completed(start: Start, tmp_path: Path) -> None:
    job = job_of(fleet(4), tmp_path, "naive")
    received = given(start(job, 1), tasks(Step.FORECAST, 4, 2))
    while received.ended < 2:
        received.look()
        for report in received.completed:
            assert forecast_of(job, report.task.span).height == 2


def test_a_task_whose_worker_dies_is_told_once_as_lost_and_the_others_are_done(start: Start, tmp_path: Path) -> None:
    job = job_of(fleet(6, marked=(3,)), tmp_path, "killer")
    received = given(start(job, 2), tasks(Step.FORECAST, 6, 2)).until(lambda received: received.ended >= 3)
    assert [lost.task.span for lost in received.lost] == [Span(2, 4)]
    assert received.lost[0].series in (3, None), "the series in flight, or nobody knows"
    assert sorted(report.task.span for report in received.completed) == [Span(0, 2), Span(4, 6)]


def test_a_worker_that_is_ended_loses_its_task_and_is_replaced(start: Start, tmp_path: Path) -> None:
    job = job_of(fleet(4, marked=(0,)), tmp_path, "sleeper")
    executor = start(job, 1)
    never, other = tasks(Step.FORECAST, 4, 2)
    received = given(executor, [never]).until(is_working)
    assert [entry.task for entry in received.in_flight] == [never]
    executor.kill(never)
    executor.submit(other)
    received.until(lambda received: received.ended >= 2)
    assert [lost.task for lost in received.lost] == [never]
    assert [report.task for report in received.completed] == [other]


def test_to_end_a_task_that_nobody_is_at_is_no_error(start: Start, tmp_path: Path) -> None:
    """It may have been finished in the same moment."""
    wanted = tasks(Step.FORECAST, 2, 2)
    executor = start(job_of(fleet(2), tmp_path, "naive"), 1)
    received = given(executor, wanted).until(lambda received: received.ended >= 1)
    executor.kill(wanted[0])
    executor.kill(Task(Step.FORECAST, Span(5, 6)))
    received.look()
    assert received.all_ended == wanted


def test_what_is_in_flight_is_told_with_how_long(start: Start, tmp_path: Path) -> None:
    job = job_of(fleet(3, marked=(1,)), tmp_path, "sleeper")
    (task,) = tasks(Step.FORECAST, 3, 3)
    received = given(start(job, 1), [task]).until(
        lambda received: any(entry.seconds > 0.5 for entry in received.in_flight)
    )
    (entry,) = received.in_flight
    assert entry.task == task
    assert entry.series in (1, None)
    assert entry.finished in (0, 1)
    assert not received.ended


def test_a_fresh_worker_has_done_nothing_before(start: Start, tmp_path: Path) -> None:
    job = job_of(fleet(4), tmp_path, "naive")
    executor = start(job, 1, {Step.COMBINE: part("works")})
    for task in tasks(Step.COMBINE, 4, 2):
        given(executor, [task], fresh=True).until(lambda received: received.ended >= 1)
    assert len({pid for pid, _ in noted(job)}) == 2


def test_a_worker_that_is_not_to_be_fresh_goes_on(start: Start, tmp_path: Path) -> None:
    job = job_of(fleet(8), tmp_path, "naive")
    executor = start(job, 1, {step: part("works") for step in Step})
    for step in (Step.COMBINE, Step.PUBLISH):
        given(executor, tasks(step, 8, 2)).until(lambda received: received.ended >= 4)
    assert len({pid for pid, _ in noted(job)}) == 1


def test_no_more_tasks_are_worked_at_once_than_there_are_workers(start: Start, tmp_path: Path) -> None:
    executor = start(job_of(fleet(12), tmp_path, "slow"), 2)
    assert executor.workers == 2
    received, most = given(executor, tasks(Step.FORECAST, 12, 1)), 0
    while received.ended < 12:
        received.look()
        most = max(most, len(received.in_flight))
    assert 1 <= most <= 2


def test_what_a_task_raises_is_raised_to_who_waits(start: Start, tmp_path: Path) -> None:
    job = job_of(fleet(2), tmp_path, "naive")
    received = given(start(job, 1, {Step.COMBINE: part("fills_the_disk")}), tasks(Step.COMBINE, 2, 2))
    with pytest.raises(StorageError, match="/data/part.parquet cannot be written: No space left on device"):
        received.until(lambda received: received.ended >= 1)


def test_workers_that_cannot_start_are_told_of_with_their_own_words(start: Start, tmp_path: Path) -> None:
    received = given(start(job_of(fleet(2), tmp_path, "cannot_start"), 1), tasks(Step.FORECAST, 2, 2))
    with pytest.raises(WorkersCannotStart, match="MemoryError: no room for this entrant"):
        received.until(lambda received: received.ended >= 1)


def test_tallies_are_of_the_present_step_and_never_more_than_was_done(start: Start, tmp_path: Path) -> None:
    """They may be empty: an executor need not know."""
    job = job_of(fleet(8), tmp_path, "naive")
    executor = start(job, 2, {step: part("works") for step in Step})
    assert sum(tally.series for tally in executor.tallies()) == 0
    for step in (Step.COMBINE, Step.PUBLISH):
        received = given(executor, tasks(step, 8, 2))
        while received.ended < 4:
            received.look()
            assert sum(tally.series for tally in executor.tallies()) <= 8
        told = executor.tallies()
        assert not told or sum(tally.series for tally in told) == 8


@pytest.mark.parametrize("waits", [True, False])
def test_close_ends_all_workers_at_once_whatever_they_are_at(waits: bool, start: Start, tmp_path: Path) -> None:
    """While they work, and while they start."""
    job = job_of(fleet(4, marked=(0, 1, 2, 3)), tmp_path, "sleeper")
    executor = start(job, 2)
    received = given(executor, tasks(Step.FORECAST, 4, 1))
    if waits:
        received.until(lambda received: len(received.in_flight) == 2)
    pids = [tally.pid for tally in executor.tallies()]
    began = time.monotonic()
    executor.close()
    assert time.monotonic() - began < CLOSE_SECONDS
    wait_until(lambda: not any(map(_is_ours_and_alive, pids)), CLOSE_SECONDS)
    executor.close()


def test_the_policy_loses_nothing_and_finds_the_poison_tasks_on_it(start: Start, tmp_path: Path) -> None:
    """Two that kill their workers, and a worker that dies by itself, in one fleet."""
    job = job_of(fleet(10, marked=(2, 7)), tmp_path, ["slow", "killer"], series_timeout_seconds=60.0)
    executor = start(job, 2)
    reports: list[TaskReport] = []
    accident: list[int] = []

    def look(snapshot: object) -> None:
        if reports and not accident and (tallies := executor.tallies()):
            accident.append(tallies[0].pid)
            if _is_ours_and_alive(accident[0]):
                os.kill(accident[0], signal.SIGKILL)

    work = Work(executor, StoreLedger(job), job.settings.series_timeout_seconds)
    work.run(Step.FORECAST, cut([Span(0, 10)], 3), reports.append, look)
    done = sorted(series for report in reports for series in range(report.task.span.lo, report.task.span.hi))
    assert done == list(range(10))
    quarantined = {report.task.span.lo: report.task.status for report in reports if report.task.quarantined}
    assert quarantined == dict.fromkeys((2, 7), Status.WORKER_DIED)


def _is_ours_and_alive(pid: int) -> bool:
    """Whether the process is a worker on this machine (another one's number may be anybody's here), and lives."""
    try:
        return (
            bool(process_tags.tag_in_environment(pid))
            and Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
        )
    except (OSError, IndexError):
        return False


__all__ += [name for name in list(globals()) if name.startswith("test_")]
