"""Whole runs on a real Dask cluster: the same bytes as worker processes, and Dask's own workers are none the worse for it."""

from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("distributed", reason="distributed is not installed: pip install 'turbo-forecast[dask]'")

from turbo_forecast.fleet import chunks
from turbo_forecast_tests.fleet.executors.dask_processes import PATIENCE, DaskProcesses
from turbo_forecast_tests.fleet.executors.dask_runs import Meanwhile, run
from turbo_forecast_tests.fleet.working import fleet, wait_until

pytestmark = pytest.mark.xdist_group("dask")
FIELD = ["weighted", "median", "prophet", "recent_level", "own:random"]


def test_a_cluster_leaves_the_same_bytes_as_worker_processes_and_nothing_of_ours(
    cluster: DaskProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "PART_SERIES", 16)  # the run cuts parts, no worker does
    base = fleet(22)  # two parts
    before = cluster.prefixes()
    here = run(base, tmp_path / "here", *FIELD)
    there = run(base, tmp_path / "there", *FIELD, on=cluster.address, chunk_size=3)
    assert there.digest == here.digest
    assert f"2025-12 · working on the Dask scheduler at {cluster.address}: 3 workers, 3 at a time" in there.lines
    assert any("22/22 series" in line and line.endswith("0 failed · done") for line in there.lines)
    assert there.timer.workers == 3
    assert there.timer.worker_memory_mb > 10
    done = {name: count - before.get(name, 0) for name, count in cluster.prefixes().items()}
    assert (done["forecast"], done["combine"], done["publish"]) == (8, 2, 2), "the dashboard reads like the job"
    wait_until(lambda: not cluster.tasks(), PATIENCE)
    wait_until(lambda: not cluster.sandboxes(), PATIENCE)


@pytest.mark.parametrize(
    ("entrant", "why"),
    [
        ("own:killer", "the worker process died while working on this series"),
        ("own:sleeper", "the series took longer than 3 s (series_timeout_seconds)"),
    ],
)
def test_a_series_that_kills_or_never_ends_is_found_on_the_worker_which_lives_on(
    cluster: DaskProcesses, tmp_path: Path, entrant: str, why: str
) -> None:
    names = cluster.without_nanny()
    before = {name: cluster.pid(name) for name in names}
    base = fleet(9, marked=(4,))
    whole = {"train_months": 32, "backtest_months": 4, "folds": 0}  # the mark is a series' first value
    options = {**whole, "chunk_size": 9, "series_timeout_seconds": 3.0}
    there = run(base, tmp_path / "there", entrant, "median", on=cluster.address, **options)
    found = there.outcomes.filter(pl.col("error_class").is_not_null())
    assert (found["host_id"].to_list(), found["reason"].to_list()) == (["host-004"], [why])
    assert len(there.outcomes) == 9
    assert cluster.without_nanny() == names
    assert {name: cluster.pid(name) for name in names} == before
    assert all(Path(f"/proc/{pid}").exists() for pid in before.values())
    assert there.digest == run(base, tmp_path / "here", entrant, "median", **options).digest


def test_a_client_that_is_given_is_used_and_stays_open(cluster: DaskProcesses, tmp_path: Path) -> None:
    base = fleet(6)
    with cluster.client() as client:
        result = run(base, tmp_path / "there", "own:naive", "median", client=client)
        assert client.status == "running"
        assert client.submit(sum, [1, 2]).result(timeout=PATIENCE) == 3
    assert result.digest == run(base, tmp_path / "here", "own:naive", "median").digest
    assert any("working on the scheduler of the client that was given" in line for line in result.lines)


def test_two_runs_at_once_share_a_cluster_and_do_not_touch_each_other(cluster: DaskProcesses, tmp_path: Path) -> None:
    """One has a series that kills its process, and is no reason for the other to lose anything."""
    whole = {"train_months": 32, "backtest_months": 4, "folds": 0}  # the mark is a series' first value
    one, two = fleet(12, marked=(4,)), fleet(14)
    evil = Meanwhile(
        lambda lines: run(
            one, tmp_path / "one", "own:killer", "median", on=cluster.address, lines=lines, chunk_size=3, **whole
        )
    )
    good = Meanwhile(lambda lines: run(two, tmp_path / "two", *FIELD, on=cluster.address, lines=lines, chunk_size=2))
    first, second = evil.end(10 * PATIENCE), good.end(10 * PATIENCE)
    assert first.outcomes.filter(pl.col("error_class").is_not_null())["host_id"].to_list() == ["host-004"]
    assert first.digest == run(one, tmp_path / "one alone", "own:killer", "median", **whole).digest
    assert second.digest == run(two, tmp_path / "two alone", *FIELD).digest
    wait_until(lambda: not cluster.tasks(), PATIENCE)
    wait_until(lambda: not cluster.sandboxes(), PATIENCE)
