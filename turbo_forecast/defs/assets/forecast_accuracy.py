"""`forecast_accuracy`: forecasts of earlier months against what has happened since."""

from collections.abc import Collection, Iterable
from datetime import date

import dagster as dg
import polars as pl

from turbo_forecast.defs.monthly import Month, month_asset, one_month
from turbo_forecast.defs.plots import accuracy_lines
from turbo_forecast.defs.reporting import Metadata
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.schemas import BASE_TABLE, FORECAST_ACCURACY, FORECAST_PARQUET, TOURNAMENT_RESULTS
from turbo_forecast.storage.accuracy import accuracy_so_far, first_judged
from turbo_forecast.storage.months import settled_months
from turbo_forecast.storage.warehouse import replace_partition


@dg.asset(**month_asset(FORECAST_ACCURACY, deps=[BASE_TABLE, FORECAST_PARQUET, TOURNAMENT_RESULTS]))
def forecast_accuracy(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> dg.MaterializeResult[None]:
    """Read the earlier months' forecasts that reach into the time observed since, judge, store."""
    with one_month(context, FORECAST_ACCURACY.name, forecast, warehouse) as month:
        settings, masters = month.settings, folder.masters(FORECAST_PARQUET.name)
        settled = settled_months(month.con, month.cutoff)
        with month.timer.stage("judge earlier forecasts"):
            judged = accuracy_so_far(
                month.con,
                month.cutoff,
                masters,
                settled,
                settings.horizon_months,
                settings.interval_width,
                settings.fallback,
            )
        stored = replace_partition(month.con, FORECAST_ACCURACY, month.cutoff, judged)
        month.told = {"dagster/row_count": stored, "error by months ahead": accuracy_lines(judged)}
        month.told |= month_ahead(judged) | left_out(masters, settled, month)
    return month.result()


def month_ahead(judged: pl.DataFrame) -> Metadata:
    """How good what was published a month ahead has been, over all earlier months; nothing before there is one."""
    rows = judged.filter(model="champion", resource="all", lead_month=1)
    if rows.is_empty():
        return {}
    mae, inside = rows.select((pl.col("mae", "coverage") * pl.col("n")).sum() / pl.col("n").sum()).row(0)
    return {
        "MAE a month ahead, all earlier months (points)": round(mae, 4),
        "days inside the interval a month ahead, all earlier months (percent)": round(100 * inside, 4),
    }


def left_out(masters: Iterable[date], settled: Collection[date], month: Month) -> Metadata:
    """The earlier months that would have been judged, were they complete."""
    first = first_judged(month.cutoff, month.settings.horizon_months)
    found = [f"{cutoff:%Y-%m}" for cutoff in masters if first <= cutoff < month.cutoff and cutoff not in settled]
    return {"left out, not complete": ", ".join(found)} if found else {}
