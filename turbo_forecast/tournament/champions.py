"""Whose forecast is published for each series."""

import polars as pl

from turbo_forecast.schemas import CHAMPIONS


def choose(forecasters: pl.DataFrame, preference: list[str]) -> pl.DataFrame:
    """One row of CHAMPIONS per series: the first of `preference` that has a forecast for it.

    forecasters: `cutoff, host_id, resource, model`, one row for each entrant with a forecast of the series.
    preference: entrants in order, the fallback last. A choice by backtest error would score what it has
    already seen, so no error is looked at here.
    """
    rank = pl.col("model").replace_strict({name: place for place, name in enumerate(preference)}, return_dtype=pl.Int64)
    return (
        forecasters.filter(pl.col("model").is_in(preference))  # entrants of an earlier run do not take part
        .with_columns(rank=rank)
        .sort("host_id", "resource", "rank")
        .unique(["host_id", "resource"], keep="first", maintain_order=True)
        .with_columns(
            reason=pl.when(pl.col("rank") == 0)
            .then(pl.lit("first in the order of entrants"))
            .otherwise(pl.lit("no entrant before it has a forecast for this series"))
        )
        .pipe(CHAMPIONS.conform)
    )
