"""How often statements about thresholds were true: Brier scores, recall, precision, dates, reliability.

Belongs here: rows of OUTLOOK_BACKTEST to rows of OUTLOOK_ACCURACY and OUTLOOK_RELIABILITY. Does not belong here: the statements themselves.
"""

import polars as pl

from turbo_forecast.schemas.outlook import OUTLOOK_ACCURACY, OUTLOOK_RELIABILITY

ALL_STATEMENTS, BELOW = "all", "below"
"""Populations: every statement; those whose level was known, and below the threshold, at the cutoff."""
ALL_RESOURCES = "all"
BINS = 10
EVENT_PROBABILITY = 0.5
"""From here on a statement counts as one that the threshold is reached."""


def outlook_accuracy(backtest: pl.DataFrame) -> pl.DataFrame:
    """Rows of OUTLOOK_ACCURACY: by cutoff, kind, population, resource (and 'all'), threshold and horizon.

    backtest: rows of OUTLOOK_BACKTEST. The base rate is the share of events among the same statements: the climatological
    forecast known only in hindsight. Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    by = ["cutoff", "kind", "population", "resource", "threshold", "horizon_days"]
    found = _with_all(_populations(backtest)).group_by(by).agg(*record()).with_columns(skill()).sort(by)
    return OUTLOOK_ACCURACY.conform(found)


def record() -> list[pl.Expr]:
    """The figures of a group of statements, but for the skill: `probability, happened, point, likely, actual` to `_RECORD`.

    Dates are compared where the threshold was reached within the horizon, and was said to be with a half or more.
    """
    probability, happened = pl.col("probability"), pl.col("happened").cast(pl.Float64)
    positive, event = probability >= EVENT_PROBABILITY, pl.col("happened") == 1
    rate = happened.mean()
    hits = (positive & event).sum()
    return [
        pl.len().alias("n"),
        event.sum().alias("events"),
        ((probability - happened) ** 2).mean().alias("brier"),
        (rate * (1 - rate)).alias("base_rate_brier"),
        ((pl.col("point") - happened) ** 2).mean().alias("point_brier"),
        pl.when(event.any()).then(hits / event.sum()).alias("recall"),
        pl.when(positive.any()).then(hits / positive.sum()).alias("precision"),
        (pl.col("likely") - pl.col("actual"))
        .filter(positive & event)
        .dt.total_days()
        .abs()
        .median()
        .alias("date_error_days"),
    ]


def skill() -> pl.Expr:
    """1 - Brier score over the base rate's; null where all or none happened."""
    usable = pl.col("events").is_between(1, pl.col("n") - 1)
    return pl.when(usable).then(1 - pl.col("brier") / pl.col("base_rate_brier")).alias("skill")


def outlook_reliability(backtest: pl.DataFrame) -> pl.DataFrame:
    """Rows of OUTLOOK_RELIABILITY: by cutoff, kind, population and bin of the probability; bins without a statement are left out."""
    by = ["cutoff", "kind", "population", "bin"]
    number = ((pl.col("probability") * BINS).floor().cast(pl.Int32) + 1).clip(1, BINS)
    binned = _populations(backtest).with_columns(bin=number)
    found = binned.group_by(by).agg(
        predicted=pl.col("probability").mean(),
        observed=pl.col("happened").mean(),
        n=pl.len(),
        series=pl.struct("host_id", "resource").n_unique(),
    )
    return OUTLOOK_RELIABILITY.conform(found.sort(by))


def _populations(backtest: pl.DataFrame) -> pl.DataFrame:
    """Each statement as one of everyone, and again where the series was not at the threshold already."""
    below = backtest.filter(pl.col("level") < pl.col("threshold"))
    parts = [part.with_columns(population=pl.lit(name)) for name, part in ((ALL_STATEMENTS, backtest), (BELOW, below))]
    return pl.concat(parts)


def _with_all(statements: pl.DataFrame) -> pl.DataFrame:
    """Each statement as one of its resource, and of all; a resource of that very name has no rows of its own."""
    named = statements.filter(pl.col("resource") != ALL_RESOURCES)
    return pl.concat([named, statements.with_columns(resource=pl.lit(ALL_RESOURCES))])
