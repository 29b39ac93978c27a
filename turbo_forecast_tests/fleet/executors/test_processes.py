"""Worker processes: a death costs at most the series that caused it."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet import retry_policy
from turbo_forecast.fleet.chunks import Span, cut
from turbo_forecast.fleet.executors import start_watch
from turbo_forecast.fleet.executors.protocol import WorkersCannotStart
from turbo_forecast.fleet.retry_policy import PartLost
from turbo_forecast.fleet.tasks import Step, TaskReport
from turbo_forecast.fleet.worker_steps import STEPS
from turbo_forecast.types import Status
from turbo_forecast_tests.fleet.executors.steps import noted, part
from turbo_forecast_tests.fleet.working import EVIL, fleet, forecast, job_of, wait_until, working

ROOT = Path(__file__).parents[3]
PARTS = cut([Span(0, 8)], 2)


def test_a_killed_worker_loses_only_the_series_that_killed_it_and_the_other_workers_chunk_is_not_repeated(
    tmp_path: Path,
) -> None:
    """Each series takes a while, so that both workers are at work when one dies."""
    job = job_of(fleet(6, marked=(1,)), tmp_path, ["slow", "killer"])
    done = forecast(job, 6, chunk=3)
    assert done.named("failed") == [1]
    assert done.named("forecast") == [0, 2, 3, 4, 5]
    assert done.models[1] == {"seasonal_naive"}, "the quarantined series is forecast by the fallback"
    assert [report.task.status for report in done.reports if report.failed] == [Status.WORKER_DIED]
    assert sorted(report.task.span for report in done.reports) == [Span(0, 1), Span(1, 2), Span(2, 3), Span(3, 6)]
    assert all(report.peak_memory_mb > 10 for report in done.reports)


@pytest.mark.parametrize("entrant", ["hoarder", "hoarder_that_fails", "tidier"])
def test_who_uses_up_what_all_series_share_costs_only_his_own(entrant: str, tmp_path: Path) -> None:
    """All files that a process may open; the folder of temporary files."""
    done = forecast(job_of(fleet(3, marked=(1,)), tmp_path, entrant), 3, chunk=3, workers=1)
    assert done.named("forecast") == [0, 2]
    assert sorted(done.models) == [0, 1, 2], "the quarantined series has its fallback's forecast"


@pytest.mark.parametrize("entrant", ["twins", "twins_from_the_start"])
def test_an_entrant_that_forks_and_returns_twice_is_answered_for_once(entrant: str, tmp_path: Path) -> None:
    done = forecast(job_of(fleet(4, marked=(1,)), tmp_path, entrant), 4, chunk=2, workers=1)
    assert done.named("forecast") == [0, 1, 2, 3]
    assert [report.task.span for report in done.reports] == [Span(0, 2), Span(2, 4)]


def test_what_an_entrant_has_raise_does_not_raise_for_others(tmp_path: Path) -> None:
    """Floating-point errors and warnings are told once for a whole process."""
    entrants = ["strict", "careless"]
    done = forecast(job_of(fleet(3, marked=(0, 1)), tmp_path, entrants), 3, chunk=3, workers=1)
    assert done.outcomes["reason"].to_list() == [None] * 3


def test_an_entrant_that_forgets_to_close_files_gets_a_new_worker_in_time(tmp_path: Path) -> None:
    """It uses up what a worker may open every few series, and each series is tried in a worker that has all files."""
    job = job_of(fleet(12), tmp_path, "leaker")
    done = forecast(job, 12, chunk=12, workers=1)
    assert done.named("forecast") == list(range(12))
    assert len(done.reports) > 1, "one worker did for all: nothing was tried"


def test_a_series_that_never_ends_is_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    job = job_of(fleet(6, marked=(2,)), tmp_path, "sleeper", series_timeout_seconds=1.0)
    done = forecast(job, 6, chunk=3)
    assert done.named("failed") == [2]
    assert done.outcomes.row(2, named=True)["reason"] == "the series took longer than 1 s (series_timeout_seconds)"
    assert done.named("forecast") == [0, 1, 3, 4, 5]
    assert [report.task.status for report in done.reports if report.failed] == [Status.TIMED_OUT]


def test_workers_that_cannot_start_end_the_run_with_their_own_words(tmp_path: Path) -> None:
    with pytest.raises(WorkersCannotStart, match="MemoryError: no room for this entrant"):
        forecast(job_of(fleet(2), tmp_path, "cannot_start"), 2, workers=1)


def test_workers_that_die_while_they_start_without_a_word_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turbo_forecast.fleet.executors.processes.MAX_START_DEATHS", 2)
    with pytest.raises(WorkersCannotStart, match="died 2 times in a row while they started"):
        forecast(job_of(fleet(2), tmp_path, "dies_at_start"), 2, workers=1)


@pytest.mark.parametrize("entrant", ["starts_slowly", "import_takes_long:build", "first_of_two"])
def test_a_start_that_takes_longer_than_a_series_may_ends_nothing(
    entrant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entrant's build, its module's import, and the build of one among several."""
    (tmp_path / "import_takes_long.py").write_text(
        "import multiprocessing, time\n"
        "from turbo_forecast_tests.fleet.entrants import naive as build\n"
        "if multiprocessing.parent_process(): time.sleep(1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    entrants = {"first_of_two": ["naive", "starts_slowly"]}.get(entrant, [entrant])
    done = forecast(job_of(fleet(2), tmp_path, entrants, series_timeout_seconds=0.6), 2, workers=1)
    assert done.named("forecast") == [0, 1]


def test_a_start_that_does_not_end_is_told_with_the_entrant_that_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_watch, "FIRST_WORD_SECONDS", 0.3)
    told: list[str] = []

    def log(line: str) -> None:
        told.append(line)
        if "building" in line:
            raise KeyboardInterrupt  # as the person who reads it

    with pytest.raises(KeyboardInterrupt):
        forecast(job_of(fleet(2), tmp_path, "starts_for_ever"), 1, workers=1, log=log)
    assert all(line.startswith("still waiting for 1 of 1 worker to start (") for line in told), told
    assert told[-1].endswith(f"building {EVIL.format('starts_for_ever')})")


@pytest.mark.parametrize("step", [Step.COMBINE, Step.PUBLISH])
def test_a_worker_that_somebody_has_stopped_is_ended_and_its_part_done_by_another(
    step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_policy, "STUCK_SECONDS", 0.5)
    job = job_of(fleet(8), tmp_path, "naive", series_timeout_seconds=0.4)
    reports: list[TaskReport] = []
    with working(job, 2, steps={step: part("is_stopped_once")}) as (work, _):
        work.run(step, PARTS, reports.append)
    assert sorted(report.task.span for report in reports) == PARTS


def test_a_worker_that_is_stopped_before_it_hears_of_its_task_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_policy, "STUCK_SECONDS", 0.5)
    job = job_of(fleet(8), tmp_path, "naive", series_timeout_seconds=0.4)
    reports: list[TaskReport] = []
    with working(job, 1, steps={Step.COMBINE: part("works")}) as (work, executor):
        work.run(Step.COMBINE, PARTS[:1], reports.append)
        os.kill(executor.tallies()[0].pid, signal.SIGSTOP)
        work.run(Step.COMBINE, PARTS[1:], reports.append)
    assert sorted(report.task.span for report in reports) == PARTS


@pytest.mark.parametrize("step", [Step.COMBINE, Step.PUBLISH])
def test_a_killed_worker_loses_its_part_which_is_done_again_and_the_other_workers_part_is_not(
    step: Step, tmp_path: Path
) -> None:
    job = job_of(fleet(8), tmp_path, "naive")
    reports: list[TaskReport] = []
    with working(job, 2, steps={step: part("dies_once")}) as (work, _):
        work.run(step, PARTS, reports.append)
    assert sorted(report.task.span for report in reports) == PARTS
    assert sorted(lo for _, lo in noted(job)) == [0, 2, 2, 4, 6]
    assert len({pid for pid, _ in noted(job)}) >= 2


def test_a_part_that_always_kills_ends_the_run_with_the_names_of_its_series(tmp_path: Path) -> None:
    job = job_of(fleet(8), tmp_path, "naive")
    with (
        working(job, 2, steps={Step.COMBINE: part("dies_always")}) as (work, _),
        pytest.raises(PartLost, match="the step combine .* 3 times at series host-002/cpu to host-003/cpu"),
    ):
        work.run(Step.COMBINE, PARTS)
    assert [lo for _, lo in noted(job)].count(2) == 3


def test_workers_live_from_the_first_step_to_the_last(tmp_path: Path) -> None:
    job = job_of(fleet(4), tmp_path, "naive")
    steps = {**STEPS, Step.COMBINE: part("works"), Step.PUBLISH: part("works")}
    with working(job, 2, steps=steps) as (work, executor):
        work.run(Step.FORECAST, cut([Span(0, 4)], 1))
        workers = {tally.pid for tally in executor.tallies()}
        work.run(Step.COMBINE, PARTS)
        assert {tally.pid for tally in executor.tallies()} == workers
        assert sum(tally.series for tally in executor.tallies()) == 8, "each step is counted by itself"
        work.run(Step.PUBLISH, PARTS)
    assert {pid for pid, _ in noted(job)} == workers
    assert not any(map(_alive, workers))


def test_entrants_are_built_for_the_step_that_asks_them_only(tmp_path: Path) -> None:
    job = job_of(fleet(8), tmp_path, "cannot_start")
    with working(job, 1, steps={**STEPS, Step.PUBLISH: part("works")}) as (work, _):
        work.run(Step.PUBLISH, PARTS)
        with pytest.raises(WorkersCannotStart):
            work.run(Step.FORECAST, PARTS)


def test_no_more_workers_are_started_than_there_are_tasks(tmp_path: Path) -> None:
    job = job_of(fleet(8), tmp_path, "naive")
    with working(job, 5, steps={Step.COMBINE: part("works")}) as (work, executor):
        work.run(Step.COMBINE, [Span(0, 8)])
        assert len(executor.tallies()) == 1


@pytest.mark.parametrize(
    ("does", "error", "said"),
    [
        ("fills_the_disk", StorageError, "/data/part.parquet cannot be written: No space left on device"),
        ("has_a_defect", RuntimeError, f"Awkward: {os.strerror(errno.EIO)}: somewhere"),
    ],
)
def test_what_a_task_raises_reaches_the_caller_with_the_place_where_it_was_raised(
    does: str, error: type[Exception], said: str, tmp_path: Path
) -> None:
    job = job_of(fleet(8), tmp_path, "naive")
    with working(job, 1, steps={Step.COMBINE: part(does)}) as (work, _), pytest.raises(error) as caught:
        work.run(Step.COMBINE, PARTS)
    assert str(caught.value) == said
    assert f", in {does}\n" in caught.value.__notes__[0]


@pytest.mark.parametrize("entrant", ["parent", "parent_that_sleeps", "parent_that_dies"])
def test_what_an_entrant_has_started_ends_with_the_run(
    entrant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Children that left the worker's process group, by themselves or with their parent, however the worker ended."""
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.setenv("TEST_FOLDER", str(notes))
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        job = job_of(fleet(3, marked=(1,)), tmp_path, entrant, series_timeout_seconds=2.0)
        done = forecast(job, 3, workers=1)
        assert done.outcomes.height == 3
        started = [int(name) for name in os.listdir(notes)]
        assert len(started) >= 3
        # the child with an empty environment cannot be told once its parent has died by itself
        spared = 1 if entrant == "parent_that_dies" else 0
        living = [pid for pid in started if _alive(pid)]
        for pid in living:
            os.kill(pid, signal.SIGKILL)
        assert len(living) <= spared
        assert other.poll() is None, "what is not the workers' goes on"
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM])
def test_workers_and_what_they_have_started_end_when_their_parent_is_killed(
    kind: signal.Signals, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    parent = _another_parent("parent_that_sleeps", tmp_path, TEST_FOLDER=str(notes))
    wait_until(lambda: len(os.listdir(notes)) >= 3, 60)
    workers = _children(parent.pid, "spawn_main")
    assert len(workers) == 2
    time.sleep(0.3)
    parent.send_signal(kind)
    assert parent.wait(timeout=20) == -kind
    started = [*workers, *(int(name) for name in os.listdir(notes))]
    wait_until(lambda: not any(map(_alive, started)), 5)


def test_ctrl_c_reaches_only_the_parent_which_ends_its_workers_at_once(tmp_path: Path) -> None:
    parent = _another_parent("sleeper", tmp_path)
    chunks = tmp_path / "begun"
    wait_until(chunks.exists, 60)
    workers = _children(parent.pid, "spawn_main")
    assert len(workers) == 2
    began = time.monotonic()
    os.killpg(parent.pid, signal.SIGINT)
    _, err = parent.communicate(timeout=20)
    assert time.monotonic() - began < 5, "work in flight was waited for"
    assert err.count("Traceback") == err.count("KeyboardInterrupt") == 1, err
    assert not any(map(_alive, workers))


def _another_parent(entrant: str, folder: Path, **environment: str) -> "subprocess.Popen[str]":
    """A process of its own group that forecasts two marked series, and touches `begun` when both are in flight."""
    script = f"""
from pathlib import Path
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.tasks import Step
from turbo_forecast_tests.fleet.working import fleet, job_of, working

folder = Path({str(folder)!r})

def look(see):
    if len(see().running) == 2:
        (folder / "begun").touch()

with working(job_of(fleet(2, marked=(0, 1)), folder, {entrant!r}), 2) as (work, _):
    work.run(Step.FORECAST, [Span(0, 1), Span(1, 2)], on_progress=look)
"""
    command = [sys.executable, "-c", script]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_a_death_loses_nothing_though_the_parent_is_slow_to_notice(tmp_path: Path) -> None:
    """The worker dies with the second chunk in flight while the parent is busy with the report of the first."""
    reports: list[TaskReport] = []

    def on_report(report: TaskReport) -> None:
        reports.append(report)
        time.sleep(0.3)

    with working(job_of(fleet(4, marked=(1,)), tmp_path, "killer"), 1) as (work, _):
        work.run(Step.FORECAST, cut([Span(0, 4)], 1), on_report)
    assert sorted((report.task.span.lo, report.failed) for report in reports) == [(0, 0), (1, 1), (2, 0), (3, 0)]


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_is_replaced(tmp_path: Path) -> None:
    job = job_of(fleet(8), tmp_path, "naive")
    with working(job, 1, steps={step: part("works") for step in Step}) as (work, executor):
        work.run(Step.COMBINE, PARTS)
        (idle,) = executor.tallies()
        os.kill(idle.pid, signal.SIGKILL)
        work.run(Step.PUBLISH, PARTS)
    assert [lo for _, lo in noted(job)] == [0, 2, 4, 6] * 2
    assert len({pid for pid, _ in noted(job)}) == 2


def test_series_of_a_chunk_in_flight_are_seen_while_it_is_worked(tmp_path: Path) -> None:
    """One chunk of six series, some 0.1 s each: it is reported at the end only."""
    seen: list[int] = []
    with working(job_of(fleet(6), tmp_path, "slow"), 1) as (work, _):
        work.run(Step.FORECAST, [Span(0, 6)], on_progress=lambda snapshot: seen.append(snapshot().unreported))
    assert any(0 < count < 6 for count in seen), seen


def _children(parent: int, command: str) -> list[int]:
    """The children of a process whose command line holds the word."""
    tasks = Path(f"/proc/{parent}/task")
    found = [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
    return [pid for pid in found if command in Path(f"/proc/{pid}/cmdline").read_text()]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
