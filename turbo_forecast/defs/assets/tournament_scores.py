"""`tournament_scores`: how far each entrant's backtest was from what happened, per series."""

import dagster as dg

from turbo_forecast.defs.monthly import month_asset, one_month
from turbo_forecast.defs.plots import score_bars
from turbo_forecast.defs.resources import ForecastResource, Warehouse
from turbo_forecast.fleet.library import run_windows
from turbo_forecast.schemas import TOURNAMENT_RESULTS, TOURNAMENT_SCORES
from turbo_forecast.storage.warehouse import query, replace_partition
from turbo_forecast.tournament.scores import mase_scales, score

HISTORY = "SELECT host_id, resource, ds, y FROM base_table WHERE ds BETWEEN ? AND ?"
BACKTEST = "SELECT * FROM tournament_results WHERE cutoff = ? AND phase = 'backtest' AND y IS NOT NULL"


@dg.asset(**month_asset(TOURNAMENT_SCORES, deps=[TOURNAMENT_RESULTS]))
def tournament_scores(context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse) -> None:
    """Read the month's stored backtest, score it, store the scores."""
    for key in context.partition_keys:
        with one_month(context, TOURNAMENT_SCORES.name, key, forecast, warehouse) as month:
            window = run_windows(month.cutoff, month.settings)
            with month.timer.stage("read backtest and history"):
                history = query(month.con, HISTORY, window.history_start, window.train_end)
                backtest = query(month.con, BACKTEST, month.cutoff)
            with month.timer.stage("score"):
                scores = score(backtest, mase_scales(history), month.settings.interval_width)
            with month.timer.stage("store scores"):
                stored = replace_partition(month.con, TOURNAMENT_SCORES, month.cutoff, scores)
            month.told = {"dagster/row_count": stored, "mean MASE by entrant": score_bars(scores)}
