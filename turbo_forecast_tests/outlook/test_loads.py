"""Planned changes in the rows: what they come to by hand, and what holds of any number of them."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from turbo_forecast.outlook.loads import composed, of_scenario, shifted, shifted_intervals
from turbo_forecast.outlook.plans import Fleet, resolved
from turbo_forecast.storage.plans import PLAN_SCHEMA

CUTOFF, DAYS = date(2025, 12, 31), 10
END = CUTOFF + timedelta(days=DAYS)
HOSTS = ("a", "b", "c")
LEVELS = {"a": 30.0, "b": 20.0, "c": 60.0}
CAPACITY = {"a": 2.0, "b": 1.0, "c": 1.0}
FEW = settings(max_examples=40, deadline=None)
VALUES = ["yhat", "yhat_lower", "yhat_upper"]
SINGLE = dict.fromkeys(VALUES, pl.Float32)


def forecast(levels: dict[str, float] = LEVELS, spread: float = 4.0) -> pl.LazyFrame:
    """Three hosts at constant levels; a backtest of two days before."""
    days = pl.date_range(CUTOFF - timedelta(days=1), END, eager=True)
    parts = [
        pl.DataFrame({"ds": days}).with_columns(
            host_id=pl.lit(host),
            resource=pl.lit("cpu"),
            phase=pl.when(pl.col("ds") > CUTOFF).then(pl.lit("forecast")).otherwise(pl.lit("backtest")),
            yhat=pl.lit(level),
            yhat_lower=pl.lit(level - spread),
            yhat_upper=pl.lit(level + spread),
        )
        for host, level in levels.items()
    ]
    return pl.concat(parts).cast(SINGLE).lazy()  # type: ignore[arg-type]


def fleet(members: bool = False) -> Fleet:
    series = pl.DataFrame({"host_id": HOSTS}).with_columns(resource=pl.lit("cpu"), has_forecast=pl.lit(True))
    group = series.select(
        "host_id",
        "resource",
        group_name=pl.lit("web"),
        capacity=pl.col("host_id").replace_strict(CAPACITY, return_dtype=pl.Float64),
    )
    return Fleet.of(series, group.with_columns(present=pl.lit(1)) if members else None)


def loads(*plans: tuple[Any, ...], members: bool = False) -> pl.DataFrame:
    """Of plans (day after the cutoff, host or 'web', what, amount or target)."""
    rows = []
    for row, (day, host, what, amount) in enumerate(plans, 1):
        is_text = isinstance(amount, str)
        names = ("", host) if host == "web" else (host, "")
        own = (CUTOFF + timedelta(days=day), "baseline", *names, "cpu", what)
        rows.append((row, *own, None if is_text else amount, amount if is_text else ""))
    frame = pl.DataFrame(rows, schema=PLAN_SCHEMA, orient="row")
    return composed(resolved(frame, fleet(members), CUTOFF, END), END)


def published(*plans: tuple[Any, ...], rows: pl.LazyFrame | None = None) -> pl.DataFrame:
    return shifted(forecast() if rows is None else rows, of_scenario(loads(*plans))).collect()


def on(rows: pl.DataFrame, host: str, day: int) -> tuple[float, ...]:
    found: tuple[float, ...] = rows.filter(host_id=host, ds=CUTOFF + timedelta(days=day)).select(VALUES).row(0)
    return found


BY_HAND = [
    ([(3, "a", "change", 10.0)], "a", (40, 36, 44)),
    ([(3, "a", "change", -28.0)], "a", (2, 0, 6)),
    ([(3, "a", "factor", 2.0)], "a", (60, 52, 68)),
    ([(3, "a", "factor", 3.5)], "a", (100, 91, 100)),
    ([(3, "a", "factor", 0.0)], "a", (0, 0, 0)),
    ([(3, "a", "retire", None)], "a", (0, 0, 0)),
    ([(3, "a", "move_to", "b")], "a", (0, 0, 0)),
    ([(3, "a", "move_to", "b")], "b", (50, 42, 58)),
    ([(1, "a", "change", 10.0), (2, "a", "factor", 2.0)], "a", (80, 72, 88)),
    ([(2, "a", "factor", 2.0), (2, "a", "change", 10.0)], "a", (70, 62, 78)),
    ([(1, "c", "factor", 2.0), (2, "c", "factor", 0.5)], "c", (60, 56, 64)),
    ([(1, "a", "move_to", "b"), (2, "b", "move_to", "c")], "c", (110 - 10, 98, 100)),
    ([(1, "a", "move_to", "b"), (2, "b", "factor", 0.5)], "b", (25, 21, 29)),
    ([(1, "a", "move_to", "b"), (2, "a", "change", 5.0)], "a", (5, 5, 5)),
    ([(1, "a", "move_to", "b"), (2, "a", "retire", None)], "b", (50, 42, 58)),
    ([(1, "a", "retire", None), (2, "a", "move_to", "b")], "b", (20, 16, 24)),
    ([(1, "a", "change", 5.0), (2, "a", "move_to", "b"), (3, "b", "move_to", "a")], "a", (55, 47, 63)),
]


@pytest.mark.parametrize(("plans", "host", "values"), BY_HAND)
def test_changes_come_to_what_they_come_to_by_hand(
    plans: list[tuple[Any, ...]], host: str, values: tuple[float, ...]
) -> None:
    assert on(published(*plans), host, 3) == pytest.approx(values)


def test_nothing_changes_before_its_day_and_on_no_other_host() -> None:
    rows = published((3, "a", "factor", 2.0), (6, "a", "change", 1.0))
    assert [on(rows, "a", day)[0] for day in range(-1, 11)] == [30, 30, 30, 30, 60, 60, 60, 61, 61, 61, 61, 61]
    others = pl.col("host_id") != "a"
    assert_frame_equal(rows.filter(others), forecast().filter(others).collect())


def test_no_loads_leave_the_rows_as_they_are() -> None:
    assert_frame_equal(published(), forecast().collect())


def test_rows_keep_their_order_their_columns_and_their_types() -> None:
    rows = forecast().with_columns(outcome=pl.lit("forecast"), weight=pl.lit(7))
    found = published((1, "a", "move_to", "c"), rows=rows)
    assert found.schema == rows.collect_schema()
    kept = ["host_id", "ds", "outcome", "weight"]
    assert_frame_equal(found.select(kept), rows.select(kept).collect())


def test_plans_of_one_day_make_one_stretch_and_stretches_follow_each_other() -> None:
    found = loads((2, "a", "change", 1.0), (2, "a", "factor", 2.0), (5, "a", "change", 1.0))
    days = [(start - CUTOFF).days for start in found["from_ds"]], [(end - CUTOFF).days for end in found["until_ds"]]
    assert days == ([2, 5], [4, DAYS])
    assert found.select("weight", "shift").rows() == [(2.0, 2.0), (2.0, 3.0)]


def group_rows(level: float) -> pl.LazyFrame:
    return forecast({"web": level})


def mean(rows: pl.DataFrame, day: int, capacity: dict[str, float]) -> float:
    """The group's level from its hosts' loads."""
    return sum(capacity[host] * on(rows, host, day)[0] for host in capacity) / sum(capacity.values())


WITHIN = [
    [(2, "a", "change", 8.0)],
    [(2, "b", "factor", 1.5)],
    [(2, "web", "factor", 0.5)],
    [(2, "a", "move_to", "c"), (4, "c", "factor", 0.5)],
    [(2, "c", "factor", 0.5), (3, "web", "change", 4.0), (4, "b", "factor", 2.0)],
]


@pytest.mark.parametrize("plans", WITHIN)
def test_a_groups_forecast_moves_as_the_mean_of_its_hosts_does(plans: list[tuple[Any, ...]]) -> None:
    level = mean(forecast({"a": 10.0, "b": 20.0, "c": 12.0}).collect(), 1, CAPACITY)
    hosts = forecast({"a": 10.0, "b": 20.0, "c": 12.0})
    found = loads(*plans, members=True)
    moved = shifted(group_rows(level), of_scenario(found, kind="group"), hosts).collect()
    of_hosts = shifted(hosts, of_scenario(found)).collect()
    for day in range(1, DAYS + 1):
        assert on(moved, "web", day)[0] == pytest.approx(mean(of_hosts, day, CAPACITY), abs=1e-4)


def test_a_group_keeps_its_load_when_a_host_retires_and_its_width_is_its_own() -> None:
    found = loads((2, "a", "retire", None), (3, "b", "factor", 2.0), members=True)
    rows = shifted(group_rows(35.0), of_scenario(found, kind="group"), forecast()).collect()
    assert on(rows, "web", 2) == pytest.approx((70, 62, 78)), "half of the capacity is gone"
    assert on(rows, "web", 3) == pytest.approx((80, 72, 88)), "b is half of what is left, and was 20"


def test_hosts_that_join_bring_the_load_of_each_down() -> None:
    found = loads((2, "web", "add_hosts", 3.0), members=True)
    assert on(shifted(forecast(), of_scenario(found)).collect(), "c", 2) == pytest.approx((30, 28, 32))
    rows = shifted(group_rows(35.0), of_scenario(found, kind="group"), forecast()).collect()
    assert on(rows, "web", 2) == pytest.approx((17.5, 15.5, 19.5))


DAY = st.integers(1, DAYS)
CHANGES = st.one_of(
    st.tuples(DAY, st.sampled_from(HOSTS), st.just("change"), st.floats(-100, 100)),
    st.tuples(DAY, st.sampled_from(HOSTS), st.just("factor"), st.floats(0, 10)),
    st.tuples(DAY, st.sampled_from(HOSTS), st.just("retire"), st.none()),
    st.sampled_from([(here, there) for here in HOSTS for there in HOSTS if here != there]).flatmap(
        lambda pair: st.tuples(DAY, st.just(pair[0]), st.just("move_to"), st.just(pair[1]))
    ),
)


@FEW
@given(st.lists(CHANGES, max_size=8))
def test_any_plans_keep_to_the_envelope_the_order_of_bounds_and_the_past(plans: list[tuple[Any, ...]]) -> None:
    rows, before = published(*plans), forecast().collect()
    lower, yhat, upper = (rows[name].to_numpy() for name in ("yhat_lower", "yhat", "yhat_upper"))
    assert np.isfinite(rows.select(VALUES).to_numpy()).all()
    assert ((lower >= 0) & (lower <= yhat) & (yhat <= upper) & (upper <= 100)).all()
    first = CUTOFF + timedelta(days=min((plan[0] for plan in plans), default=DAYS + 1))
    is_before = pl.col("ds") < first
    assert_frame_equal(rows.filter(is_before), before.filter(is_before))


SPREADS = {0.5: 2.0, 0.95: 8.0}


def intervals() -> pl.LazyFrame:
    """Two intervals of each day, beside the main one's 4 points."""
    rows = [forecast(spread=spread).with_columns(interval_width=pl.lit(width)) for width, spread in SPREADS.items()]
    return pl.concat(rows).drop("yhat").rename({"yhat_lower": "lower", "yhat_upper": "upper"})


@FEW
@given(st.lists(CHANGES, max_size=8))
def test_every_interval_shifts_as_the_master_files_would_if_it_were_as_wide(plans: list[tuple[Any, ...]]) -> None:
    found = shifted_intervals(intervals(), of_scenario(loads(*plans))).collect()
    for width, spread in SPREADS.items():
        alone = published(*plans, rows=forecast(spread=spread))
        own = found.filter(interval_width=width)
        assert_frame_equal(own.select("host_id", "ds", "phase"), alone.select("host_id", "ds", "phase"))
        for side in ("lower", "upper"):
            np.testing.assert_allclose(own[side], alone[f"yhat_{side}"], rtol=1e-6)
    assert found.schema == intervals().collect_schema()


@FEW
@given(st.lists(CHANGES, max_size=6), DAY, st.sampled_from(HOSTS), st.integers(0, 6))
def test_a_change_of_nothing_and_a_factor_of_one_change_nothing(
    plans: list[tuple[Any, ...]], day: int, host: str, place: int
) -> None:
    idle = [(day, host, "change", 0.0), (day, host, "factor", 1.0)]
    assert_frame_equal(published(*plans[:place], *idle, *plans[place:]), published(*plans), check_exact=True)


@FEW
@given(st.lists(CHANGES, max_size=8))
def test_stretches_are_whole_and_sources_are_never_counted_below_nothing(plans: list[tuple[Any, ...]]) -> None:
    found = loads(*plans)
    assert (found["weight"] >= 0).all()
    for _, own in found.group_by("host_id"):
        stretches = own.select("from_ds", "until_ds").unique().sort("from_ds").rows()
        assert stretches[-1][1] == END
        assert all(after[0] - before[1] == timedelta(days=1) for before, after in pairwise(stretches))


@FEW
@given(st.lists(st.tuples(DAY, st.sampled_from(("change", "factor")), st.floats(0, 3)), max_size=6))
def test_a_move_at_the_end_brings_what_the_other_had_come_to(steps: list[tuple[int, str, float]]) -> None:
    plans = [(day, "a", what, amount) for day, what, amount in steps]
    small = forecast({"a": 0.5, "b": 1.0, "c": 1.0}, spread=0.25)
    alone, together = published(*plans, rows=small), published(*plans, (DAYS, "a", "move_to", "b"), rows=small)
    if on(alone, "a", DAYS)[2] < 90:
        expected = np.array(on(alone, "a", DAYS)) + np.array(on(alone, "b", DAYS))
        assert on(together, "b", DAYS) == pytest.approx(expected, abs=1e-3)


@FEW
@given(st.lists(CHANGES, max_size=5), DAY, st.sampled_from(HOSTS))
def test_what_is_retired_stays_at_nothing_whatever_follows(plans: list[tuple[Any, ...]], day: int, host: str) -> None:
    early = [plan for plan in plans if plan[0] < day]
    late = [plan for plan in plans if plan[0] >= day]
    rows = published(*early, (day, host, "retire", None), *late)
    after = rows.filter(pl.col("host_id") == host, pl.col("ds") >= CUTOFF + timedelta(days=day))
    assert (after.select(VALUES).to_numpy() == 0).all()
