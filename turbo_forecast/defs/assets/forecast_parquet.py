"""`forecast_parquet`: the master file for dashboards, the champion's rows of every series, intervals calibrated."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from turbo_forecast.defs.month_report import master_metadata
from turbo_forecast.defs.monthly import month_asset, one_month
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.defs.run_warnings import warnings_so_far
from turbo_forecast.fleet.tournament import publish
from turbo_forecast.schemas import CALIBRATION, CHAMPIONS, FORECAST_PARQUET, SERIES_OUTCOMES, TOURNAMENT_RESULTS
from turbo_forecast.storage.warehouse import month_rows
from turbo_forecast.windows import run_windows


@dg.asset(
    **month_asset(
        FORECAST_PARQUET,
        deps=[CHAMPIONS, CALIBRATION, TOURNAMENT_RESULTS, SERIES_OUTCOMES],
    ),
)
def forecast_parquet(
    context: dg.AssetExecutionContext,
    forecast: ForecastResource,
    warehouse: Warehouse,
    folder: DataFolder,
    fleet_forecast: pl.LazyFrame,
) -> Iterator[dg.MaterializeResult[pl.DataFrame]]:
    """Champions' rows with calibrated bounds, sorted by series, in one file published by rename."""
    with one_month(context, FORECAST_PARQUET.name, forecast, warehouse) as month:
        window = run_windows(month.cutoff, month.settings)
        with month.timer.stage("read decisions"):
            chosen, reach, outcomes = (
                month_rows(month.con, table, month.cutoff) for table in (CHAMPIONS, CALIBRATION, SERIES_OUTCOMES)
            )
        with month.timer.stage("calibrate bounds"):
            rows = publish(fleet_forecast, chosen, reach, outcomes, window)
        with month.timer.stage("report"):
            warnings = warnings_so_far(context.instance, context.run.run_id, month.con, month.cutoff)
            masters = folder.masters(FORECAST_PARQUET.name)
            month.told = master_metadata(
                month.con, month.cutoff, month.settings, rows=rows, masters=masters, warnings=warnings
            )
        with month.timer.stage("write master file"):
            yield month.result_of(rows)
