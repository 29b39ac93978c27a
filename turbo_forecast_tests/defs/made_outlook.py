"""The outlook of the month that is made by hand: statements whose numbers agree with each other, and with what was observed.

Every series is said to reach each threshold, or not to, with the same invented probabilities.
"""

from collections.abc import Callable
from datetime import date, timedelta

import duckdb
import polars as pl

from turbo_forecast import schemas
from turbo_forecast.tables import Table
from turbo_forecast.windows import Windows

SAID = pl.DataFrame(
    {
        "threshold": [70.0, 80.0, 90.0, 95.0],
        "probability_30": [0.6, 0.2, 0.05, 0.0],
        "probability_91": [0.8, 0.3, 0.05, 0.0],
        "probability_182": [0.95, 0.45, 0.08, 0.01],
        "early": [3, 12, None, None],
        "likely": [20, None, None, None],
        "late": [150, None, None, None],
    }
)
"""Of each threshold: probabilities, and the days after the cutoff by which they are 10, 50 and 90 %."""
LEVEL = 60.0
BACKTEST_SAID = {30: 0.3, 61: 0.4, 91: 0.45, 122: 0.49}
"""Of each horizon of the backtest, for 70 %; other thresholds are said to be half as probable each."""
Store = Callable[[duckdb.DuckDBPyConnection, Table, pl.DataFrame], None]


def statements(series: pl.DataFrame, cutoff: date) -> pl.DataFrame:
    """Rows of CAPACITY_OUTLOOK of a month: states follow from the dates, urgency from the order of thresholds."""
    dates = [(pl.lit(cutoff) + pl.duration(days=pl.col(name))).alias(name) for name in ("early", "likely", "late")]
    state = (
        pl.when(pl.col("likely").is_not_null())
        .then(pl.lit("expected"))
        .when(pl.col("early").is_not_null())
        .then(pl.lit("possible"))
        .otherwise(pl.lit("unlikely"))
    )
    rows = series.join(SAID, how="cross").with_columns(state=state, level=LEVEL, headroom=pl.col("threshold") - LEVEL)
    return rows.with_columns(
        *dates, cutoff=pl.lit(cutoff), scenario=pl.lit("baseline"), kind=pl.lit("series"), growth=0.0
    ).sort("threshold", "host_id", "resource").with_columns(urgency=pl.int_range(1, pl.len() + 1))  # fmt: skip


def first_reached(base: pl.DataFrame, after: date, until: date) -> pl.DataFrame:
    """`host_id, resource, threshold, actual`: when the 7-day mean first reached each threshold; every day was observed."""
    level = pl.col("y").rolling_mean(7).over("host_id", "resource")
    levels = base.sort("host_id", "resource", "ds").with_columns(level=level)
    inside = levels.filter(pl.col("ds") > after, pl.col("ds") <= until).join(SAID.select("threshold"), how="cross")
    reached = inside.filter(pl.col("level") >= pl.col("threshold"))
    return reached.group_by("host_id", "resource", "threshold").agg(actual=pl.col("ds").min())


def backtest(base: pl.DataFrame, series: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Rows of OUTLOOK_BACKTEST: what happened is what the base table says."""
    actual = first_reached(base, windows.train_end, windows.cutoff)
    said = pl.DataFrame({"horizon_days": list(BACKTEST_SAID), "base": list(BACKTEST_SAID.values())})
    rows = series.join(SAID.select("threshold"), how="cross").join(said, how="cross")
    found = rows.join(actual, on=["host_id", "resource", "threshold"], how="left")
    within = pl.col("actual") <= pl.lit(windows.train_end) + pl.duration(days=pl.col("horizon_days"))
    return found.with_columns(
        cutoff=pl.lit(windows.cutoff),
        kind=pl.lit("series"),
        probability=pl.col("base") / 2 ** ((pl.col("threshold") - 70) / 10),
        happened=within.fill_null(False).cast(pl.Int32),
        point=pl.lit(0),
        level=pl.lit(LEVEL),
    )


def accuracy(cutoff: date) -> pl.DataFrame:
    """Rows of OUTLOOK_ACCURACY, all of them skilled."""
    rows = pl.DataFrame({"population": ["all", "below"]}).join(SAID.select("threshold"), how="cross")
    whole = rows.join(pl.DataFrame({"resource": ["cpu", "memory", "all"]}), how="cross").join(
        pl.DataFrame({"horizon_days": list(BACKTEST_SAID)}), how="cross"
    )
    figures = {"n": 100, "events": 40, "brier": 0.12, "base_rate_brier": 0.24, "point_brier": 0.3, "skill": 0.5}
    return whole.with_columns(
        cutoff=pl.lit(cutoff), kind=pl.lit("series"), **{name: pl.lit(value) for name, value in figures.items()}
    )


def reliability(cutoff: date) -> pl.DataFrame:
    """Rows of OUTLOOK_RELIABILITY: five points off in each bin."""
    bins = pl.DataFrame({"bin": range(1, 11)}).with_columns(predicted=pl.col("bin") / 10 - 0.05)
    rows = pl.DataFrame({"population": ["all", "below"]}).join(bins, how="cross")
    return rows.with_columns(
        cutoff=pl.lit(cutoff),
        kind=pl.lit("series"),
        observed=pl.col("predicted") + 0.05,
        n=pl.lit(40),
        series=pl.lit(6),
    )


def store_outlook(
    con: duckdb.DuckDBPyConnection, base: pl.DataFrame, earlier: date, cutoff: date, windows: Windows, store: Store
) -> None:
    """Both months' statements, and of the later one the track record: of November's, those of 30 days have passed."""
    series = base.select("host_id", "resource").unique(maintain_order=True)
    for month in (earlier, cutoff):
        store(con, schemas.CAPACITY_OUTLOOK, statements(series, month))
    store(con, schemas.OUTLOOK_BACKTEST, backtest(base, series, windows))
    store(con, schemas.OUTLOOK_ACCURACY, accuracy(cutoff))
    store(con, schemas.OUTLOOK_RELIABILITY, reliability(cutoff))
    assert cutoff - earlier >= timedelta(days=30)
    since = accuracy(cutoff).filter(horizon_days=30).with_columns(forecast_cutoff=pl.lit(earlier))
    store(con, schemas.OUTLOOK_OVER_TIME, since)
