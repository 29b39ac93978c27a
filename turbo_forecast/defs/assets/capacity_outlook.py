"""`capacity_outlook`: when each series and group reaches each threshold, and with what probability."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.outlook_metadata import outlook_metadata
from turbo_forecast.defs.planned_month import planned_statements
from turbo_forecast.outlook.plans import scenarios
from turbo_forecast.outlook.rows import with_urgency
from turbo_forecast.schemas import CAPACITY_OUTLOOK, PLANNED_CHANGES, PLANNED_LOADS
from turbo_forecast.storage.warehouse import month_rows


@month_table(CAPACITY_OUTLOOK, Place("publication", Stored.TABLE, ("polars",)))
def capacity_outlook(month: Month) -> pl.DataFrame:
    """Statements of the published forecast, by what the run has learnt of earlier windows; nothing is forecast."""
    changes, loads = (month_rows(month.con, table, month.cutoff) for table in (PLANNED_CHANGES, PLANNED_LOADS))
    stated = planned_statements(month, loads, scenarios(changes))
    rows = with_urgency(pl.concat([each.every() for each in stated]))
    month.metadata = outlook_metadata(rows, month.key)
    return rows
