"""The plots on assets, each from a few aggregated rows.

Belongs here: what is drawn, and the query that aggregates it. Does not belong here: how a picture gets into Dagster's
event log (`reporting.py`).
"""

from datetime import date
from typing import Any

import altair as alt
import dagster as dg
import duckdb
import polars as pl

from turbo_forecast.defs.reporting import plot, whole_backtest
from turbo_forecast.outlook.statements import STATES
from turbo_forecast.storage.warehouse import query
from turbo_forecast.types import Phase

MOST_SHOWN = 20
"""Panels or bars that one plot can hold."""
WIDTH = 860
"""Pixels of the drawing: with its axis it fits into Dagster's dialog on a screen of 1,280."""
WIDE_PANELS = 6
"""Up to so many panels stand below each other at full width; more stand in two columns."""
BAR = 26
"""Pixels of height for a bar with its name."""
MODEL_WIDTH = 740
"""Leaves room for entrants' names beside the drawing."""
HISTORY_DAYS = 364


def _largest(rows: pl.DataFrame, names: str, size: str) -> tuple[pl.DataFrame, list[str], str]:
    """The rows of the MOST_SHOWN largest groups, these in order, and a title that says so where there are more."""
    groups = rows.group_by(names).agg(pl.col(size).sum()).sort(size, names, descending=[True, False])[names].to_list()
    title = f"the {MOST_SHOWN} largest of {len(groups):,} {names}s" if len(groups) > MOST_SHOWN else ""
    shown = groups[:MOST_SHOWN]
    return rows.filter(pl.col(names).is_in(shown)), shown, title


def _panels(chart: alt.LayerChart | alt.FacetChart, resources: list[str], title: str) -> alt.FacetChart:
    """One panel for each resource, all on the same axes."""
    columns = 1 if len(resources) <= WIDE_PANELS else 2
    header = alt.Header(title=None, labelAnchor="start", labelFontSize=15, labelFontWeight="bold", labelLimit=400)
    facet = alt.Facet("resource:N", sort=resources, header=header)
    panels = chart.properties(width=WIDTH // columns - 20 * (columns - 1), height=190).facet(facet, columns=columns)
    return panels.properties(title=title) if title else panels


def _band_and_line(rows: pl.DataFrame, kinds: list[str]) -> alt.LayerChart | alt.FacetChart:
    """Means over series by day with a band around them, and what each is. rows: `resource, day, kind, y, low, high`."""
    legend = alt.Legend(orient="top", direction="vertical", labelLimit=WIDTH, title=None, symbolType="square")
    colour = alt.Color(
        "kind:N", scale=alt.Scale(domain=kinds, range=["#444444", "#1f6fd6"][: len(kinds)]), legend=legend
    )
    days = alt.X("day:T", title=None, axis=alt.Axis(format="%b %Y", labelOverlap=True, tickCount=9))
    base = alt.Chart(rows).encode(x=days, color=colour)
    percent = alt.Y("low:Q", title="percent", scale=alt.Scale(domain=[0, 100]))
    return alt.layer(base.mark_area(opacity=0.2).encode(y=percent, y2="high:Q"), base.mark_line().encode(y="y:Q"))


def fleet_by_month(con: duckdb.DuckDBPyConnection) -> dg.MarkdownMetadataValue:
    """Utilisation by resource and month, from the base table: the mean, and what the middle 80 % of the days are."""
    rows = query(
        con,
        "SELECT resource, date_trunc('month', ds)::DATE AS day, avg(y) AS y, quantile_cont(y, 0.1) AS low, "
        "quantile_cont(y, 0.9) AS high, count(*) AS n FROM base_table GROUP BY ALL ORDER BY ALL",
    )
    kind = "observed: mean over series and days of the month; band: their middle 80 %"
    shown, resources, title = _largest(rows.with_columns(kind=pl.lit(kind)), "resource", "n")
    return plot(_panels(_band_and_line(shown, [kind]), resources, title))


# weeks are counted from the cutoff, so that none is half observed and half forecast
_WEEK = "floor((ds - $cutoff::DATE - 1) / 7.0)::INTEGER AS week"
_FLEET = f"""
    WITH published AS (SELECT * FROM {{published}} WHERE phase = 'forecast'),
    observed AS (
        SELECT resource, {_WEEK}, avg(y) AS y, quantile_cont(y, 0.1) AS low, quantile_cont(y, 0.9) AS high, count(*) AS n
        FROM base_table SEMI JOIN (SELECT DISTINCT host_id, resource FROM published) USING (host_id, resource)
        WHERE ds > $cutoff::DATE - {HISTORY_DAYS} AND ds <= $cutoff GROUP BY ALL
    ), projected AS (
        SELECT resource, {_WEEK}, avg(yhat) AS y, avg(yhat_lower) AS low, avg(yhat_upper) AS high, count(*) AS n
        FROM published GROUP BY ALL
    )
    SELECT resource, $cutoff::DATE + 4 + 7 * week AS day, kind, y, low, high, n
    FROM (SELECT *, $observed AS kind FROM observed UNION ALL BY NAME SELECT *, $projected AS kind FROM projected)
    ORDER BY ALL
"""


def fleet_outlook(
    con: duckdb.DuckDBPyConnection, cutoff: date, published: str, interval_width: float
) -> dg.MarkdownMetadataValue:
    """A panel for each resource: the last year and the horizon of the series that have a forecast, by week.

    published: SQL for the master file's rows.
    """
    observed = "observed: mean over series and days of the week; band: their middle 80 %"
    projected = f"forecast: mean; band: mean bounds of the {100 * interval_width:g} % intervals of the single series"
    rows = query(
        con, _FLEET.format(published=published), cutoff=cutoff, observed=observed, projected=projected
    ).with_columns(pl.col("y", "low", "high").round(2))
    shown, resources, title = _largest(rows, "resource", "n")
    return plot(_panels(_band_and_line(shown, [observed, projected]), resources, title))


def outcome_bars(outcomes: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How many series ended how, by resource."""
    rows = outcomes.group_by("resource", "outcome").len("series").sort("resource", "outcome")
    shown, resources, title = _largest(rows, "resource", "series")
    bars = (
        alt.Chart(shown)
        .mark_bar()
        .encode(
            x=alt.X("series:Q", title="series"), y=alt.Y("resource:N", sort=resources, title=None), color="outcome:N"
        )
    )
    return _bars(bars, len(resources), title)


def score_bars(scores: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Mean MASE by entrant and window (the backtest, then the folds), over the series where the entrant has one.

    Not the same series for everyone, unlike the standings, and the axis says so.
    """
    rows = scores.group_by("model", "window_name").agg(pl.col("mase").mean()).sort("model", "window_name")
    windows = sorted(rows["window_name"].unique(), key=lambda name: (len(name) if name != Phase.BACKTEST else 0, name))
    bars = alt.Chart(rows).mark_bar()
    return _bars(
        bars.encode(
            x=alt.X("mase:Q", title="mean MASE over each entrant's own series"),
            y=alt.Y("model:N", title=None),
            yOffset=alt.YOffset("window_name:N", sort=windows),
            color=alt.Color("window_name:N", sort=windows, title="window_name"),
        ),
        2 * rows["model"].n_unique(),
    )


def standings_bars(standings: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Mean MASE of the whole backtest by entrant, with its bootstrap interval, over the series where it is defined."""
    rows = whole_backtest(standings).select("model", "mase", "mase_low", "mase_high")
    base = alt.Chart(rows).encode(y=alt.Y("model:N", sort=rows["model"].to_list(), title=None))
    published = alt.when(alt.datum.model == "champion").then(alt.value("#1f6fd6")).otherwise(alt.value("#9db8d9"))
    bars = base.mark_bar().encode(x=alt.X("mase:Q", title="mean MASE over series, 95 % interval"), color=published)
    return _bars(bars + base.mark_rule(color="black").encode(x="mase_low:Q", x2="mase_high:Q"), len(rows))


def accuracy_lines(accuracy: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Mean absolute error by months ahead, of every entrant and of what was published, over all days of all series of
    all earlier forecasts together."""
    rows = (
        accuracy.filter(pl.col("resource") == "all")
        .group_by("model", "lead_month")
        .agg(mae=(pl.col("mae") * pl.col("n")).sum() / pl.col("n").sum())
        .sort("model", "lead_month")
    )
    ahead = alt.X("lead_month:O", title="months ahead", axis=alt.Axis(labelAngle=0))
    error = alt.Y("mae:Q", title="mean absolute error over days, points", scale=alt.Scale(zero=False))
    published = alt.when(alt.datum.model == "champion").then(alt.value(4)).otherwise(alt.value(1.5))
    lines = alt.Chart(rows).mark_line(point=True)
    return plot(
        lines.encode(x=ahead, y=error, color="model:N", strokeWidth=published).properties(width=MODEL_WIDTH, height=360)
    )


def state_bars(statements: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """How many series and groups are in which state, by threshold. statements: of one scenario."""
    rows = statements.group_by("threshold", "state").len("series").sort("threshold", "state")
    shown = _largest(rows.with_columns(pl.col("threshold").round(2).cast(pl.String)), "threshold", "series")[0]
    thresholds = sorted(shown["threshold"].unique(), key=float)
    colours = alt.Scale(domain=list(STATES), range=["#b2182b", "#ef8a62", "#fddbc7", "#d9d9d9", "#525252"])
    order = f"indexof({list(STATES)}, datum.state)"
    bars = alt.Chart(shown).transform_calculate(order=order).mark_bar()
    return _bars(
        bars.encode(
            x=alt.X("series:Q", title="series and groups"),
            y=alt.Y("threshold:N", sort=thresholds, title="threshold, percent"),
            color=alt.Color("state:N", scale=colours, title=None),
            order=alt.Order("order:Q"),
        ),
        len(thresholds),
    )


def reliability_diagram(bins: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """The reliability diagram: predicted probability against observed frequency; on the diagonal the two agree. bins: of OUTLOOK_RELIABILITY."""
    rows = bins.filter(pl.col("kind") == "series").select("population", "predicted", "observed", "n")
    share = alt.Scale(domain=[0, 1])
    base = alt.Chart(rows).encode(
        x=alt.X("predicted:Q", scale=share, title="mean predicted probability"),
        y=alt.Y("observed:Q", scale=share, title="share that came true"),
        color=alt.Color("population:N", title="statements of"),
    )
    diagonal = alt.Chart(pl.DataFrame({"x": [0.0, 1.0]})).mark_line(color="#bbbbbb", strokeDash=[4, 4])
    points = base.mark_point(filled=True).encode(size=alt.Size("n:Q", title="statements"))
    whole = diagonal.encode(x="x:Q", y="x:Q") + base.mark_line() + points
    return plot(whole.properties(width=360, height=360))


def _bars(chart: Any, bars: int, title: str = "") -> dg.MarkdownMetadataValue:
    """A chart of so many bars beside their names."""
    sized = chart.properties(width=MODEL_WIDTH, height=BAR * max(bars, 2))
    return plot(sized.properties(title=title) if title else sized)
