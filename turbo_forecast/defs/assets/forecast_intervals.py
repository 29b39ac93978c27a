"""`forecast_intervals`: the published forecast's intervals of further widths, where any are asked for, with what is planned."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.outlook.loads import of_scenario, shifted_intervals
from turbo_forecast.schemas import FORECAST_INTERVALS, PLANNED_LOADS
from turbo_forecast.storage.warehouse import month_rows


@month_table(FORECAST_INTERVALS, Place("publication", Stored.FILE, ("polars",)))
def forecast_intervals(month: Month) -> pl.LazyFrame:
    """The intervals beside the main one, which the run left in parts, as one file; without rows where none are asked for."""
    loads = of_scenario(month_rows(month.con, PLANNED_LOADS, month.cutoff))
    return shifted_intervals(month.made(FORECAST_INTERVALS), loads)
