"""A worker's equipment, without processes: the same code serves whatever carries the tasks."""

import ctypes
import resource
from pathlib import Path

import pytest

from turbo_forecast.fleet import worker_steps
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.executors.worker_status import SIZE, StatusWriter, WorkerStatus
from turbo_forecast.fleet.tasks import Job, Step, Task
from turbo_forecast.fleet.worker_steps import STEPS, Equipment, WornOut
from turbo_forecast_tests.fleet.executors.steps import noted, part
from turbo_forecast_tests.fleet.working import fleet, job_of, left

Memory = "ctypes.Array[ctypes.c_char]"


def equipped(job: Job, **steps: str) -> tuple[Equipment, Memory]:
    memory = ctypes.create_string_buffer(SIZE)
    own = {Step(name): part(function) for name, function in steps.items()}
    return Equipment(job, StatusWriter(memory), {**STEPS, **own}), memory


def test_every_step_has_its_line() -> None:
    assert list(STEPS) == list(Step)


def test_a_chunk_is_forecast_and_left_in_files_and_only_a_summary_returns(tmp_path: Path) -> None:
    job = job_of(fleet(3, marked=(1,)), tmp_path, "naive")
    own, memory = equipped(job)
    own.prepare(Step.FORECAST)
    report = own.perform(Task(Step.FORECAST, Span(0, 2)))
    assert (report.task.span, report.failed) == (Span(0, 2), 1)
    outcomes, _ = left(job)
    assert outcomes["outcome"].to_list() == ["forecast", "failed"]
    status = WorkerStatus.read(memory)
    assert (status.series, status.of_task, status.in_flight) == (2, 2, None)


def test_a_quarantined_series_is_forecast_by_the_fallback_alone(tmp_path: Path) -> None:
    job = job_of(fleet(1, marked=(0,)), tmp_path, "killer")
    own, _ = equipped(job)
    own.prepare(Step.FORECAST)
    assert own.perform(Task(Step.FORECAST, Span(0, 1), quarantined="it kills")).failed == 1
    outcomes, models = left(job)
    assert outcomes["reason"].to_list() == ["it kills"]
    assert models == {0: {"seasonal_naive"}}


def test_a_worker_without_files_to_spare_gives_up_with_the_series_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, memory = equipped(job_of(fleet(2), tmp_path, "naive"))
    own.prepare(Step.FORECAST)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    monkeypatch.setattr(worker_steps, "SPARE_FILES", 256)
    try:
        with pytest.raises(WornOut):
            own.perform(Task(Step.FORECAST, Span(1, 2)))
        (tmp_path / "another").touch()  # what was opened to try has been closed again
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert WorkerStatus.read(memory).in_flight == 1


def test_parts_are_counted_whole_and_each_step_by_itself(tmp_path: Path) -> None:
    job = job_of(fleet(6), tmp_path, "naive")
    own, memory = equipped(job, combine="works", publish="works")
    for step, parts in ((Step.COMBINE, [Span(0, 4), Span(4, 6)]), (Step.PUBLISH, [Span(0, 4)])):
        own.prepare(step)
        for span in parts:
            own.perform(Task(step, span))
        tally = WorkerStatus.read(memory).tally(1)
        assert (tally.series, tally.at_first) == (parts[-1].hi, 4)
    assert [lo for _, lo in noted(job)] == [0, 4, 0]
