"""`forecast_accuracy`: forecasts of earlier months against what has happened since."""

import dagster as dg

from turbo_forecast.defs.monthly import month_asset, one_month
from turbo_forecast.defs.plots import accuracy_lines
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.schemas import BASE_TABLE, FORECAST_ACCURACY, FORECAST_PARQUET, TOURNAMENT_RESULTS
from turbo_forecast.storage.accuracy import accuracy_so_far
from turbo_forecast.storage.warehouse import replace_partition


@dg.asset(**month_asset(FORECAST_ACCURACY, deps=[BASE_TABLE, FORECAST_PARQUET, TOURNAMENT_RESULTS]))
def forecast_accuracy(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> None:
    """Read the earlier months' forecasts that reach into the time observed since, judge, store."""
    for key in context.partition_keys:
        with one_month(context, FORECAST_ACCURACY.name, key, forecast, warehouse) as month:
            settings, masters = month.settings, folder.masters(FORECAST_PARQUET.name)
            with month.timer.stage("judge earlier forecasts"):
                judged = accuracy_so_far(
                    month.con,
                    month.cutoff,
                    masters,
                    settings.horizon_months,
                    settings.interval_width,
                    settings.fallback,
                )
            stored = replace_partition(month.con, FORECAST_ACCURACY, month.cutoff, judged)
            month.told = {"dagster/row_count": stored, "error by months ahead": accuracy_lines(judged)}
