"""`champions`: whose forecast is published, exactly one entrant per series."""

import dagster as dg

from turbo_forecast.defs.monthly import month_asset, one_month
from turbo_forecast.defs.reporting import counts
from turbo_forecast.defs.resources import ForecastResource, Warehouse
from turbo_forecast.schemas import CHAMPIONS, TOURNAMENT_RESULTS
from turbo_forecast.storage.warehouse import query, replace_partition
from turbo_forecast.tournament.champions import choose

FORECASTERS = """
    SELECT DISTINCT cutoff, host_id, resource, model FROM tournament_results
    WHERE cutoff = ? AND phase = 'forecast'
"""


@dg.asset(**month_asset(CHAMPIONS, deps=[TOURNAMENT_RESULTS]))
def champions(context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse) -> None:
    """Read who has a forecast, choose, store."""
    for key in context.partition_keys:
        with one_month(context, CHAMPIONS.name, key, forecast, warehouse) as month:
            with month.timer.stage("choose"):
                chosen = choose(query(month.con, FORECASTERS, month.cutoff), month.settings.order_of_preference)
            with month.timer.stage("store champions"):
                stored = replace_partition(month.con, CHAMPIONS, month.cutoff, chosen)
            month.told = {"dagster/row_count": stored, "series by entrant": counts(chosen, "model")}
