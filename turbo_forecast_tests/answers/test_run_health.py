"""How a run went: every series counted, failures by name, months of every state."""

import shutil
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.answers.run_health import month_states, run_health
from turbo_forecast.schemas import MODEL_RUNS, MONTH_STEPS, RUN_AUDIT
from turbo_forecast.storage.published.manifest import HistoryManifest, write_document
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.published_months import begin_month, members


@pytest.fixture
def data(published_fleet: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published_fleet, tmp_path / "data"))


def test_every_series_is_counted_in_one_of_four_outcomes(published_fleet: Path) -> None:
    published = Published(published_fleet)
    for month in published.months():
        found = run_health(published, month)
        own = [each.outcome for each in members(month.key)]
        expected = {name: own.count(name) for name in ("forecast", "fallback", "retired", "failed")}
        assert found.outcomes == expected
        assert found.series == sum(found.outcomes.values()) == len(own)
        assert found.failed["host_id"].to_list() == ["broken"]
        assert ("failed", 1, "its worker died three times") in found.reasons


def test_fits_are_counted_by_how_they_ended_and_failures_listed(data: Path) -> None:
    published = Published(data)
    month = published.month("2025-12")
    rows = pl.read_parquet(month.path(MODEL_RUNS))
    is_bad = (pl.col("model") == "prophet") & (pl.col("window_name") == "fold 1")
    bad = rows.with_columns(
        status=pl.when(is_bad).then(pl.lit("timed_out")).otherwise("status"),
        error_class=pl.when(is_bad).then(pl.lit("TimedOut")).otherwise("error_class"),
    )
    bad.write_parquet(month.path(MODEL_RUNS))
    series = len(members("2025-12", published=True))
    found = run_health(published, month, most=2)
    counted = {(row["model"], row["status"]): row["fits"] for row in found.fits.iter_rows(named=True)}
    assert counted == {
        ("prophet", "ok"): 4 * series,
        ("prophet", "timed_out"): series,
        ("seasonal_naive", "ok"): 5 * series,
    }
    assert found.failed_fits_count == series
    assert len(found.failed_fits) == 2
    assert set(found.failed_fits["window_name"]) == {"fold 1"}


def test_time_is_summed_by_asset_and_clock(published_fleet: Path) -> None:
    published = Published(published_fleet)
    found = run_health(published, published.month("2025-12"))
    assert found.stages.select("asset", "seconds", "worker_seconds").rows() == [
        ("fleet_forecast", 8.0, 12.5),
        ("champions", 0.25, 0.0),
    ]
    assert found.slowest.rows() == [("fleet_forecast", "map", 8.0), ("champions", "make", 0.25)]
    assert len(published.month("2025-12").frame(RUN_AUDIT)) == 3


def test_checks_are_counted_and_those_that_did_not_pass_named(data: Path) -> None:
    published = Published(data)
    month = published.month("2025-12")
    steps = pl.read_parquet(month.path(MONTH_STEPS))
    judged = pl.DataFrame(
        {
            "cutoff": [month.cutoff] * 3,
            "asset": ["champions"] * 3,
            "check_name": ["b", "a", "c"],
            "result": ["warned", "failed", "passed"],
            "run_id": ["r"] * 3,
            "recorded_at": [datetime(2026, 1, 1)] * 3,
        }
    )
    pl.concat([steps.filter(pl.col("check_name") == ""), MONTH_STEPS.conform(judged)]).write_parquet(
        month.path(MONTH_STEPS)
    )
    found = run_health(published, month)
    assert found.checks == {"failed": 1, "passed": 1, "warned": 1}
    assert found.not_passed["check_name"].to_list() == ["a", "b"]
    assert found.warnings == tuple(month.manifest.warnings) != ()


def test_telemetry_that_was_read_since_is_told(data: Path) -> None:
    published = Published(data)
    month = published.month("2025-12")
    assert not run_health(published, month).read_since
    history = published.history()
    assert history is not None
    later = HistoryManifest(**{**history.model_dump(), "published_at": datetime(2099, 1, 1)})
    write_document(later, published.folder / "base_table" / "manifest.json")
    assert run_health(published, month).read_since


def test_months_of_every_state_are_there_the_latest_first(data: Path) -> None:
    begin_month(data, "2026-01", "failed", failed="champions.every_series_has_a_champion")
    begin_month(data, "2026-02")
    (data / "published" / "2025-10" / "manifest.json").write_text("{")
    found = month_states(Published(data))
    assert [(each.month, each.standing.state if each.standing else "", each.published_by) for each in found] == [
        ("2026-02", "incomplete", ""),
        ("2026-01", "failed", ""),
        ("2025-12", "complete", "run-of-2025-12"),
        ("2025-11", "complete", "run-of-2025-11"),
        ("2025-10", "complete", "its manifest cannot be read"),
    ]
