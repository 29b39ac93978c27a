"""What is said of a group is said of what it may use of its capacity."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from turbo_forecast.fleet import group_statements
from turbo_forecast.fleet.group_statements import GroupStatements, regrouped, usable_shares
from turbo_forecast.fleet.outlook_statements import Statements
from turbo_forecast.outlook.learning import Evidence, fit_outlook_model
from turbo_forecast.outlook.signals import GRID, Signals, signals
from turbo_forecast.schemas import (
    CAPACITY_OUTLOOK,
    FORECAST_PARQUET,
    GROUP_FORECAST,
    GROUP_MEMBERS,
    OUTLOOK_BACKTEST,
    OUTLOOK_CALIBRATION,
    OUTLOOK_SERIES,
)
from turbo_forecast.settings import forecast_settings, outlook_settings
from turbo_forecast.storage.results import Results
from turbo_forecast.windows import run_windows

CUTOFF = date(2025, 12, 31)
WINDOWS = run_windows(CUTOFF, forecast_settings())
GROUPS = ["half", "none", "whole"]
NAMES = pl.DataFrame({"host_id": GROUPS, "resource": "cpu"})
USABLE = NAMES.with_columns(usable=pl.Series([0.5, 0.0, 1.0]))
COURSES = {"backtest": np.linspace(20, 42, 122), "forecast": np.linspace(40, 62, 181)}


def left_by_a_run(folder: Path, believed: float = 0.0) -> Results:
    """What a run over the three groups leaves for the outlook; all of them have the same course."""
    results = Results(folder)
    history = np.tile(np.linspace(10, 20, 400), (3, 1))
    parts = []
    for phase, course in COURSES.items():
        forecast = np.tile(course, (3, 1))
        known = signals(history, forecast, forecast).to_frame()
        before = {f"before_{day}": pl.Series(history[:, -1 - day]) for day in range(6)}
        parts.append(NAMES.hstack(known).with_columns(cutoff=pl.lit(CUTOFF), phase=pl.lit(phase), **before))
    results.write(OUTLOOK_SERIES, OUTLOOK_SERIES.conform(pl.concat(parts)))
    nothing = np.zeros((0, GRID.size))
    no, number = np.zeros(0), np.zeros(0, np.int64)
    none = Evidence(Signals(no, no, no, np.zeros((0, 3, GRID.size)), no), nothing, number, no, number)
    model = fit_outlook_model(none, ("cpu",)).to_frame()
    value = pl.when(term="intercept").then(pl.col("value") + believed).otherwise("value")
    model = model.with_columns(value.alias("value"), cutoff=pl.lit(CUTOFF))
    rows = pl.concat([model.with_columns(phase=pl.lit(phase)) for phase in COURSES])
    results.write(OUTLOOK_CALIBRATION, OUTLOOK_CALIBRATION.conform(rows))
    return results


def published() -> pl.DataFrame:
    days = {"backtest": WINDOWS.backtest_days, "forecast": WINDOWS.forecast_days}
    parts = [
        NAMES.join(
            pl.DataFrame({"ds": pl.Series(days[phase]).cast(pl.Int32).cast(pl.Date), "yhat": course}), how="cross"
        ).with_columns(phase=pl.lit(phase), y=pl.col("yhat") if phase == "backtest" else pl.lit(None, pl.Float64))
        for phase, course in COURSES.items()
    ]
    texts = {name: pl.lit("x") for name in ("model", "outcome")}
    rows = pl.concat(parts).with_columns(
        **texts, yhat_lower=pl.col("yhat"), yhat_upper=pl.col("yhat"), cutoff=pl.lit(CUTOFF)
    )
    return GROUP_FORECAST.conform(rows).sort("host_id", "resource", "phase", "ds")


def made(folder: Path, changed: str = "", **outlook: object) -> GroupStatements:
    options = outlook_settings(**outlook)
    results = left_by_a_run(folder / "own", believed=2.0)
    fleet = Statements(left_by_a_run(folder / "fleet"), WINDOWS, options)
    return GroupStatements(
        Statements(results, WINDOWS, options), fleet, published(), USABLE, NAMES.filter(host_id=changed)
    )


SAID = ["probability_30", "probability_91", "probability_182", "early", "likely", "late", "forecast_date", "state"]


def test_a_threshold_of_a_group_is_reached_at_so_much_of_what_is_usable(tmp_path: Path) -> None:
    rows = made(tmp_path, thresholds=[30.0, 60.0, 100.0]).capacity()
    assert rows.schema == CAPACITY_OUTLOOK.polars_schema
    assert set(rows["kind"]) == {"group"}
    half, whole = (rows.filter(host_id=name) for name in ("half", "whole"))
    assert half.filter(threshold=60).select(SAID).equals(whole.filter(threshold=30).select(SAID))
    assert half["level"].to_list() == pytest.approx([2 * level for level in whole["level"]])
    assert half["growth"].to_list() == pytest.approx([2 * slope for slope in whole["growth"]])
    assert half["headroom"].to_list() == pytest.approx((half["threshold"] - half["level"]).to_list())
    # the course ends at 62 % of the capacity: beyond 100 % of a half, and not at 100 % of the whole
    ends = {group: rows.filter(host_id=group, threshold=100)["forecast_date"].item() for group in ("half", "whole")}
    assert ends["whole"] is None
    assert ends["half"] > CUTOFF


def test_backtests_are_judged_by_what_is_usable_too(tmp_path: Path) -> None:
    rows = made(tmp_path, thresholds=[30.0, 60.0]).backtest()
    assert rows.schema == OUTLOOK_BACKTEST.polars_schema
    assert set(rows["host_id"]) == {"half", "whole"}, "there is nothing to judge where nothing is usable"
    half, whole = rows.filter(host_id="half", threshold=60), rows.filter(host_id="whole", threshold=30)
    same = ["horizon_days", "probability", "happened", "point", "likely", "actual"]
    assert half.select(same).equals(whole.select(same))
    assert whole["happened"].to_list() == [0, 1, 1, 1]  # 30 of 20 to 42 in 122 days: in the first half of the window


def test_no_backtest_is_judged_of_a_group_whose_hosts_changed_in_it(tmp_path: Path) -> None:
    statements = made(tmp_path, "half")
    assert set(statements.backtest()["host_id"]) == {"whole"}
    assert set(statements.capacity()["host_id"]) == set(GROUPS)


def test_a_group_is_regrouped_where_a_host_came_left_or_paused_after_the_day() -> None:
    since, early, late = date(2025, 8, 31), date(2023, 1, 1), date(2025, 12, 31)
    hosts = {
        "steady": (early, late, 1),
        "came": (date(2025, 9, 1), late, 1),
        "left": (early, date(2025, 8, 3), 0),  # counted until its 28 days of patience had passed, on 31 August
        "left before": (early, date(2025, 8, 2), 0),
        "paused": (early, late, 1),
    }
    rows = [(group, "h", "cpu", *facts) for group, facts in hosts.items()]
    columns = ["group_name", "host_id", "resource", "first_ds", "last_ds", "present"]
    counts = [(group, "cpu", day, 2 - (group == "paused" and day == 9)) for group in hosts for day in range(1, 20)]
    history = pl.DataFrame(counts, schema=["host_id", "resource", "day", "hosts"], orient="row").with_columns(
        ds=pl.lit(since) + pl.duration(days="day")
    )
    found = regrouped(pl.DataFrame(rows, schema=columns, orient="row"), history, since)
    assert found["host_id"].to_list() == ["came", "left", "paused"]


def test_of_a_group_without_usable_capacity_every_threshold_is_said_to_be_reached(tmp_path: Path) -> None:
    statements = made(tmp_path, thresholds=[50.0, 80.0], reserve={"hosts": 1})
    rows = statements.capacity().filter(host_id="none").sort("threshold")
    assert rows.select("threshold", "state", "level", "headroom", "probability_30", "likely").rows() == [
        (threshold, "unusable", None, None, 1.0, date(2026, 1, 1)) for threshold in (50.0, 80.0)
    ]
    (said,) = statements.remarks()
    assert said.startswith(
        "groups whose reserve takes all of their capacity, so nothing of them is usable (1): 'none'; "
    )


def test_of_many_groups_without_usable_capacity_five_are_named(tmp_path: Path) -> None:
    names = pl.DataFrame({"host_id": [f"g{number:03}" for number in range(300)], "resource": "cpu"})
    nothing = names.with_columns(usable=pl.lit(0.0))
    statements = replace(made(tmp_path, reserve={"hosts": 1}), published=names, usable=nothing)
    (said,) = statements.remarks()
    assert "(300): 'g000', 'g001', 'g002', 'g003', 'g004' and 295 more; " in said
    assert replace(statements, usable=names.with_columns(usable=pl.lit(1.0))).remarks() == []


def test_few_groups_rest_on_the_fleets_experience_and_many_on_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = made(tmp_path)
    few = statements.capacity()
    monkeypatch.setattr(group_statements, "FEW_SERIES", 3)
    many = statements.capacity()
    both = few.join(many, on=["host_id", "threshold"]).filter(pl.col("host_id") != "none")
    # their own run's intercept was set higher than the fleet's
    assert (both["probability_182_right"] > both["probability_182"]).all()


def test_the_usable_share_is_of_the_hosts_at_the_cutoff() -> None:
    rows = [("g", "a", 8.0, 1), ("g", "b", 4.0, 1), ("g", "old", 90.0, 0), ("h", "a", 8.0, 1), ("p", "a", 1.0, 1)]
    members = pl.DataFrame(rows, schema=["group_name", "host_id", "capacity", "present"], orient="row").with_columns(
        resource=pl.lit("cpu")
    )
    options = outlook_settings(reserve={"hosts": 1}, group_reserves={"p": {"percent": 25}})
    found = usable_shares(members, options).sort("host_id")
    assert found.rows() == [("g", "cpu", pytest.approx(1 / 3)), ("h", "cpu", 0.0), ("p", "cpu", 0.75)]
    assert {"group_name", "capacity", "present"} <= set(GROUP_MEMBERS.names)
    assert FORECAST_PARQUET.names == GROUP_FORECAST.names
