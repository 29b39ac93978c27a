"""Worker processes: a death costs at most the series that caused it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast.fleet import descendants, start_watch
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.executors.board import Post, in_hand, tallies
from turbo_forecast.fleet.executors.processes import WorkersCannotStart
from turbo_forecast.fleet.pace import standing
from turbo_forecast_tests.conftest import CUTOFF, series_rows, wave
from turbo_forecast_tests.fleet.entrants import MARKED

EVIL = "turbo_forecast_tests.fleet.entrants:{}"


def fleet(size: int, marked: tuple[int, ...] = ()) -> pl.DataFrame:
    """A fleet in which some series carry the mark that evil entrants look for."""
    parts = []
    for index in range(size):
        y = wave(seed=index)
        if index in marked:
            y[0] = MARKED
        parts.append(series_rows(f"host-{index:03}", y))
    return pl.concat(parts)


def run(entrant: str, base: pl.DataFrame, **options: object):
    return forecast_fleet(base, CUTOFF, entrants=[EVIL.format(entrant)], workers=2, say=lambda line: None, **options)


def test_a_killed_worker_loses_only_its_series() -> None:
    result = run("killer", fleet(12, marked=(5,)), chunk_size=4)
    outcomes = dict(result.outcomes.select("host_id", "outcome").iter_rows())
    assert outcomes.pop("host-005") == "failed"
    assert set(outcomes.values()) == {"forecast"}
    culprit = result.outcomes.filter(pl.col("host_id") == "host-005").row(0, named=True)
    assert culprit["error_class"] == "WorkerDied"
    models = result.forecasts.filter(pl.col("host_id") == "host-005")["model"].unique().to_list()
    assert models == ["seasonal_naive"], "the culprit is forecast by the fallback"


def test_two_killers_in_one_chunk_are_both_found() -> None:
    result = run("killer", fleet(9, marked=(0, 1, 8)), chunk_size=9)
    failed = result.outcomes.filter(pl.col("outcome") == "failed")["host_id"].to_list()
    assert failed == ["host-000", "host-001", "host-008"]
    assert result.outcomes.height == 9


@pytest.mark.parametrize("entrant", ["hoarder", "hoarder_that_fails", "tidier"])
def test_who_uses_up_what_all_series_share_costs_only_his_own(entrant: str) -> None:
    """All files that a process may open; the folder of temporary files."""
    result = run(entrant, fleet(6, marked=(1,)), chunk_size=3)
    assert result.outcomes.filter(pl.col("outcome") != "forecast")["host_id"].to_list() == ["host-001"]
    assert result.forecasts["host_id"].n_unique() == 6, "the culprit has its fallback's forecast"


def test_an_entrant_that_forgets_to_close_files_gets_a_new_worker_in_time() -> None:
    result = run("leaker", fleet(8), chunk_size=8, refit=False)  # five series use up what a worker may open
    assert result.outcomes["outcome"].unique().to_list() == ["forecast"]


def test_a_second_interrupt_leaves_no_worker_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)

    def interrupted(pids: object) -> set[int]:
        raise KeyboardInterrupt

    monkeypatch.setattr(descendants, "descendants", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            descendants.end_all([worker.pid])
        assert worker.wait(timeout=5) == -signal.SIGKILL
    finally:
        worker.kill()
        worker.wait()


def test_a_series_that_never_ends_is_recorded_and_the_others_go_on() -> None:
    result = run("sleeper", fleet(6, marked=(2,)), chunk_size=3, series_timeout_seconds=2.0)
    failed = result.outcomes.filter(pl.col("outcome") == "failed").row(0, named=True)
    assert failed["host_id"] == "host-002"
    assert "took longer than 2 s" in failed["reason"]
    assert (result.outcomes["outcome"] == "forecast").sum() == 5


def test_workers_that_cannot_start_end_the_run_with_their_own_words() -> None:
    with pytest.raises(WorkersCannotStart, match="no room for this entrant"):
        run("cannot_start", fleet(2))


@pytest.mark.parametrize("entrant", ["starts_slowly", "import_takes_long:build", "first_of_two"])
def test_a_start_that_takes_longer_than_a_series_may_ends_nothing(
    entrant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entrant's build, its module's import, and the build of one among several."""
    (tmp_path / "import_takes_long.py").write_text(
        "import multiprocessing, time\n"
        "from turbo_forecast_tests.fleet.entrants import naive as build\n"
        "if multiprocessing.parent_process(): time.sleep(2.5)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    slow = EVIL.format("starts_slowly")
    entrants = {"import_takes_long:build": [entrant], "first_of_two": [EVIL.format("naive"), slow]}.get(entrant, [slow])
    result = forecast_fleet(
        fleet(4), CUTOFF, entrants=entrants, workers=2, say=lambda line: None, series_timeout_seconds=1.0
    )
    assert result.outcomes["outcome"].to_list() == ["forecast"] * 4


def test_a_start_that_does_not_end_is_told_with_the_entrant_that_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_watch, "FIRST_WORD_SECONDS", 1.0)
    told: list[str] = []

    def say(line: str) -> None:
        told.append(line)
        if len(told) == 2:
            raise KeyboardInterrupt  # as the person who reads it

    with pytest.raises(KeyboardInterrupt):
        forecast_fleet(
            fleet(2), CUTOFF, entrants=[EVIL.format("starts_for_ever")], workers=1, say=say, series_timeout_seconds=1.0
        )
    assert all(line.startswith("2025-12 · still waiting for 1 of 1 workers to start (") for line in told), told
    assert "building turbo_forecast_tests.fleet.entrants:starts_for_ever" in told[1]


def test_a_slow_disk_is_not_the_last_series_fault(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.taking(7)
    assert [hand.series for hand in in_hand(tmp_path)] == [7]
    post.writing()
    assert in_hand(tmp_path) == []


@pytest.mark.parametrize("entrant", ["parent", "parent_that_sleeps", "parent_that_dies"])
def test_what_an_entrant_has_started_ends_with_the_run(
    entrant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Children that left the worker's process group, by themselves or with their parent, however the worker ended."""
    monkeypatch.setenv("TEST_FOLDER", str(tmp_path))
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        result = run(entrant, fleet(3, marked=(1,)), series_timeout_seconds=3.0)
        assert result.outcomes.height == 3
        started = [int(name) for name in os.listdir(tmp_path)]
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
def test_what_an_entrant_has_started_ends_when_the_run_is_killed(kind: signal.Signals, tmp_path: Path) -> None:
    notes, temp = tmp_path / "notes", tmp_path / "temp"
    notes.mkdir()
    temp.mkdir()
    script = "from turbo_forecast_tests.fleet.test_pool import fleet, run\n"
    script += "run('parent_that_sleeps', fleet(2, marked=(0, 1)))\n"
    environment = {**os.environ, "TEST_FOLDER": str(notes), "TMPDIR": str(temp)}
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2], env=environment)
    _wait_until(lambda: len(os.listdir(notes)) >= 3, 60)
    time.sleep(0.5)
    parent.send_signal(kind)
    assert parent.wait(timeout=20) == -kind
    started = [int(name) for name in os.listdir(notes)]
    _wait_until(lambda: not any(map(_alive, started)), 5)
    assert bool(os.listdir(temp)) == (kind == signal.SIGKILL), "SIGTERM leaves no temporary folder"
    if kind == signal.SIGKILL:
        environment = {**os.environ, "TMPDIR": str(temp)}
        script = "from turbo_forecast_tests.fleet.test_pool import fleet, run\nrun('naive', fleet(1))\n"
        subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], env=environment, check=True)
        assert os.listdir(temp) == [], "the next run removes what the killed one left"


def _wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def test_many_deaths_lose_no_span_even_when_the_parent_is_slow_to_notice() -> None:
    killers = tuple(range(0, 12, 4))
    result = forecast_fleet(
        fleet(12, marked=killers), CUTOFF, entrants=[EVIL.format("killer")], workers=2, chunk_size=1,
        say=lambda line: time.sleep(0.3),
    )  # fmt: skip
    failed = result.outcomes.filter(pl.col("outcome") == "failed")["host_id"].to_list()
    assert failed == [f"host-{index:03}" for index in killers]
    assert result.outcomes.height == 12


def test_workers_leave_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = "from turbo_forecast_tests.fleet.test_pool import fleet, run\nrun('sleeper', fleet(2, marked=(0, 1)))\n"
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    workers = _wait_for_workers(parent.pid, count=2)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_alive(pid) for pid in workers)


def test_workers_of_the_baseline_import_no_heavy_package() -> None:
    script = (
        "import sys\n"
        "import turbo_forecast.fleet.executors.worker, turbo_forecast.models.seasonal_naive\n"
        "heavy = {'dagster', 'pandas', 'prophet', 'matplotlib', 'duckdb', 'polars', 'altair'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def _wait_for_workers(parent: int, count: int) -> list[int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [pid for pid in _children(parent) if "spawn_main" in _command(pid)]
        if len(found) >= count:
            time.sleep(1.0)  # time to start their watch
            return found
        time.sleep(0.1)
    raise AssertionError("the workers did not start")


def _children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task")
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_the_board_tells_how_many_series_each_worker_has_finished_and_how_long_it_took(tmp_path: Path) -> None:
    post = Post(tmp_path)
    assert [tally.series for tally in tallies(tmp_path)] == [0]
    post.idle()
    before = time.monotonic()
    for series in (7, 8, 9):
        post.taking(series)
        time.sleep(0.02)
        post.finished()
    post.taking(10)
    (tally,) = tallies(tmp_path)
    assert (tally.pid, tally.series, tally.busy) == (os.getpid(), 3, True)
    assert before <= tally.begun <= tally.first - 0.02 <= tally.until - 0.06
    post.idle()
    time.sleep(0.05)
    (rested,) = tallies(tmp_path)
    assert not rested.busy
    assert rested.until < time.monotonic() - 0.04, "what comes after the last series is no series' time"


def test_series_of_a_chunk_in_hand_are_seen_and_so_is_what_lies_before_each_worker(tmp_path: Path) -> None:
    post = Post(tmp_path)
    for series in (10, 11, 12):
        post.taking(series)
        post.finished()
    post.taking(13)
    chunks = [Span(10, 20), Span(20, 30)]
    seen = standing(tmp_path, chunks, [Span(30, 35)], workers=2, reported=0)
    assert (seen.unreported, seen.running, seen.waiting) == (3, [6.5], [10, 5])
    post.finished()
    post.writing()
    assert standing(tmp_path, chunks[1:], [], workers=2, reported=4).unreported == 0


def test_every_line_of_a_run_names_its_month_and_long_chunks_are_reported_while_they_are_worked() -> None:
    """One chunk of a dozen series, some 0.4 s each: it is finished at the end only."""
    said: list[str] = []
    forecast_fleet(
        fleet(12), CUTOFF, entrants=[EVIL.format("slow")], workers=1, chunk_size=12, folds=0, say=said.append
    )
    assert all(line.startswith("2025-12 · ") for line in said)
    counts = [int(line.removeprefix("2025-12 · ").split("/")[0]) for line in said if " series · " in line]
    assert counts == sorted(set(counts))
    assert len(counts) >= 2
    assert 0 < counts[0] < 12
    assert counts[-1] == 12
