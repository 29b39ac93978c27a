"""The small plots on assets, each from a few aggregated rows."""

from pathlib import Path

import altair as alt
import dagster as dg
import duckdb
import polars as pl

from turbo_forecast.defs.reporting import plot
from turbo_forecast.storage.warehouse import query


def fleet_by_month(con: duckdb.DuckDBPyConnection) -> dg.MarkdownMetadataValue:
    """Mean utilisation of the fleet by resource and month, from the base table."""
    rows = query(
        con,
        "SELECT resource, date_trunc('month', ds)::DATE AS month, avg(y) AS y "
        "FROM base_table GROUP BY ALL ORDER BY ALL",
    )
    chart = alt.Chart(rows).mark_line().encode(x="month:T", y=alt.Y("y:Q", title="mean percent"), color="resource:N")
    return plot(chart)


def outcome_bars(outcomes: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How many series ended how, by resource."""
    rows = outcomes.group_by("resource", "outcome").len("series").sort("resource", "outcome")
    return plot(alt.Chart(rows).mark_bar().encode(x="series:Q", y="resource:N", color="outcome:N"))


def score_bars(scores: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Mean MASE by entrant, over series where it is defined."""
    rows = scores.group_by("model").agg(pl.col("mase").mean()).sort("model")
    return plot(alt.Chart(rows).mark_bar().encode(x=alt.X("mase:Q", title="mean MASE"), y="model:N"))


def fleet_forecast_lines(path: Path) -> dg.MarkdownMetadataValue:
    """The fleet's mean by day: observed, projected, and the mean bounds."""
    rows = (
        pl.scan_parquet(path)
        .group_by("ds")
        .agg(pl.col("y", "yhat", "yhat_lower", "yhat_upper").mean())
        .sort("ds")
        .collect()
    )
    base = alt.Chart(rows).encode(x="ds:T")
    band = base.mark_area(opacity=0.25).encode(y=alt.Y("yhat_lower:Q", title="mean percent"), y2="yhat_upper:Q")
    return plot(band + base.mark_line().encode(y="yhat:Q") + base.mark_line(color="black").encode(y="y:Q"))
