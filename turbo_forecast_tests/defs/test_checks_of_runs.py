"""Checks of months that the program made: what a healthy run of little, or of failing entrants, says of itself."""

from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import numpy as np
import polars as pl
import pytest

from turbo_forecast_tests.conftest import series_rows, wave
from turbo_forecast_tests.defs.conftest import MONTH, Place
from turbo_forecast_tests.defs.violations import SOMETHING
from turbo_forecast_tests.fleet.entrants import MARKED

pytestmark = pytest.mark.xdist_group("steps")


def judged_entrants(place: Place, telemetry: Path, **forecast: object) -> dg.AssetCheckEvaluation:
    """The month's fleet, forecast with these settings, in the eyes of the check on entrants."""
    base = place.definitions(telemetry, **forecast)
    fleet_and_more = dg.AssetSelection.assets("base_table", "fleet_forecast", "tournament_results").without_checks()
    on_entrants = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("fleet_forecast"), SOMETHING))
    job = dg.define_asset_job("judged", selection=fleet_and_more | on_entrants)
    judged = dg.Definitions(assets=base.assets, asset_checks=base.asset_checks, jobs=[job], resources=base.resources)
    result = judged.resolve_job_def("judged").execute_in_process(
        instance=place.instance, partition_key=MONTH, raise_on_error=False
    )
    (found,) = result.get_asset_check_evaluations()
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}
    assert {"base_table", "fleet_forecast"} <= made
    assert result.success is found.passed is ("tournament_results" in made), "a failed one blocks what is downstream"
    return found


def test_an_entrant_that_fails_for_every_series_is_named_by_a_failed_check(
    telemetry: Path, fresh_place, tmp_path: Path
) -> None:
    file = tmp_path / "lstm.parquet"
    row = {"host_id": "ghost", "resource": "cpu", "origin": date(2025, 12, 31), "ds": date(2026, 1, 1), "yhat": 1.0}
    pl.DataFrame([row]).write_parquet(file)
    never = "turbo_forecast_tests.fleet.entrants:hopeless"
    found = judged_entrants(
        fresh_place(), telemetry, entrants=["recent_level", never, "seasonal_naive"], external={"lstm": str(file)}
    )
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    said = f"2 of 4 entrants have no forecast of any series they were asked for: lstm, {never}."
    assert found.description.startswith(said)
    assert "no rows for" in str(found.metadata["first failing rows"].value)


def test_an_entrant_that_fails_for_some_series_is_no_failed_check(fresh_place, tmp_path: Path) -> None:
    rows = [series_rows("cursed", np.full(1096, MARKED)), series_rows("sound", wave(1096))]
    pl.concat(rows).rename({"ds": "timestamp", "y": "value"}).write_parquet(tmp_path / "two.parquet")
    entrants = ["turbo_forecast_tests.fleet.entrants:naive", "seasonal_naive"]
    place, settings = fresh_place(), {"entrants": entrants, "max_fallback_share": 1}
    assert place.materialise_unchecked(tmp_path / "two.parquet", MONTH, **settings).success
    found = place.check("fleet_forecast", SOMETHING, **settings)
    assert isinstance(found, dg.AssetCheckEvaluation), found
    assert found.passed
    assert (found.metadata["expected"].value, found.metadata["got"].value) == (2, 2)
    assert place.failing_checks(**settings) <= {("base_table", "telemetry_is_fresh")}, "nor is there another"


def standing(place: Place, month: str) -> dict[str, int]:
    """Rows of the month in each table of the tournament."""
    names = ("champions", "calibration", "tournament_scores", "tournament_standings", "combination_weights")
    with duckdb.connect(str(place.data / "warehouse.duckdb"), read_only=True) as con:
        found = {
            name: con.execute(f"SELECT count(*) FROM {name} WHERE cutoff = '{month}'").fetchall() for name in names
        }
    return {name: rows[0][0] for name, rows in found.items()}


@pytest.mark.sweep(keep=2)
@pytest.mark.parametrize(
    ("first", "options", "expected"),
    [
        # enough for a backtest, not for a fold: the forecast is calibrated on the backtest, the backtest on nothing
        (date(2025, 6, 1), {}, (2, 2 * 6, 2 * 5, 2 * 5 * 6, 2 * 3)),
        # too short even for a backtest: everyone is published from the fallback
        (date(2025, 8, 1), {}, (2, 0, 0, 0, 0)),
        (date(2023, 1, 1), {"folds": 0}, (2, 0, 2 * 5, 2 * 5 * 6, 2 * 3)),
        (date(2023, 1, 1), {"entrants": ["seasonal_naive"]}, (2, 2 * 10, 2 * 1 * 4, 2 * 5 * 2, 0)),
    ],
    ids=["young", "too-young", "no-folds", "fallback-alone"],
)
def test_every_check_passes_where_there_is_little_to_judge(
    first: date, options: dict[str, object], expected: tuple[int, ...], fresh_place, tmp_path: Path
) -> None:
    place: Place = fresh_place()
    settings = {"max_fallback_share": 1, **options}
    days = (date(2025, 12, 31) - first).days + 1
    rows = pl.concat([series_rows(host, wave(days, seed=seed), start=first) for seed, host in enumerate("ab")])
    rows.rename({"ds": "timestamp", "y": "value"}).write_parquet(tmp_path / "young.parquet")
    assert place.materialise_unchecked(tmp_path / "young.parquet", MONTH, **settings).success
    assert place.failing_checks(**settings) <= {("base_table", "telemetry_is_fresh")}
    assert tuple(standing(place, "2025-12-31").values()) == expected
