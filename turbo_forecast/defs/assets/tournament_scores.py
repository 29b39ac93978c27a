"""`tournament_scores`: how far each entrant's backtest, and each fold, was from what happened, per series."""

import dagster as dg
import polars as pl

from turbo_forecast.defs.monthly import HISTORY, month_asset, one_month
from turbo_forecast.defs.plots import score_bars
from turbo_forecast.defs.resources import ForecastResource, Warehouse
from turbo_forecast.fleet.tournament import RunRows, score_month
from turbo_forecast.schemas import TOURNAMENT_RESULTS, TOURNAMENT_SCORES
from turbo_forecast.storage.warehouse import query, replace_partition
from turbo_forecast.windows import run_windows


@dg.asset(**month_asset(TOURNAMENT_SCORES, deps=[TOURNAMENT_RESULTS]))
def tournament_scores(
    context: dg.AssetExecutionContext,
    forecast: ForecastResource,
    warehouse: Warehouse,
    fleet_forecast: pl.LazyFrame,
    fold_forecast: pl.LazyFrame,
) -> dg.MaterializeResult[None]:
    """Read the month's stored rows, score them, store the scores."""
    with one_month(context, TOURNAMENT_SCORES.name, forecast, warehouse) as month:
        window = run_windows(month.cutoff, month.settings)
        with month.timer.stage("read history"):
            history = query(month.con, HISTORY, window.history_start, window.train_end)
        with month.timer.stage("score"):
            scores = score_month(RunRows(fleet_forecast, fold_forecast), history, window, month.settings)
        with month.timer.stage("store scores"):
            stored = replace_partition(month.con, TOURNAMENT_SCORES, month.cutoff, scores)
        month.told = {
            "dagster/row_count": stored,
            "mean MASE by entrant and fold (0: the backtest)": score_bars(scores),
        }
    return month.result()
