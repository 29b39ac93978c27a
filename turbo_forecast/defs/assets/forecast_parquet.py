"""`forecast_parquet`: the master file for dashboards, the champion's rows of every series, calibrated, with what is planned."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_markdown import master_metadata
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.outlook.loads import of_scenario, shifted
from turbo_forecast.schemas import FORECAST_PARQUET, PLANNED_LOADS
from turbo_forecast.storage.datasets import duckdb_sql
from turbo_forecast.storage.planned_rows import published_rows
from turbo_forecast.storage.warehouse import month_rows


@month_table(FORECAST_PARQUET, Place("publication", Stored.FILE, ("polars",)))
def forecast_parquet(month: Month) -> pl.LazyFrame:
    """The champions' rows, which the run left in parts, with the planned changes as one file; and the month's report."""
    loads = of_scenario(month_rows(month.con, PLANNED_LOADS, month.cutoff))
    made = duckdb_sql(month.results.path(FORECAST_PARQUET))
    with month.timer.stage("report"):
        month.metadata = master_metadata(
            month.con,
            month.cutoff,
            month.settings,
            published=published_rows(made, month.cutoff) if len(loads) else made,
            masters=month.folder.masters(FORECAST_PARQUET.name),
            warnings=month.warnings(),
        )
    return shifted(month.made(FORECAST_PARQUET), loads)
