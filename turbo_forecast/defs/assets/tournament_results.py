"""`tournament_results`: every entrant's rows, all months, in the warehouse."""

import dagster as dg

from turbo_forecast.defs.monthly import month_asset, one_month
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.schemas import FLEET_FORECAST, TOURNAMENT_RESULTS
from turbo_forecast.storage.files import parquet_sql
from turbo_forecast.storage.warehouse import replace_partition


@dg.asset(**month_asset(TOURNAMENT_RESULTS, deps=[FLEET_FORECAST]))
def tournament_results(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> dg.MaterializeResult[None]:
    """The fleet forecast's Parquet file, row by row, into the month's place."""
    with one_month(context, TOURNAMENT_RESULTS.name, forecast, warehouse) as month:
        rows = f"SELECT * FROM {parquet_sql(folder.parquet(FLEET_FORECAST.name, month.key))}"
        with month.timer.stage("store results"):
            stored = replace_partition(month.con, TOURNAMENT_RESULTS, month.cutoff, rows)
        month.told = {"dagster/row_count": stored}
    return month.result()
