"""A month's accuracy in short: its statements and forecasts in the backtest, and earlier months' against what has happened since.

Belongs here: the track record added up to a few rows. Does not belong here: the track record in full (`track_record.py`).
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from turbo_forecast.answers.track_record import CHAMPION, TrackQuestion, track_record, with_counts
from turbo_forecast.outlook.track_record import ALL_RESOURCES
from turbo_forecast.schemas import TOURNAMENT_STANDINGS
from turbo_forecast.storage.outlook_findings import TrackRecord
from turbo_forecast.storage.published.reading import PublishedMonth

SEASONAL_NAIVE = "seasonal_naive"
"""Who repeats the last week: what a forecast is measured against."""


@dataclass(frozen=True, slots=True)
class Record:
    """The record of statements about series below their threshold; about the others, a statement is easily true.

    statements: of all thresholds in the backtest; None without one. by_threshold: of each, as `TrackAnswer.accuracy` has it, at the
    longest horizon. bins: of OUTLOOK_RELIABILITY. earlier: as `earlier_statements` gives it. published, naive: rows of
    TOURNAMENT_STANDINGS over all series, of what is published and of who repeats the last week; empty without a backtest. since:
    `lead_month, mae, inside, days, forecasts` of earlier published forecasts, over all days since.
    """

    statements: TrackRecord | None
    by_threshold: pl.DataFrame
    bins: pl.DataFrame
    earlier: pl.DataFrame
    published: dict[str, Any]
    naive: dict[str, Any]
    since: pl.DataFrame


def record(month: PublishedMonth) -> Record:
    """The month's record."""
    found = track_record(month, TrackQuestion())
    return Record(
        statements=found.trust,
        by_threshold=found.accuracy.filter(pl.col("horizon_days") == pl.col("horizon_days").max()).sort("threshold"),
        bins=found.reliability,
        earlier=earlier_statements(found.over_time),
        published=_over_all(month, CHAMPION),
        naive=_over_all(month, SEASONAL_NAIVE),
        since=_by_lead_month(found.forecasts),
    )


def earlier_statements(scored: pl.DataFrame) -> pl.DataFrame:
    """A row for each earlier month, the latest first: `forecast_cutoff, horizon_days, n, events, foreseen, skill`.

    scored: rows of OUTLOOK_OVER_TIME, of one kind, population and resource. Thresholds are added up, at the longest horizon that is over;
    foreseen: events that had a probability of a half or more; skill: null where all or none happened.
    """
    longest = with_counts(scored).filter(pl.col("horizon_days") == pl.col("horizon_days").max().over("forecast_cutoff"))
    brier, base = ((pl.col(name) * pl.col("n")).sum() for name in ("brier", "base_rate_brier"))
    return (
        longest.group_by("forecast_cutoff", "horizon_days")
        .agg(pl.col("n", "events").sum(), foreseen=pl.col("hits").sum(), skill=pl.when(base > 0).then(1 - brier / base))
        .sort("forecast_cutoff", descending=True)
    )


def _over_all(month: PublishedMonth, model: str) -> dict[str, Any]:
    whole = month.frame(TOURNAMENT_STANDINGS).filter(resource=ALL_RESOURCES, horizon_month=0, model=model)
    return whole.row(0, named=True) if len(whole) else {}


def _by_lead_month(forecasts: pl.DataFrame) -> pl.DataFrame:
    """forecasts: rows of FORECAST_ACCURACY, of what was published, of all resources."""
    mae, inside = ((pl.col(name) * pl.col("n")).sum() / pl.col("n").sum() for name in ("mae", "coverage"))
    figures = {"mae": mae, "inside": inside, "days": pl.col("n").sum(), "forecasts": pl.len()}
    return forecasts.group_by("lead_month").agg(**figures).sort("lead_month")
