"""The groups of the month that is made by hand: two, one named as a host is, and one whose reserve takes all it has.

Group b has the hosts a and b of both resources, ghost has the host c's cpu alone.
"""

from datetime import date

import duckdb
import polars as pl

from turbo_forecast import schemas
from turbo_forecast.tables import Table
from turbo_forecast_tests.defs.made_outlook import Store

MEMBERS = [("b", "cpu", "a"), ("b", "cpu", "b"), ("b", "memory", "a"), ("b", "memory", "b"), ("ghost", "cpu", "c")]
_STATEMENTS = """
    INSERT INTO capacity_outlook BY NAME
    SELECT * REPLACE ('group' AS kind) FROM capacity_outlook WHERE host_id = 'b';
    INSERT INTO capacity_outlook BY NAME
    SELECT * REPLACE (
        'group' AS kind, 'ghost' AS host_id, 'unusable' AS state, NULL AS level, NULL AS headroom, 1 AS probability_30,
        1 AS probability_91, 1 AS probability_182, cutoff + 1 AS early, cutoff + 1 AS likely, cutoff + 1 AS late)
    FROM capacity_outlook WHERE kind = 'series' AND host_id = 'c' AND resource = 'cpu';
    UPDATE capacity_outlook SET urgency = place FROM (
        SELECT rowid AS row, row_number() OVER (
            PARTITION BY cutoff ORDER BY state != 'unusable', threshold, kind, host_id, resource) AS place
        FROM capacity_outlook
    ) WHERE capacity_outlook.rowid = row;
"""
"""Of group b what is said of host b, of ghost that nothing of it is usable; urgency counts all of them."""


def store_groups(
    con: duckdb.DuckDBPyConnection, base: pl.DataFrame, published: pl.DataFrame, cutoff: date, store: Store
) -> None:
    """Store the three tables of groups, and add the groups to the statements about series, which are stored already."""
    for table, frame in _tables(base, published, cutoff):
        store(con, table, frame)
    con.execute(_STATEMENTS)


def _tables(base: pl.DataFrame, published: pl.DataFrame, cutoff: date) -> list[tuple[Table, pl.DataFrame]]:
    """Rows of the three tables of groups: plain means of the base table's rows, and the master file's rows of hosts b and c."""
    rows = pl.DataFrame(MEMBERS, schema=["group_name", "resource", "host_id"], orient="row")
    facts = base.group_by("host_id", "resource").agg(
        observations=pl.len().cast(pl.Int64), first_ds=pl.col("ds").min(), last_ds=pl.col("ds").max()
    )
    month = pl.lit(cutoff).alias("cutoff")
    members = rows.join(facts, on=["host_id", "resource"]).with_columns(month, capacity=1.0, present=1)
    history = (
        base.join(rows, on=["host_id", "resource"])
        .group_by(pl.col("group_name").alias("host_id"), "resource", "ds")
        .agg(pl.col("y").mean(), hosts=pl.len().cast(pl.Int64))
        .with_columns(month, observed_hosts=pl.col("hosts"), observed_capacity=1.0)
    )
    named = {"b": "b", "c": "ghost"}
    of = pl.col("host_id").replace_strict(named, default=None)
    forecast = published.with_columns(host_id=of).filter(
        (pl.col("host_id") == "b") | ((pl.col("host_id") == "ghost") & (pl.col("resource") == "cpu"))
    )
    found = [(schemas.GROUP_MEMBERS, members), (schemas.GROUP_HISTORY, history), (schemas.GROUP_FORECAST, forecast)]
    return [(table, table.conform(frame)) for table, frame in found]
