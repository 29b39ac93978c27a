"""What a month's outlook says, as facts: who reaches a threshold next, and how often such statements were true.

Belongs here: one query for each fact. Does not belong here: layout (`summary.py`).
"""

from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from turbo_forecast.storage.warehouse import query

PLANNED_FOR = 90.0
"""Percent: of each series and group, the threshold nearest to it stands for the others, the lower of two that are as near."""

# a level that is unknown is no level below
_NEXT = """
    SELECT kind, host_id, resource, threshold, level, state, probability_30, probability_91, probability_182, early, likely, late
    FROM capacity_outlook WHERE cutoff = $cutoff AND scenario = 'baseline'
    QUALIFY row_number() OVER (PARTITION BY kind, host_id, resource ORDER BY abs(threshold - $planned), threshold) = 1
    ORDER BY urgency
"""
_TRACK = """
    SELECT horizon_days, count(*) AS n, count(DISTINCT (host_id, resource)) AS series, probability >= 0.5 AS half,
           avg(probability) AS said, avg(happened) AS happened
    FROM outlook_backtest
    WHERE cutoff = $cutoff AND kind = 'series' AND coalesce(level < threshold, true)
      AND horizon_days = (SELECT max(horizon_days) FROM outlook_backtest WHERE cutoff = $cutoff)
    GROUP BY ALL ORDER BY half DESC
"""


@dataclass(frozen=True, slots=True)
class NextFull:
    """One row for each series and group, of its threshold nearest to PLANNED_FOR, the most urgent first.

    found: `kind, host_id, resource, threshold, level, state, probability_30, probability_91, probability_182, early, likely,
    late`, as CAPACITY_OUTLOOK has them.
    """

    found: pl.DataFrame

    @property
    def ahead(self) -> pl.DataFrame:
        """Those that are not over their threshold yet, and may reach it: expected or possible."""
        return self.found.filter(pl.col("state").is_in(["expected", "possible"]))

    def count(self, state: str) -> int:
        """How many are in this state."""
        return int((self.found["state"] == state).sum())


def next_full(con: duckdb.DuckDBPyConnection, cutoff: date) -> NextFull:
    """Who reaches a threshold next, as the month's outlook says."""
    return NextFull(query(con, _NEXT, cutoff=cutoff, planned=PLANNED_FOR))


def track_record(con: duckdb.DuckDBPyConnection, cutoff: date) -> pl.DataFrame:
    """How often statements about series below their threshold were true on the backtest, within its longest horizon.

    At most two rows, those of a half and more first: `horizon_days, n, series, half, said, happened`; the last two are the
    mean probability and the share that came true.
    """
    return query(con, _TRACK, cutoff=cutoff)
