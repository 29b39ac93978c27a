"""How true the month's statements and forecasts are: in the backtest, and of earlier months against what has happened since.

Belongs here: what of it readers are told. Does not belong here: scores (`outlook/track_record.py`, `tournament/`).
"""

from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from turbo_forecast.answers.statement_record import statement_record
from turbo_forecast.outlook.rows import SERIES
from turbo_forecast.outlook.track_record import ALL_RESOURCES, BELOW
from turbo_forecast.schemas import (
    FORECAST_ACCURACY,
    OUTLOOK_ACCURACY,
    OUTLOOK_OVER_TIME,
    OUTLOOK_RELIABILITY,
    TOURNAMENT_STANDINGS,
)
from turbo_forecast.storage.findings import earlier_of, standings_of
from turbo_forecast.storage.outlook_findings import TrackRecord, record_by_threshold
from turbo_forecast.storage.published.reading import PublishedMonth

CHAMPION, SEASONAL_NAIVE = "champion", "seasonal_naive"


@dataclass(frozen=True, slots=True)
class Record:
    """How true what was said has been.

    statements, by_threshold: of the outlook in the backtest, as `statement_record` and `record_by_threshold` have it; None and no row where no
    series is long enough for one. bins: of OUTLOOK_RELIABILITY, of series below their threshold. earlier: a row for each earlier month,
    `forecast_cutoff, horizon_days, n, events, foreseen, skill`, over all thresholds within the longest horizon that is over. published:
    the row of TOURNAMENT_STANDINGS of what is published, over all series, naive: of the seasonal naive; empty without a backtest.
    since: as `earlier_of` gives it.
    """

    statements: TrackRecord | None
    by_threshold: pl.DataFrame
    bins: pl.DataFrame
    earlier: pl.DataFrame
    published: dict[str, Any]
    naive: dict[str, Any]
    since: pl.DataFrame


def record(month: PublishedMonth) -> Record:
    """The month's record. Of statements, those about who was below the threshold count: of the others it is no art."""
    bins = month.frame(OUTLOOK_RELIABILITY).filter(pl.col("kind") == SERIES, pl.col("population") == BELOW)
    with duckdb.connect() as con:
        for table in (OUTLOOK_ACCURACY, TOURNAMENT_STANDINGS, FORECAST_ACCURACY):
            con.register(table.name, month.frame(table).to_arrow())
        standings = standings_of(con, month.cutoff)
        return Record(
            statements=statement_record(month),
            by_threshold=record_by_threshold(con, month.cutoff),
            bins=bins.sort("bin"),
            earlier=earlier_statements(month.frame(OUTLOOK_OVER_TIME)),
            published=_of_model(standings, CHAMPION),
            naive=_of_model(standings, SEASONAL_NAIVE),
            since=earlier_of(con, month.cutoff),
        )


def _of_model(standings: pl.DataFrame, model: str) -> dict[str, Any]:
    found = standings.filter(pl.col("model") == model)
    return found.row(0, named=True) if len(found) else {}


def earlier_statements(judged: pl.DataFrame) -> pl.DataFrame:
    """The row of each earlier month that `Record.earlier` has, the latest first. judged: of OUTLOOK_OVER_TIME."""
    rows = judged.filter(pl.col("kind") == SERIES, pl.col("population") == BELOW, pl.col("resource") == ALL_RESOURCES)
    longest = rows.filter(pl.col("horizon_days") == pl.col("horizon_days").max().over("forecast_cutoff"))
    brier, base = ((pl.col(name) * pl.col("n")).sum() for name in ("brier", "base_rate_brier"))
    return (
        longest.group_by("forecast_cutoff", "horizon_days")
        .agg(
            pl.col("n", "events").sum(),
            # a recall is a share of the events
            foreseen=(pl.col("recall").fill_null(0) * pl.col("events")).round().cast(pl.Int64).sum(),
            skill=pl.when(base > 0).then(1 - brier / base),
        )
        .sort("forecast_cutoff", descending=True)
    )
