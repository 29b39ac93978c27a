"""`calibration`: how far the published interval reaches from the champion's forecast."""

import dagster as dg
import polars as pl

from turbo_forecast.defs.monthly import HISTORY, month_asset, one_month
from turbo_forecast.defs.resources import ForecastResource, Warehouse
from turbo_forecast.fleet.tournament import RunRows, calibrate_month
from turbo_forecast.schemas import CALIBRATION, CHAMPIONS, TOURNAMENT_RESULTS
from turbo_forecast.storage.warehouse import month_rows, query, replace_partition
from turbo_forecast.windows import run_windows


@dg.asset(**month_asset(CALIBRATION, deps=[CHAMPIONS, TOURNAMENT_RESULTS]))
def calibration(
    context: dg.AssetExecutionContext,
    forecast: ForecastResource,
    warehouse: Warehouse,
    fleet_forecast: pl.LazyFrame,
    fold_forecast: pl.LazyFrame,
) -> dg.MaterializeResult[None]:
    """Read the champions and their errors on earlier windows, calibrate, store."""
    with one_month(context, CALIBRATION.name, forecast, warehouse) as month:
        window = run_windows(month.cutoff, month.settings)
        with month.timer.stage("read history"):
            history = query(month.con, HISTORY, window.history_start, window.cutoff)
            chosen = month_rows(month.con, CHAMPIONS, month.cutoff)
        with month.timer.stage("calibrate"):
            run = RunRows(fleet_forecast, fold_forecast)
            found = calibrate_month(run, chosen, history, window, month.settings)
        with month.timer.stage("store calibration"):
            stored = replace_partition(month.con, CALIBRATION, month.cutoff, found)
        month.told = {"dagster/row_count": stored}
    return month.result()
