"""`capacity_outlook`: when each series and group reaches each threshold, and with what probability."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.group_month import group_capacity
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.outlook_metadata import outlook_metadata
from turbo_forecast.outlook.rows import with_urgency
from turbo_forecast.schemas import CAPACITY_OUTLOOK


@month_table(CAPACITY_OUTLOOK, Place("publication", Stored.TABLE, ("polars",)))
def capacity_outlook(month: Month) -> pl.DataFrame:
    """Statements of the published forecast, by what the run has learnt of earlier windows; nothing is forecast."""
    rows = with_urgency(pl.concat([month.statements.capacity(month.published), group_capacity(month)]))
    month.told = outlook_metadata(rows)
    return rows
