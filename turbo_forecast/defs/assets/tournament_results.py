"""`tournament_results`: every entrant's rows, all months, in the warehouse."""

import dagster as dg
import polars as pl

from turbo_forecast.defs.monthly import month_asset, one_month
from turbo_forecast.defs.resources import ForecastResource, Warehouse
from turbo_forecast.schemas import TOURNAMENT_RESULTS
from turbo_forecast.storage.warehouse import replace_partition


@dg.asset(**month_asset(TOURNAMENT_RESULTS, deps=[]))
def tournament_results(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, fleet_forecast: pl.LazyFrame
) -> dg.MaterializeResult[None]:
    """The fleet forecast, batch by batch, into the month's place."""
    with one_month(context, TOURNAMENT_RESULTS.name, forecast, warehouse) as month:
        with month.timer.stage("store results"):
            stored = replace_partition(month.con, TOURNAMENT_RESULTS, month.cutoff, fleet_forecast)
        month.told = {"dagster/row_count": stored}
    return month.result()
