"""The small plots on assets, each from a few aggregated rows."""

from pathlib import Path

import altair as alt
import dagster as dg
import duckdb
import polars as pl

from turbo_forecast.defs.reporting import plot, whole_backtest
from turbo_forecast.storage.files import parquet_rows
from turbo_forecast.storage.warehouse import query

MOST_SHOWN = 20
"""Lines or bars that one small plot can hold."""


def _largest(rows: pl.DataFrame, names: str, size: str) -> alt.Chart:
    """A chart of the MOST_SHOWN largest groups; its title says so when there are more."""
    groups = rows.group_by(names).agg(pl.col(size).sum()).sort(size, names, descending=[True, False])
    chart = alt.Chart(rows.filter(pl.col(names).is_in(groups[names].head(MOST_SHOWN).implode())))
    if len(groups) <= MOST_SHOWN:
        return chart
    return chart.properties(title=f"the {MOST_SHOWN} largest of {len(groups):,} {names}s")


def fleet_by_month(con: duckdb.DuckDBPyConnection) -> dg.MarkdownMetadataValue:
    """Mean utilisation of the fleet by resource and month, from the base table."""
    rows = query(
        con,
        "SELECT resource, date_trunc('month', ds)::DATE AS month, avg(y) AS y, count(*) AS n "
        "FROM base_table GROUP BY ALL ORDER BY ALL",
    )
    chart = (
        _largest(rows, "resource", "n")
        .mark_line()
        .encode(x="month:T", y=alt.Y("y:Q", title="mean over series and days, percent"), color="resource:N")
    )
    return plot(chart)


def outcome_bars(outcomes: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How many series ended how, by resource."""
    rows = outcomes.group_by("resource", "outcome").len("series").sort("resource", "outcome")
    return plot(_largest(rows, "resource", "series").mark_bar().encode(x="series:Q", y="resource:N", color="outcome:N"))


def score_bars(scores: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Mean MASE by entrant and fold (0: the backtest), over the series where the entrant has one.

    Not the same series for everyone, unlike the standings, and the axis says so.
    """
    rows = scores.group_by("model", "fold").agg(pl.col("mase").mean()).sort("model", "fold")
    bars = alt.Chart(rows).mark_bar()
    return plot(
        bars.encode(
            x=alt.X("mase:Q", title="mean MASE over each entrant's own series"),
            y="model:N",
            yOffset="fold:N",
            color="fold:N",
        )
    )


def standings_bars(standings: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Mean MASE of the whole backtest by entrant, with its bootstrap interval, over the series where it is defined."""
    rows = whole_backtest(standings).select("model", "mase", "mase_low", "mase_high")
    base = alt.Chart(rows).encode(y=alt.Y("model:N", sort=rows["model"].to_list()))
    bars = base.mark_bar().encode(x=alt.X("mase:Q", title="mean MASE over series, 95 % interval"))
    return plot(bars + base.mark_rule(color="black").encode(x="mase_low:Q", x2="mase_high:Q"))


def accuracy_lines(accuracy: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Mean absolute error by months ahead, of every entrant and of what was published, over all days of all series of
    all earlier forecasts together."""
    rows = (
        accuracy.filter(pl.col("resource") == "all")
        .group_by("model", "lead_month")
        .agg(mae=(pl.col("mae") * pl.col("n")).sum() / pl.col("n").sum())
        .sort("model", "lead_month")
    )
    lines = alt.Chart(rows).mark_line(point=True)
    return plot(
        lines.encode(x="lead_month:O", y=alt.Y("mae:Q", title="mean absolute error over days, points"), color="model:N")
    )


def fleet_forecast_lines(path: Path) -> dg.MarkdownMetadataValue:
    """Means by day over the series that have a forecast of it: observed, projected, and the bounds."""
    rows = (
        parquet_rows(path)
        .group_by("ds")
        .agg(pl.col("y", "yhat", "yhat_lower", "yhat_upper").mean())
        .sort("ds")
        .collect()
    )
    base = alt.Chart(rows).encode(x="ds:T")
    band = base.mark_area(opacity=0.25).encode(
        y=alt.Y("yhat_lower:Q", title="mean over series, percent"), y2="yhat_upper:Q"
    )
    return plot(band + base.mark_line().encode(y="yhat:Q") + base.mark_line(color="black").encode(y="y:Q"))
