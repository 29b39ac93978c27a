"""The thresholds that checks ask SQL for are those that the settings state."""

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.defs.checks.thresholds import thresholds_sql
from turbo_forecast.settings import OutlookSettings

HOSTS, RESOURCES = ["a", "it's", 'b"', "*", "{x}"], ["cpu", "memory", "*"]
LIMITS = st.lists(st.integers(1, 1000).map(lambda each: each / 10), min_size=1, max_size=3, unique=True)


@settings(max_examples=50, deadline=None)
@given(
    LIMITS,
    st.dictionaries(st.sampled_from(RESOURCES), LIMITS),
    st.dictionaries(st.sampled_from(HOSTS), st.dictionaries(st.sampled_from(RESOURCES), LIMITS)),
)
def test_sql_and_settings_name_the_same_thresholds(
    plain: list[float], of_resources: dict[str, list[float]], of_hosts: dict[str, dict[str, list[float]]]
) -> None:
    outlook = OutlookSettings(thresholds=plain, resource_thresholds=of_resources, host_thresholds=of_hosts)
    series = pl.DataFrame([(h, r) for h in HOSTS for r in RESOURCES], schema=["host_id", "resource"], orient="row")
    with duckdb.connect() as con:
        con.register("series", series.to_arrow())
        found = con.sql(f"SELECT host_id, resource, {thresholds_sql(outlook)} FROM series").fetchall()
    assert found == [(h, r, outlook.thresholds_of(h, r)) for h, r in series.iter_rows()]
