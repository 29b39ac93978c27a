"""The limit on a worker's memory: who is blamed, who is not, and what counts."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from turbo_forecast.fleet import retry_policy
from turbo_forecast.fleet.chunks import Span, cut
from turbo_forecast.fleet.executors import memory
from turbo_forecast.fleet.executors.process_tags import TAG_VARIABLE
from turbo_forecast.fleet.executors.protocol import WorkersCannotStart
from turbo_forecast.fleet.retry_policy import PartLost
from turbo_forecast.fleet.tasks import Step, TaskReport
from turbo_forecast.fleet.worker_steps import Parts
from turbo_forecast.types import Status
from turbo_forecast_tests.fleet.executors.steps import noted
from turbo_forecast_tests.fleet.working import Forecast, fleet, forecast, job_of, working

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("memory"),
    pytest.mark.skipif(not memory.can_be_measured(), reason="this system does not tell what a process holds"),
]
HUNGRY = "turbo_forecast_tests.fleet.hungry"
ROOM = 200
"""MB beside what a worker needs for starting: the tests' entrants take 400 or less than 150."""


@pytest.fixture(scope="module")
def needed(tmp_path_factory: pytest.TempPathFactory) -> int:
    """MB that a worker needs for starting, by the sentence that says it."""
    folder = tmp_path_factory.mktemp("needed")
    with pytest.raises(WorkersCannotStart, match=r"needs \d+ MB before its first series.* allows 1:") as caught:
        forecast(job_of(fleet(2), folder, f"{HUNGRY}:glutton", worker_memory_mb=1), 2)
    found = re.search(r"needs (\d+) MB", str(caught.value))
    assert found
    return int(found[1])


@pytest.fixture
def limit(needed: int) -> int:
    return needed + ROOM


def limited(
    name: str, folder: Path, limit: int, *, size: int, marked: tuple[int, ...] = (), chunk: int = 3
) -> Forecast:
    job = job_of(fleet(size, marked), folder, f"{HUNGRY}:{name}", worker_memory_mb=limit)
    return forecast(job, size, chunk=chunk, workers=1)


@pytest.mark.parametrize("entrant", ["glutton", "keeper", "parent_of_runaway"])
def test_a_series_that_needs_more_than_a_worker_may_hold_is_recorded_and_the_others_go_on(
    entrant: str, tmp_path: Path, limit: int
) -> None:
    done = limited(entrant, tmp_path, limit, size=4, marked=(1,))
    assert done.named("forecast") == [0, 2, 3]
    assert done.models[1] == {"seasonal_naive"}, "the quarantined series is forecast by the fallback"
    said = f"the worker needed more than {limit} MB at this series (worker_memory_mb)"
    assert done.outcomes.row(1, named=True)["reason"] == said
    assert [report.task.status for report in done.reports if report.failed] == [Status.MEMORY_EXCEEDED]
    assert sorted(series for report in done.reports for series in _series(report)) == list(range(4))


@pytest.mark.parametrize("entrant", ["sharer", "reader"])
def test_what_is_shared_counts_once_and_what_the_system_can_take_back_does_not(
    entrant: str, tmp_path: Path, limit: int
) -> None:
    """Six children share 80 MB with their parent; a file of 400 MB is mapped."""
    done = limited(entrant, tmp_path, limit, size=3, marked=(1,))
    assert done.named("forecast") == [0, 1, 2]


def test_a_worker_that_grows_by_and_by_is_replaced_and_no_series_is_blamed(tmp_path: Path, limit: int) -> None:
    """30 MB stay of each fit, of which there are two a series: no worker has room for twelve series."""
    job = job_of(fleet(12), tmp_path, f"{HUNGRY}:leaker", worker_memory_mb=limit)
    told: list[str] = []
    done = forecast(job, 12, chunk=12, workers=1, log=told.append)
    assert done.named("forecast") == list(range(12))
    spans = sorted(report.task.span for report in done.reports)
    assert len(spans) > 2, "one worker did for all: nothing was tried"
    assert [span.lo for span in spans[1:]] == [span.hi for span in spans[:-1]], "what was finished is not done again"
    assert all(report.is_outgrown for report in done.reports[:-1])
    assert sum("a worker has grown, series by series, to near worker_memory_mb" in line for line in told) == 1


def test_without_a_limit_nobody_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*others: object) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr(memory.MemoryWatch, "measure", refuse)
    done = limited("keeper", tmp_path, 0, size=3, marked=(1,))
    assert done.named("forecast") == [0, 1, 2]


@pytest.mark.parametrize("entrant", ["large_from_the_start", "grows_while_it_starts"])
def test_a_limit_that_is_lower_than_what_a_worker_needs_for_starting_says_how_much_that_is(
    entrant: str, tmp_path: Path, needed: int, limit: int
) -> None:
    with pytest.raises(WorkersCannotStart) as caught:
        limited(entrant, tmp_path, limit, size=2)
    found = re.fullmatch(
        rf"a worker needs ([\d,]+) MB before its first series, and worker_memory_mb allows {limit}: give it more, or 0 for "
        "no limit",
        str(caught.value),
    )
    assert found
    assert limit < int(found[1]) < needed + 500


def test_a_limit_with_which_no_worker_finishes_any_series_ends_the_run(
    tmp_path: Path, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_policy, "MAX_TOO_LARGE", 3)
    with pytest.raises(
        WorkersCannotStart, match=f"3 workers needed more than {limit} MB .* worker_memory_mb is too low"
    ):
        limited("insatiable", tmp_path, limit, size=8, chunk=2)


def test_a_part_that_needs_too_much_ends_the_run_with_the_limits_name(tmp_path: Path, limit: int) -> None:
    job = job_of(fleet(8), tmp_path, f"{HUNGRY}:glutton", worker_memory_mb=limit)
    with (
        working(job, 2, steps={Step.COMBINE: Parts(f"{HUNGRY}:hungry_part")}) as (work, _),
        pytest.raises(PartLost) as caught,
    ):
        work.run(Step.COMBINE, cut([Span(0, 8)], 2))
    assert str(caught.value) == (
        "the step combine took its worker process down twice at series host-002/cpu to host-003/cpu: alone in a fresh "
        f"worker, it needed more than {limit} MB (worker_memory_mb); give it more, or 0 for no limit"
    )
    assert [lo for _, lo in noted(job)].count(2) == 2


@pytest.mark.parametrize("does", ["leaking_part", "hungry_once"])
def test_parts_whose_worker_has_grown_are_done_by_another(does: str, tmp_path: Path, limit: int) -> None:
    job = job_of(fleet(12), tmp_path, f"{HUNGRY}:glutton", worker_memory_mb=limit)
    reports: list[TaskReport] = []
    parts = cut([Span(0, 12)], 2)
    with working(job, 1, steps={Step.COMBINE: Parts(f"{HUNGRY}:{does}")}) as (work, _):
        work.run(Step.COMBINE, parts, reports.append)
    assert sorted(report.task.span for report in reports) == parts
    assert len({pid for pid, _ in noted(job)}) > 1
    assert len(noted(job)) == len(parts) + (does == "hungry_once")


def test_what_the_system_does_not_tell_is_no_limit_that_is_silently_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turbo_forecast.fleet.executors.processes.can_be_measured", lambda: False)
    with pytest.raises(WorkersCannotStart, match="worker_memory_mb cannot be kept here"):
        limited("keeper", tmp_path, 1000, size=1)


def test_workers_offer_themselves_before_the_run_when_memory_gets_short(tmp_path: Path) -> None:
    own = int(Path("/proc/self/oom_score_adj").read_text())
    with working(job_of(fleet(2), tmp_path, f"{HUNGRY}:keeper"), 1) as (work, executor):
        work.run(Step.FORECAST, [Span(0, 2)])
        (worker,) = executor.tallies()
        assert int(Path(f"/proc/{worker.pid}/oom_score_adj").read_text()) == max(own, memory.OOM_SCORE)
    assert int(Path("/proc/self/oom_score_adj").read_text()) == own


def test_memory_is_measured_as_the_system_accounts_for_it() -> None:
    """A process with 100 MB, and a child of its with 50: against what was asked for, within what an interpreter itself takes."""
    child = "held = b'x' * (50 << 20); import time; time.sleep(600)"
    parent = (
        "import subprocess, sys, time; held = b'x' * (100 << 20); "
        "subprocess.Popen([sys.executable, '-c', sys.argv[1]]); time.sleep(600)"
    )
    environment = {**os.environ, TAG_VARIABLE: "measured"}
    process = subprocess.Popen([sys.executable, "-c", parent, child], env=environment, start_new_session=True)
    try:
        watch = memory.MemoryWatch(limit_mb=120)
        deadline = time.monotonic() + 30
        # more, for as long as the child is still a copy of its parent
        while not 150 <= (held := watch.measure({process.pid: "measured"})[process.pid]) < 200:
            assert time.monotonic() < deadline, held
            time.sleep(0.05)
        assert watch.seconds_left > 0.0
        assert 100 <= memory.held_mb(process.pid) < 130
    finally:
        os.killpg(process.pid, 9)
        process.wait()
    assert watch.measure({process.pid: "measured"})[process.pid] == 0.0


def _series(report: TaskReport) -> range:
    return range(report.task.span.lo, report.task.span.hi)
