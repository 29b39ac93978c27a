"""`champions`: whose forecast is published, exactly one entrant per series, with the evidence."""

import dagster as dg
import polars as pl

from turbo_forecast.defs.monthly import month_asset, one_month
from turbo_forecast.defs.reporting import counts
from turbo_forecast.defs.resources import ForecastResource, Warehouse
from turbo_forecast.fleet.tournament import choose_champions
from turbo_forecast.schemas import CHAMPIONS, TOURNAMENT_RESULTS, TOURNAMENT_SCORES
from turbo_forecast.storage.warehouse import month_rows, replace_partition


@dg.asset(**month_asset(CHAMPIONS, deps=[TOURNAMENT_RESULTS, TOURNAMENT_SCORES]))
def champions(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, fleet_forecast: pl.LazyFrame
) -> dg.MaterializeResult[None]:
    """Read the folds' scores, choose, store."""
    with one_month(context, CHAMPIONS.name, forecast, warehouse) as month:
        with month.timer.stage("choose"):
            scores = month_rows(month.con, TOURNAMENT_SCORES, month.cutoff)
            chosen = choose_champions(fleet_forecast, scores, month.settings)
        with month.timer.stage("store champions"):
            stored = replace_partition(month.con, CHAMPIONS, month.cutoff, chosen)
        why = {"series by entrant": counts(chosen, "model"), "reasons": counts(chosen, "reason")}
        month.told = {"dagster/row_count": stored, **why}
    return month.result()
