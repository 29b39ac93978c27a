"""`tournament_standings`: each entrant's backtest over all series, beside what was published."""

import dagster as dg
import polars as pl

from turbo_forecast.defs.monthly import HISTORY, month_asset, one_month
from turbo_forecast.defs.resources import ForecastResource, Warehouse
from turbo_forecast.defs.standings_metadata import standings_metadata
from turbo_forecast.fleet.tournament import standings_month
from turbo_forecast.schemas import TOURNAMENT_SCORES, TOURNAMENT_STANDINGS
from turbo_forecast.storage.warehouse import query, replace_partition
from turbo_forecast.windows import run_windows


@dg.asset(**month_asset(TOURNAMENT_STANDINGS, deps=[TOURNAMENT_SCORES]))
def tournament_standings(
    context: dg.AssetExecutionContext,
    forecast: ForecastResource,
    warehouse: Warehouse,
    fleet_forecast: pl.LazyFrame,
    forecast_parquet: pl.DataFrame,
) -> dg.MaterializeResult[None]:
    """Read every entrant's backtest and the master file's, compare, store."""
    with one_month(context, TOURNAMENT_STANDINGS.name, forecast, warehouse) as month:
        window = run_windows(month.cutoff, month.settings)
        with month.timer.stage("read history"):
            history = query(month.con, HISTORY, window.history_start, window.train_end)
        with month.timer.stage("compare"):
            table = standings_month(fleet_forecast, forecast_parquet, history, window, month.settings)
        stored = replace_partition(month.con, TOURNAMENT_STANDINGS, month.cutoff, table)
        month.told = {"dagster/row_count": stored, **standings_metadata(table)}
    return month.result()
