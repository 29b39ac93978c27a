"""Worker processes: a death costs at most the series that caused it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast.fleet.pool import WorkersCannotStart
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


def test_a_series_that_never_ends_is_recorded_and_the_others_go_on() -> None:
    result = run("sleeper", fleet(6, marked=(2,)), chunk_size=3, series_timeout_seconds=2.0)
    failed = result.outcomes.filter(pl.col("outcome") == "failed").row(0, named=True)
    assert failed["host_id"] == "host-002"
    assert "took longer than 2 s" in failed["reason"]
    assert (result.outcomes["outcome"] == "forecast").sum() == 5


def test_workers_that_cannot_start_end_the_run_with_their_own_words() -> None:
    with pytest.raises(WorkersCannotStart, match="no room for this entrant"):
        run("cannot_start", fleet(2))


def test_a_worker_that_never_ends_its_start_ends_the_run() -> None:
    with pytest.raises(WorkersCannotStart, match="took longer than 1 s .* to start"):
        run("starts_for_ever", fleet(2), series_timeout_seconds=1.0)


def test_many_deaths_lose_no_span_even_when_the_parent_is_slow_to_notice() -> None:
    killers = tuple(range(0, 24, 4))
    result = forecast_fleet(
        fleet(24, marked=killers), CUTOFF, entrants=[EVIL.format("killer")], workers=2, chunk_size=1,
        say=lambda line: time.sleep(0.3),
    )  # fmt: skip
    failed = result.outcomes.filter(pl.col("outcome") == "failed")["host_id"].to_list()
    assert failed == [f"host-{index:03}" for index in killers]
    assert result.outcomes.height == 24


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
        "import turbo_forecast.fleet.worker, turbo_forecast.models.seasonal_naive\n"
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
