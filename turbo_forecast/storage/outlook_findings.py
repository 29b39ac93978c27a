"""Facts of a month's outlook: who reaches a threshold next, and how often such statements were true.

Belongs here: one query for each fact. Does not belong here: layout (`summary.py`, `defs/month_markdown.py`).
"""

from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from turbo_forecast.number_words import counted
from turbo_forecast.storage.warehouse import query
from turbo_forecast.types import State

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
    WITH scored AS (
        SELECT horizon_days, probability, happened, point, avg(happened) OVER (PARTITION BY threshold) AS base_rate
        FROM outlook_backtest
        WHERE cutoff = $cutoff AND kind = 'series' AND level < threshold
          AND horizon_days = (SELECT max(horizon_days) FROM outlook_backtest WHERE cutoff = $cutoff)
    )
    SELECT max(horizon_days) AS days, count(*) AS n, count(*) FILTER (probability >= 0.5) AS likely,
           avg(happened) FILTER (probability >= 0.5) AS likely_true, avg(happened) FILTER (probability < 0.5) AS others_true,
           avg((probability - happened) ** 2) AS brier, avg((base_rate - happened) ** 2) AS base_rate_brier,
           avg((point - happened) ** 2) AS point_brier
    FROM scored HAVING n > 0
"""
_BY_THRESHOLD = """
    SELECT threshold, horizon_days, n, events, skill, 1 - point_brier / nullif(base_rate_brier, 0) AS point_skill, recall, precision,
           date_error_days
    FROM outlook_accuracy
    WHERE cutoff = $cutoff AND kind = 'series' AND population = 'below' AND resource = 'all'
      AND horizon_days = (SELECT max(horizon_days) FROM outlook_accuracy WHERE cutoff = $cutoff)
    ORDER BY threshold
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
        """Those that are not over their threshold yet, and may reach it: expected or possible.

        Those of which nothing was observed just before the cutoff come last: they may have been over it for weeks.
        """
        found = self.found.filter(pl.col("state").is_in([State.EXPECTED, State.POSSIBLE]))
        return found.sort(pl.col("level").is_null(), maintain_order=True)

    def count(self, state: str) -> int:
        """How many are in this state."""
        return int((self.found["state"] == state).sum())

    def __str__(self) -> str:
        """How many are in each state; of `unusable`, which few fleets have, only where there are any."""
        shown = [state for state in State if state is not State.UNUSABLE or self.count(state)]
        return " · ".join(f"{self.count(state):,} {state}{' already' * (state is State.OVER)}" for state in shown)


def level_of(percent: float | None, threshold: float) -> str:
    """Percent with one decimal, which never rounds a level up to the threshold that it is below."""
    if percent is None:
        return "–"
    return f"{min(percent, threshold - 0.1) if percent < threshold else percent:.1f} %"


def next_full(con: duckdb.DuckDBPyConnection, cutoff: date) -> NextFull:
    """Who reaches a threshold next, as the month's outlook says."""
    return NextFull(query(con, _NEXT, cutoff=cutoff, planned=PLANNED_FOR))


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How often statements about thresholds were true that were below the threshold before the backtest, within `days`, its longest horizon.

    n: statements of all thresholds. likely: those of a half or more; likely_true: the share of them that came true, None without
    any; others_true: of the others. brier, base_rate_brier, point_brier: mean squared difference of what happened from the
    probability, from the share of events among all statements of the threshold, from the point forecast at its word.
    """

    days: int
    n: int
    likely: int
    likely_true: float | None
    others_true: float | None
    brier: float
    base_rate_brier: float
    point_brier: float

    def skill(self, brier: float) -> float | None:
        """1 - a Brier score over the base rate's; None where all or none happened."""
        return 1 - brier / self.base_rate_brier if self.base_rate_brier else None

    def __str__(self) -> str:
        skill, point = self.skill(self.brier), self.skill(self.point_brier)
        scored = (
            ""
            if skill is None or point is None
            else f"; Brier skill {skill:.2f} (base rate 0, point forecast {point:.2f})"
        )
        return (
            f"{_share(self.likely_true)} of {counted(self.likely, 'statement')} of 50 % or more came true within {self.days} days, "
            f"{_share(self.others_true)} of {counted(self.n - self.likely, 'other')}{scored}"
        )


def _share(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def track_record(con: duckdb.DuckDBPyConnection, cutoff: date) -> TrackRecord | None:
    """How good the statements were that were made before the backtest, about series below their threshold; None without any."""
    rows = query(con, _TRACK, cutoff=cutoff)
    return TrackRecord(**rows.row(0, named=True)) if len(rows) else None


def record_by_threshold(con: duckdb.DuckDBPyConnection, cutoff: date) -> pl.DataFrame:
    """The same of each threshold, as OUTLOOK_ACCURACY has it, of all resources.

    Columns: threshold, horizon_days, n, events, skill, point_skill (both against the base rate), recall, precision,
    date_error_days.
    """
    return query(con, _BY_THRESHOLD, cutoff=cutoff)
