"""`planned_loads`: what the forecast of each series with planned changes consists of."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.outlook.loads import composed
from turbo_forecast.schemas import PLANNED_CHANGES, PLANNED_LOADS
from turbo_forecast.storage.warehouse import month_rows
from turbo_forecast.windows import run_windows


@month_table(PLANNED_LOADS, Place("publication", Stored.TABLE, ("polars",)))
def planned_loads(month: Month) -> pl.DataFrame:
    """The changes of each series, composed."""
    end = run_windows(month.cutoff, month.settings).horizon_end
    return composed(month_rows(month.con, PLANNED_CHANGES, month.cutoff), end)
