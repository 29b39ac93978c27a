"""`forecast_intervals`: the published forecast's intervals of further widths, where any are asked for."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.schemas import FORECAST_INTERVALS


@month_table(FORECAST_INTERVALS, Place("publication", Stored.FILE, ("polars",)))
def forecast_intervals(month: Month) -> pl.LazyFrame:
    """The intervals beside the main one, which the run left in parts, as one file; without rows where none are asked for."""
    return month.made(FORECAST_INTERVALS)
