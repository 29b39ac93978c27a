"""From what is known of series to statements: every threshold once, dates that are the inverse, ranks without a gap."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.outlook.learning import PRIOR, TERMS, OutlookModel
from turbo_forecast.outlook.planned import Planned
from turbo_forecast.outlook.regression import KNOTS, sigmoid
from turbo_forecast.outlook.rows import (
    BEFORE,
    OutlookInputs,
    available_horizons,
    backtest_rows,
    capacity_rows,
    with_urgency,
)
from turbo_forecast.outlook.signals import GRID, signals
from turbo_forecast.schemas import CAPACITY_OUTLOOK, OUTLOOK_BACKTEST, OUTLOOK_SERIES
from turbo_forecast.schemas.outlook import PREDICTORS

CUTOFF = date(2025, 12, 31)
MODEL = OutlookModel(
    ("all", "cpu"),
    np.tile(PRIOR, (2, GRID.size, 1)),
    np.tile(sigmoid(KNOTS), (2, 2, 1)),
    np.array([9, 9]),
)


def inputs(history: np.ndarray, forecast: np.ndarray, usable: np.ndarray | None = None) -> OutlookInputs:
    """What is known of hosts h0, h1, … at the end of their histories."""
    found = signals(history, forecast, forecast)
    before = history[:, -len(BEFORE) :]
    columns = {name: before[:, place] for place, name in enumerate(BEFORE)}
    names = pl.DataFrame({"host_id": [f"h{row}" for row in range(len(history))], "resource": "cpu"})
    return OutlookInputs.from_frame(names.hstack(found.to_frame()).hstack(pl.DataFrame(columns)), usable)


@st.composite
def fleets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[list[float]]]:
    """Histories with gaps, forecasts, and each series' own thresholds."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n, days = draw(st.integers(1, 6)), draw(st.sampled_from([28, 90, 181, 184, 365]))
    history = rng.uniform(0, 100, (n, 200))
    history[rng.random(history.shape) < draw(st.sampled_from([0.0, 0.4, 1.0]))] = np.nan
    walk = np.clip(50 + np.cumsum(rng.normal(0.05, 2, (n, days)), axis=1), 0, 100)
    asked = st.lists(st.integers(1, 100).map(float), min_size=1, max_size=5, unique=True)
    return history, walk, [sorted(draw(asked)) for _ in range(n)]


def test_a_group_is_over_exactly_where_its_stated_level_is_at_the_threshold() -> None:
    hosts, levels = np.arange(2, 13), np.arange(10.0, 100.0, 5.0)
    usable = np.repeat(1 - 1 / hosts, levels.size)  # of 7 hosts, 60 of 100 are 70 of what is usable, rounded up or down
    course = np.tile(levels, hosts.size)[:, None]
    rows = capacity_rows(
        inputs(np.tile(course, 40), np.tile(course, 30), usable),
        np.tile(course, 30),
        [[70, 80, 90]] * usable.size,
        MODEL,
        CUTOFF,
    )
    assert rows["state"].eq("over").to_list() == (rows["level"] >= rows["threshold"]).to_list()


@settings(max_examples=40, deadline=None)
@given(fleets())
def test_statements_are_whole_monotone_and_of_one_mind(fleet: tuple[np.ndarray, np.ndarray, list[list[float]]]) -> None:
    history, forecast, thresholds = fleet
    rows = with_urgency(capacity_rows(inputs(history, forecast), forecast, thresholds, MODEL, CUTOFF))
    assert rows.schema == CAPACITY_OUTLOOK.polars_schema
    stated = rows.group_by("host_id", maintain_order=True).agg("threshold")["threshold"].to_list()
    assert stated == thresholds
    assert sorted(rows["urgency"]) == list(range(1, len(rows) + 1))
    end = CUTOFF + timedelta(days=forecast.shape[1])
    assert rows["probability_91"].is_null().all() == (forecast.shape[1] < 90)
    chances = rows.select(
        pl.concat_list("probability_30", pl.coalesce("probability_91", "probability_30"), "probability_182")
    )
    assert chances.select(pl.first().list.diff().list.min() >= 0).to_series().all()
    for name, least in (("early", 0.1), ("likely", 0.5), ("late", 0.9)):
        for row in rows.iter_rows(named=True):
            day = row[name]
            assert day is None or CUTOFF < day <= end
            reached_30 = day is not None and day <= CUTOFF + timedelta(days=30)
            assert (row["probability_30"] >= least) == reached_30
    harder = rows.select(pl.col("probability_182").diff().over("host_id").max()).item()
    assert harder is None or harder <= 0


def test_a_rising_line_is_stated_as_it_is_calculated_by_hand() -> None:
    """40 % for weeks, then half a point a day: the 7-day mean lags by three days, and reaches 45 thirteen days ahead."""
    history, forecast = np.full((1, 60), 40.0), 40 + 0.5 * np.arange(1.0, 182.0)[None, :]
    row = capacity_rows(inputs(history, forecast), forecast, [[45.0]], MODEL, CUTOFF).row(0, named=True)
    assert row["level"] == 40
    assert row["headroom"] == 5
    assert row["forecast_date"] == CUTOFF + timedelta(days=13)
    assert row["growth"] == pytest.approx(15, rel=0.01), "half a point a day, but for the first week"
    assert row["recent_shift"] is None
    assert row["state"] == "expected"


def test_a_level_that_has_just_moved_is_said_to_have() -> None:
    history = np.concatenate([np.full((1, 350), 20.0), np.full((1, 10), 80.0)], axis=1)
    forecast = np.full((1, 181), 30.0)
    row = capacity_rows(inputs(history, forecast), forecast, [[90.0]], MODEL, CUTOFF).row(0, named=True)
    assert row["recent_shift"] == 50


def test_usable_capacity_scales_what_is_said_and_not_the_threshold() -> None:
    history, forecast = np.full((2, 60), 45.0), np.full((2, 181), 45.0)
    rows = capacity_rows(
        inputs(history, forecast, np.array([1.0, 0.5])), forecast, [[45.0], [90.0]], MODEL, CUTOFF, kind="group"
    )
    assert rows.select("threshold", "level", "headroom", "state", "kind").rows() == [
        (45, 45, 0, "over", "group"),
        (90, 90, 0, "over", "group"),
    ]
    assert rows["probability_182"].n_unique() == 1


def test_planned_changes_move_probabilities_with_the_forecast() -> None:
    history, flat = np.full((1, 60), 50.0), np.full((1, 181), 50.0)
    after = (np.arange(181) >= 100).astype(np.int64)[None, :]
    raised, plan = flat + 30.0 * after, Planned(flat, after, np.ones(flat.shape))
    plain, planned = (
        capacity_rows(inputs(history, flat), forecast, [[80.0]], MODEL, CUTOFF, planned=changes).row(0, named=True)
        for forecast, changes in ((flat, None), (raised, plan))
    )
    assert planned["probability_91"] == plain["probability_91"], "before the change nothing is altered"
    assert planned["probability_182"] > plain["probability_182"] + 0.3
    assert planned["forecast_date"] == CUTOFF + timedelta(days=107)


def test_the_backtest_says_what_happened_by_hand() -> None:
    """Observed 50 %, then 90 from day 40 on: the 7-day mean is 50 + 40·k/7 on the k-th such day, and 80 on the sixth."""
    history, forecast = np.full((1, 60), 50.0), np.full((1, 120), 50.0)
    observed = np.where(np.arange(1, 121) >= 40, 90.0, 50.0)[None, :]
    origin = date(2025, 9, 2)
    rows = backtest_rows(inputs(history, forecast), forecast, observed, [[50.0, 80.0]], MODEL, origin, CUTOFF)
    assert rows.schema == OUTLOOK_BACKTEST.polars_schema
    hard = rows.filter(threshold=80)
    assert hard["horizon_days"].to_list() == [30, 61, 91, 122], "120 days are four months"
    assert hard["happened"].to_list() == [0, 1, 1, 1]
    assert hard["point"].to_list() == [0, 0, 0, 0]
    assert hard["actual"].unique().to_list() == [origin + timedelta(days=45)]
    easy = rows.filter(threshold=50)
    assert easy["happened"].to_list() == easy["point"].to_list() == [1, 1, 1, 1]
    assert easy["actual"].unique().to_list() == [origin + timedelta(days=1)]


def test_a_backtest_that_was_never_observed_has_not_happened() -> None:
    history, forecast = np.full((1, 60), 50.0), np.full((1, 61), 50.0)
    rows = backtest_rows(inputs(history, forecast), forecast, np.full((1, 61), np.nan), [[99.0]], MODEL, CUTOFF, CUTOFF)
    assert rows.select("horizon_days", "happened", "actual").rows() == [(30, 0, None), (61, 0, None)]


def test_a_window_has_the_horizons_that_whole_months_come_near() -> None:
    assert available_horizons(120, (30, 61, 91, 122)) == [30, 61, 91, 122]
    assert available_horizons(59, (30, 61, 91, 122)) == [30, 61]
    assert available_horizons(28, (30,)) == []


def test_over_comes_first_then_dates_then_probabilities_and_ties_go_by_name() -> None:
    day = date(2026, 2, 1)
    rows = [
        ("d", 90.0, "unlikely", None, 0.05, 60.0), ("c", 90.0, "possible", None, 0.3, 50.0),
        ("b", 90.0, "possible", None, 0.3, 50.0), ("e", 90.0, "possible", None, 0.3, None),
        ("f", 90.0, "expected", day, 0.6, 20.0), ("g", 90.0, "expected", day - timedelta(days=1), 0.5, 30.0),
        ("h", 70.0, "over", day, 1.0, -25.0), ("i", 90.0, "over", None, 0.99, -1.0), ("j", 90.0, "over", day, 0.9, -3.0),
    ]  # fmt: skip
    frame = pl.DataFrame(rows, ["host_id", "threshold", "state", "likely", "probability_182", "headroom"], orient="row")
    others = {name: None for name in CAPACITY_OUTLOOK.names if name not in frame.columns}
    whole = frame.with_columns(
        **{name: pl.lit(value) for name, value in others.items()}
        | {
            "scenario": pl.lit("baseline"),
            "kind": pl.lit("series"),
            "resource": pl.lit("cpu"),
            "cutoff": pl.lit(CUTOFF),
        }
    )
    ranked = with_urgency(whole.sample(fraction=1, shuffle=True, seed=1))
    assert ranked.sort("urgency")["host_id"].to_list() == ["j", "i", "h", "g", "f", "b", "c", "e", "d"]


def test_each_scenario_has_ranks_of_its_own() -> None:
    history, forecast = np.full((2, 60), 50.0), np.full((2, 181), 50.0)
    parts = [
        capacity_rows(inputs(history, forecast), forecast, [[60.0], [70.0]], MODEL, CUTOFF, scenario=name)
        for name in ("baseline", "move")
    ]
    ranked = with_urgency(pl.concat(parts))
    assert ranked.group_by("scenario", maintain_order=True).agg("urgency")["urgency"].to_list() == [[1, 2], [1, 2]]


def test_signals_are_stored_under_the_columns_of_their_table() -> None:
    assert TERMS[1:] == PREDICTORS
    history, forecast = np.full((1, 60), 50.0), np.full((1, 181), 50.0)
    stored = set(signals(history, forecast, forecast).to_frame().columns) | {*BEFORE}
    assert stored == set(OUTLOOK_SERIES.names) - {"cutoff", "phase", "host_id", "resource"}
