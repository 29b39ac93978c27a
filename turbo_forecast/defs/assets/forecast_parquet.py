"""`forecast_parquet`: the master file for dashboards, the champion's rows of every series, intervals calibrated."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_report import master_metadata
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.schemas import FORECAST_PARQUET
from turbo_forecast.storage.datasets import duckdb_sql


@month_table(FORECAST_PARQUET, Place("publication", Stored.FILE, ("polars",)))
def forecast_parquet(month: Month) -> pl.LazyFrame:
    """The champions' rows, which the run left in parts, as one file; and the month's report."""
    rows = month.made(FORECAST_PARQUET)
    with month.timer.stage("report"):
        month.told = master_metadata(
            month.con,
            month.cutoff,
            month.settings,
            published=duckdb_sql(month.results.path(FORECAST_PARQUET)),
            masters=month.folder.masters(FORECAST_PARQUET.name),
            warnings=month.warnings(),
        )
    return rows
