"""`forecasts_rest_on_observations`: days like none observed, judged from the base table and the master file."""

import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest

from turbo_forecast_tests.conftest import series_rows
from turbo_forecast_tests.defs.conftest import MONTH, Place

pytestmark = pytest.mark.xdist_group("steps")

CHECK = ("forecast_parquet", "forecasts_rest_on_observations")
WEEKEND = "host_id = 'b' AND phase = 'forecast' AND isodow(ds) > 5"


@pytest.fixture(scope="module")
def working_days(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """2025-12 of hosts observed on working days (a, b), from July on (c), growing and on working days (d), always (e),
    but from 15 December to 20 January (f)."""
    day, folder = pl.col("ds"), tmp_path_factory.mktemp("working-days")
    kept = {"a": day.dt.weekday() < 6, "b": day.dt.weekday() < 6, "c": day.dt.month() > 6, "d": day.dt.weekday() < 6}
    kept["f"] = day.dt.strftime("%m-%d").is_between(pl.lit("01-21"), pl.lit("12-14"))
    rows = []
    for i, host in enumerate("abcdef"):
        y = 20 + 5 * i + np.random.default_rng(i).normal(0, 1, 1096)
        y += np.linspace(0, 40, 1096) if host == "d" else 0
        rows.append(series_rows(host, y).filter(kept.get(host, pl.lit(True))))
    pl.concat(rows).rename({"ds": "timestamp", "y": "value"}).write_parquet(folder / "export.parquet")
    place = Place(folder / "data", dg.DagsterInstance.ephemeral())
    entrants = ["prophet_linear", "seasonal_naive"]
    place.materialise_unchecked(folder / "export.parquet", MONTH, "forecast_parquet", entrants=entrants)
    return place


def judged(place: Place) -> dg.AssetCheckEvaluation:
    evaluation = place.check(*CHECK, entrants=["prophet_linear", "seasonal_naive"])
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    return evaluation


def test_levels_and_trends_carried_on_pass_and_the_master_file_agrees_with_its_check(working_days: Place) -> None:
    evaluation = judged(working_days)
    assert evaluation.passed
    days = pl.date_range(date(2025, 9, 1), date(2026, 6, 30), eager=True)  # the backtest's and the forecast's
    weekend, spring = days.dt.weekday() > 5, days.dt.month() < 7
    new_year = ~days.dt.strftime("%m-%d").is_between("01-21", "12-14")
    such_days = int(3 * weekend.sum() + spring.sum() + new_year.sum())
    assert evaluation.metadata["expected"].value == such_days
    same = working_days.check(
        "forecast_parquet", "is_the_champions_forecast", entrants=["prophet_linear", "seasonal_naive"]
    )
    assert isinstance(same, dg.AssetCheckEvaluation), same
    assert same.passed, same.description


@pytest.mark.parametrize(
    ("statement", "host"),
    [
        (f"UPDATE {{stored}} SET yhat = 100, yhat_upper = 100 WHERE {WEEKEND}", "b"),
        (f"UPDATE {{stored}} SET yhat = 0, yhat_lower = 0 WHERE {WEEKEND} AND ds = DATE '2026-03-01'", "b"),
        ("UPDATE {stored} SET yhat = 50 WHERE host_id = 'c' AND ds = DATE '2026-02-03'", "c"),
        ("UPDATE {stored} SET yhat = 80, yhat_upper = 100 WHERE host_id = 'f' AND ds = DATE '2026-01-20'", "f"),
    ],
)
def test_a_forecast_that_leaves_what_was_observed_on_such_days_is_an_offender(
    working_days: Place, statement: str, host: str, tmp_path: Path
) -> None:
    shutil.copytree(working_days.data, tmp_path / "data")
    place = Place(tmp_path / "data", working_days.instance)
    place.spoil("forecast_parquet", statement)
    evaluation = judged(place)
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR
    failing_rows = pl.read_csv(place.data / "checks" / CHECK[0] / f"{CHECK[1]}-{MONTH}.csv")
    assert set(failing_rows["host_id"]) == {host}


def test_the_same_forecast_on_observed_days_is_no_offender(working_days: Place, tmp_path: Path) -> None:
    shutil.copytree(working_days.data, tmp_path / "data")
    place = Place(tmp_path / "data", working_days.instance)
    place.spoil("forecast_parquet", "UPDATE {stored} SET yhat = 100, yhat_upper = 100 WHERE host_id = 'e'")
    assert judged(place).passed
