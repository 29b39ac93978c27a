"""Statements in every scenario: those that a scenario changes are made anew, all others are the baseline's."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast.fleet.outlook_statements import Statements
from turbo_forecast.fleet.planned_statements import PlannedStatements, month_statements
from turbo_forecast.outlook.learning import Evidence, fit_outlook_model
from turbo_forecast.outlook.loads import composed
from turbo_forecast.outlook.plans import Fleet, resolved, scenarios
from turbo_forecast.outlook.scenarios import beside_baseline
from turbo_forecast.outlook.signals import signals
from turbo_forecast.schemas import FORECAST_PARQUET, OUTLOOK_CALIBRATION, OUTLOOK_SERIES
from turbo_forecast.settings import forecast_settings, outlook_settings
from turbo_forecast.storage.plans import plans_of
from turbo_forecast.storage.results import Results
from turbo_forecast.windows import run_windows

CUTOFF = date(2025, 12, 31)
WINDOWS = run_windows(CUTOFF, forecast_settings())
THRESHOLDS = [60.0, 70.0, 80.0]


def left_by_a_run(folder: Path, series: int) -> Results:
    """What a run leaves of series at 50 and more that climb by ten points in the forecast."""
    results, days = Results(folder), WINDOWS.forecast_days.size
    names = pl.DataFrame({"host_id": [f"h{place:05d}" for place in range(series)]}).with_columns(resource=pl.lit("cpu"))
    start = 50 + np.arange(series) % 8
    history = start[:, None] + 3 * np.sin(2 * np.pi * np.arange(400) / 7)
    forecast = start[:, None] + np.linspace(0, 10, days)
    made = signals(history, forecast, forecast + 1)
    before = {f"before_{day}": pl.Series(history[:, -1 - day]) for day in range(6)}
    common = {"cutoff": pl.lit(CUTOFF), "phase": pl.lit("forecast")}
    known = names.hstack(made.to_frame()).with_columns(**common, **before)
    results.write(OUTLOOK_SERIES, OUTLOOK_SERIES.conform(known))
    numbers = {name: np.zeros(0, np.int64) for name in ("group", "series")}
    nothing = np.zeros((0, made.peaks.shape[2]))
    taught = fit_outlook_model(
        Evidence(signals=made.take(slice(0, 0)), reached=nothing, weight=np.zeros(0), **numbers), ()
    )
    results.write(OUTLOOK_CALIBRATION, OUTLOOK_CALIBRATION.conform(taught.to_frame().with_columns(**common)))
    ds = pl.Series("ds", WINDOWS.forecast_days).cast(pl.Int32).cast(pl.Date)
    rows = names.join(ds.to_frame(), how="cross", maintain_order="left_right").with_columns(
        **common, model=pl.lit("x"), outcome=pl.lit("forecast"), y=pl.lit(None, pl.Float64), yhat=forecast.ravel()
    )
    bounds = {"yhat_lower": pl.col("yhat") - 5, "yhat_upper": pl.col("yhat") + 5}
    results.write(FORECAST_PARQUET, FORECAST_PARQUET.conform(rows.with_columns(**bounds)))
    return results


def planned(folder: Path, plans: list[dict[str, str]], series: int = 6) -> PlannedStatements:
    results = left_by_a_run(folder, series)
    statements = Statements(results, WINDOWS, outlook_settings(thresholds=THRESHOLDS))
    names = results.read(OUTLOOK_SERIES).select("host_id", "resource", has_forecast=True).collect()
    frame = plans_of(pl.DataFrame(plans or {"date": [], "host_id": [], "change": []}, infer_schema_length=None))
    changes = resolved(frame, Fleet.of(names), CUTOFF, WINDOWS.horizon_end)
    (made,) = month_statements(statements, None, composed(changes, WINDOWS.horizon_end), scenarios(frame))
    return made


def row(host: str, day: str = "2026-03-01", **cells: str) -> dict[str, str]:
    empty = dict.fromkeys(("change", "factor", "move_to", "retire", "scenario"), "")
    return {"date": day, "host_id": host, **empty, **cells}


def of(rows: pl.DataFrame, scenario: str, *hosts: str) -> pl.DataFrame:
    own = rows.filter(pl.col("scenario") == scenario, pl.col("host_id").is_in(hosts) if hosts else pl.lit(True))
    return own.drop("scenario").sort("host_id", "threshold")


def test_without_plans_the_baseline_is_what_is_said_without_them(tmp_path: Path) -> None:
    made = planned(tmp_path, [])
    assert_frame_equal(made.every(), made.stated.capacity(made.unplanned))


def test_a_change_tells_on_its_series_alone(tmp_path: Path) -> None:
    made = planned(tmp_path, [row("h00001", change="12")])
    before, after = made.stated.capacity(made.unplanned), made.every()
    others = pl.col("host_id") != "h00001"
    assert_frame_equal(after.filter(others), before.filter(others))
    rose = after.filter(~others)["probability_182"] - before.filter(~others)["probability_182"]
    assert (rose > 0).all()
    same = ["probability_30", "level", "headroom", "recent_shift"]
    assert_frame_equal(after.filter(~others).select(same), before.filter(~others).select(same))


def test_a_scenario_has_the_baselines_plans_and_is_made_anew_only_where_it_differs(tmp_path: Path) -> None:
    plans = [
        row("h00001", change="12"),
        row("h00002", factor="1.4", scenario="busy"),
        row("h00003", change="0", scenario="still"),
    ]
    made = planned(tmp_path, [*plans, row("h00003", day="2027-01-01", change="9", scenario="late")])
    assert [made.changed(name)["host_id"].to_list() for name in made.scenarios] == [["h00002"], [], []]
    rows = made.every()
    for scenario in ("still", "late"):
        assert_frame_equal(of(rows, scenario), of(rows, "baseline"))
    others = [f"h{place:05d}" for place in (0, 1, 3, 4, 5)]
    assert_frame_equal(of(rows, "busy", *others), of(rows, "baseline", *others))
    busy, base = (of(rows, name, "h00002")["probability_182"] for name in ("busy", "baseline"))
    assert (busy > base).all()


def test_plans_that_come_to_nothing_say_what_is_said_without_them(tmp_path: Path) -> None:
    early, late = "2026-02-01", "2026-04-01"
    plans = [
        row("h00000", change="0"),
        row("h00001", factor="1"),
        *(row("h00002", early, change=points) for points in ("7", "-7")),
        *(row("h00003", early, factor=times) for times in ("4", "0.25")),
        *(row("h00004", day, change=points) for day, points in ((early, "9"), (late, "0"))),
    ]
    made, once = planned(tmp_path, plans), planned(tmp_path, [row("h00004", early, change="9")])
    assert_frame_equal(made.every(), once.every())


def test_a_move_is_seen_on_both_hosts_though_only_they_are_read(tmp_path: Path) -> None:
    made = planned(tmp_path, [row("h00001", move_to="h00004", scenario="merged")])
    rows = made.every()
    gone, full = of(rows, "merged", "h00001"), of(rows, "merged", "h00004")
    assert (full["probability_182"] > 0.95).all()
    assert full["likely"].is_between(date(2026, 3, 1), date(2026, 3, 7)).all(), "60, 70 and 80 within a week"
    assert (gone["probability_182"] <= of(rows, "baseline", "h00001")["probability_182"]).all()


def test_scenarios_are_compared_by_what_they_change(tmp_path: Path) -> None:
    plans = [
        row("h00007", change="4"),
        row("h00007", change="14", scenario="more"),
        row("h00006", retire="yes", scenario="less"),
    ]
    made = planned(tmp_path, plans, series=8)
    found = {frame["scenario"][0]: frame for frame in (beside_baseline(*pair) for pair in made.compared())}
    assert {name: frame["host_id"].unique().to_list() for name, frame in found.items()} == {
        "more": ["h00007"],
        "less": ["h00006"],
    }
    (lost,) = found["more"].filter(threshold=70.0).iter_rows(named=True)
    assert lost["days_gained"] == (lost["likely"] - lost["baseline_likely"]).days < 0
    less = found["less"]
    assert (less["probability_182"] < less["baseline_probability_182"]).all()


@pytest.mark.parametrize("series", [6, 700])
def test_blocks_of_any_number_of_series_say_the_same_of_each(series: int, tmp_path: Path) -> None:
    made = planned(tmp_path, [row("h00002", factor="1.3"), row("h00005", move_to="h00002")], series)
    small = planned(tmp_path / "small", [row("h00002", factor="1.3"), row("h00005", move_to="h00002")], 6)
    hosts = [f"h{place:05d}" for place in range(6)]
    assert_frame_equal(of(made.every(), "baseline", *hosts), of(small.every(), "baseline"))


def test_gathered_rows_are_those_that_are_compared_and_say_the_same(tmp_path: Path) -> None:
    plans = [
        row("h00001", change="4"),
        row("h00002", move_to="h00003"),
        row("h00004", move_to="h00001", scenario="more"),
        row("h00005", factor="1", scenario="still"),
    ]
    made = planned(tmp_path, plans, series=9)
    gathered = made.gathered()
    read = gathered.unplanned.select("host_id").unique().collect()["host_id"].sort().to_list()
    assert read == ["h00001", "h00004"], "the others are not compared, nor does their load go to those that are"
    for one, other in zip(made.compared(), gathered.compared(), strict=True):
        for whole, few in zip(one, other, strict=True):
            assert_frame_equal(whole, few, rel_tol=1e-12)
    nothing = planned(tmp_path / "nothing", [row("h00001", change="4")]).gathered()
    assert nothing.unplanned.collect().is_empty()
    assert list(nothing.compared()) == []
