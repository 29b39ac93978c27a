"""Facts of a month, queried from its tables: the printed summary and the report in Dagster's UI are made of them.

Belongs here: one query for each fact, and the words that are the same wherever it is shown. Does not belong here: layout
(`summary.py`, `defs/month_markdown.py`), and checks (`defs/checks/`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from turbo_forecast.storage.warehouse import query


@dataclass(frozen=True, slots=True)
class Completeness:
    """Which series have an outcome. outcomes: `outcome, n`, most frequent first; reasons: `host_id, resource, reason`."""

    cutoff: date
    live: int
    outcomes: pl.DataFrame
    reasons: pl.DataFrame

    @property
    def with_outcome(self) -> int:
        """Series with an outcome."""
        return int(self.outcomes["n"].sum())

    def __str__(self) -> str:
        missing = f" ({self.live - self.with_outcome:,} WITHOUT)" if self.with_outcome < self.live else ""
        return (
            f"{self.live:,} in the base table by {self.cutoff}, {self.with_outcome:,} with an outcome{missing}: "
            f"{kinds_counted(self.outcomes.iter_rows())}"
        )


def kinds_counted(pairs: Iterable[tuple[str, int]]) -> str:
    """`12 forecast · 3 retired`."""
    return " · ".join(f"{n:,} {name}" for name, n in pairs)


def completeness_of(con: duckdb.DuckDBPyConnection, cutoff: date) -> Completeness:
    """The base table's series beside the month's outcomes."""
    live = query(
        con, "SELECT count(*) FROM (SELECT DISTINCT host_id, resource FROM base_table WHERE ds <= ?)", cutoff
    ).item()
    outcomes = query(
        con,
        "SELECT outcome, count(*) AS n FROM series_outcomes WHERE cutoff = ? GROUP BY outcome ORDER BY n DESC, outcome",
        cutoff,
    )
    reasons = query(
        con,
        "SELECT host_id, resource, reason FROM series_outcomes WHERE cutoff = ? AND reason IS NOT NULL ORDER BY ALL",
        cutoff,
    )
    return Completeness(cutoff, int(live), outcomes, reasons)


def standings_of(con: duckdb.DuckDBPyConnection, cutoff: date) -> pl.DataFrame:
    """Rows of TOURNAMENT_STANDINGS over all resources and the whole backtest: the published forecast, then by error."""
    return query(
        con,
        "SELECT * FROM tournament_standings "
        "WHERE cutoff = ? AND resource = 'all' AND horizon_month = 0 ORDER BY model != 'champion', mae, model",
        cutoff,
    )


def champions_of(con: duckdb.DuckDBPyConnection, cutoff: date) -> pl.DataFrame:
    """`model, n`: series by the entrant whose forecast is published, most frequent first."""
    return query(
        con, "SELECT model, count(*) AS n FROM champions WHERE cutoff = ? GROUP BY model ORDER BY n DESC, model", cutoff
    )


def earlier_of(con: duckdb.DuckDBPyConnection, cutoff: date) -> pl.DataFrame:
    """What became of earlier months' published forecasts, by months ahead, over all days since: none before there are any.

    Columns: lead_month; mae, percentage points, and inside, a share in [0, 1], over the days; days; forecasts.
    """
    return query(
        con,
        "SELECT lead_month, sum(mae * n) / sum(n) AS mae, sum(coverage * n) / sum(n) AS inside, sum(n)::BIGINT AS days, "
        "count(*) AS forecasts FROM forecast_accuracy "
        "WHERE cutoff = ? AND model = 'champion' AND resource = 'all' GROUP BY lead_month ORDER BY lead_month",
        cutoff,
    )


def stages_of(con: duckdb.DuckDBPyConnection, cutoff: date) -> pl.DataFrame:
    """`what, seconds`: the stages of the month's assets that do not overlap, the longest first."""
    return query(
        con,
        "SELECT asset || ': ' || stage AS what, seconds FROM run_audit "
        "WHERE cutoff = ? AND clock = 'wall' ORDER BY seconds DESC, what",
        cutoff,
    )


# the backtest's scores are the entrants' own; days inside are those of the published interval
_BACKTEST = """
    WITH scored AS (
        SELECT coalesce(resource, 'all') AS resource, GROUPING(resource) AS whole, avg(mae) AS mae, avg(mase) AS mase,
               count(*) AS series, count(mase) AS mase_series
        FROM tournament_scores JOIN champions USING (cutoff, host_id, resource, model)
        WHERE cutoff = $cutoff AND "window_name" = 'backtest' GROUP BY GROUPING SETS ((), (resource))
    ), held AS (
        SELECT coalesce(resource, 'all') AS resource, GROUPING(resource) AS whole,
               avg((y BETWEEN yhat_lower AND yhat_upper)::INTEGER) AS inside, count(*) AS days
        FROM {published} WHERE cutoff = $cutoff AND phase = 'backtest' AND y IS NOT NULL
        GROUP BY GROUPING SETS ((), (resource))
    )
    SELECT resource, series, mae, mase, mase_series, inside, days
    FROM scored JOIN held USING (resource, whole) WHERE days > 0
    ORDER BY whole DESC, series DESC, resource
"""


def backtest_of(con: duckdb.DuckDBPyConnection, cutoff: date, published: str) -> pl.DataFrame:
    """The published forecast's backtest: 'all' first, then every resource, the largest first; no row without a backtest.

    published: SQL for the master file's rows. Columns: resource; series that have a backtest; mae, percentage points, and
    mase, over the mase_series that have one, means over series; inside: share in [0, 1] of all the days observed.
    """
    return query(con, _BACKTEST.format(published=published), cutoff=cutoff)
