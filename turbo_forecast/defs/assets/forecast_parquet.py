"""`forecast_parquet`: the master file for dashboards, the champion's rows of every series, intervals calibrated."""

import dagster as dg

from turbo_forecast.defs.month_report import master_metadata
from turbo_forecast.defs.monthly import month_asset, one_month
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.defs.run_warnings import warnings_so_far
from turbo_forecast.fleet.tournament import publish
from turbo_forecast.fleet.windows import run_windows
from turbo_forecast.schemas import CALIBRATION, CHAMPIONS, FORECAST_PARQUET, SERIES_OUTCOMES, TOURNAMENT_RESULTS
from turbo_forecast.storage.files import write_parquet
from turbo_forecast.storage.warehouse import month_rows


@dg.asset(
    **month_asset(
        FORECAST_PARQUET,
        deps=[CHAMPIONS, CALIBRATION, TOURNAMENT_RESULTS, SERIES_OUTCOMES],
    ),
)
def forecast_parquet(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> dg.MaterializeResult[None]:
    """Champions' rows with calibrated bounds, sorted by series, in one file published by rename."""
    with one_month(context, FORECAST_PARQUET.name, forecast, warehouse) as month:
        path, window = folder.parquet(FORECAST_PARQUET.name, month.key), run_windows(month.cutoff, month.settings)
        with month.timer.stage("read decisions"):
            chosen, reach, outcomes = (
                month_rows(month.con, table, month.cutoff) for table in (CHAMPIONS, CALIBRATION, SERIES_OUTCOMES)
            )
        with month.timer.stage("write master file"):
            rows = publish(folder.run_files(month.key), chosen, reach, outcomes, window)
            stored = write_parquet([rows.to_arrow()], FORECAST_PARQUET.arrow_schema, path)
        with month.timer.stage("report"):
            warnings = warnings_so_far(context.instance, context.run.run_id, month.con, month.cutoff)
            masters = folder.masters(FORECAST_PARQUET.name)
            told = master_metadata(
                month.con, month.cutoff, month.settings, path=path, masters=masters, warnings=warnings
            )
        month.told = {**told, "dagster/row_count": stored}
    return month.result()
