"""`group_forecast`: each group's forecast, as a series of its own."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.group_month import forecast_group_month
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.reporting import counts
from turbo_forecast.schemas import GROUP_FORECAST


@month_table(GROUP_FORECAST, Place("forecast", Stored.TABLE, ("prophet",)))
def group_forecast(month: Month) -> pl.DataFrame:
    """A run over the groups alone, with folds, champions and intervals of their own; no row where no groups are set."""
    rows = forecast_group_month(month)
    series = rows.select("host_id", "resource", "model", "outcome").unique()
    month.metadata = {
        "series": len(series),
        "series by entrant": counts(series, "model"),
        "outcomes": counts(series, "outcome"),
    }
    return rows
