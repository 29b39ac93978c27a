"""The rule of planned loads, in SQL and in Polars: two answers that must be one."""

from datetime import date, timedelta

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from turbo_forecast.outlook.loads import of_scenario, shifted
from turbo_forecast.storage.planned_rows import published_rows
from turbo_forecast.storage.warehouse import query
from turbo_forecast_tests.outlook.test_loads import CHANGES, CUTOFF, forecast, loads


@settings(max_examples=25, deadline=None)
@given(st.lists(CHANGES, max_size=6))
def test_the_rows_are_the_same_whoever_applies_the_plans(plans: list[tuple[object, ...]]) -> None:
    found = loads(*plans)
    rows = forecast().with_columns(model=pl.lit("x"))
    with duckdb.connect() as con:
        con.register("planned_loads", found.to_arrow())
        con.register("made", rows.collect().to_arrow())
        by_sql = query(con, f"FROM {published_rows('made', CUTOFF)}").sort("host_id", "ds")
    by_polars = shifted(rows, of_scenario(found)).collect().sort("host_id", "ds")
    assert_frame_equal(by_sql, by_polars, abs_tol=1e-4)


def test_other_months_scenarios_and_groups_change_nothing() -> None:
    found = loads((1, "a", "change", 10.0))
    others = [
        found.with_columns(cutoff=pl.lit(date(2025, 11, 30))),
        found.with_columns(scenario=pl.lit("more")),
        found.with_columns(kind=pl.lit("group"), source_kind=pl.lit("group")),
    ]
    with duckdb.connect() as con:
        con.register("planned_loads", pl.concat(others).to_arrow())
        con.register("made", forecast().collect().to_arrow())
        by_sql = query(con, f"FROM {published_rows('made', CUTOFF)}").sort("host_id", "ds")
    assert_frame_equal(by_sql, forecast().collect().sort("host_id", "ds"))
    assert by_sql["ds"].max() == CUTOFF + timedelta(days=10)
