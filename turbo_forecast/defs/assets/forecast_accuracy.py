"""`forecast_accuracy`: forecasts of earlier months against what has happened since."""

from collections.abc import Collection, Iterable
from datetime import date

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.plots import accuracy_lines
from turbo_forecast.defs.reporting import Metadata
from turbo_forecast.schemas import FORECAST_ACCURACY, FORECAST_PARQUET
from turbo_forecast.storage.accuracy import accuracy_so_far, first_scored
from turbo_forecast.storage.months import settled_months


@month_table(FORECAST_ACCURACY, Place("publication", Stored.TABLE))
def forecast_accuracy(month: Month) -> pl.DataFrame:
    """Read the earlier months' forecasts that reach into the time observed since, and score them."""
    settings, masters = month.settings, month.folder.masters(FORECAST_PARQUET.name)
    settled = settled_months(month.con, month.cutoff, FORECAST_ACCURACY.name)
    scored = accuracy_so_far(
        month.con,
        month.cutoff,
        masters,
        settled,
        settings.horizon_months,
        settings.interval_width,
        settings.fallback,
    )
    month.metadata = {"error by months ahead": accuracy_lines(scored)}
    month.metadata |= month_ahead(scored) | left_out(masters, settled, month)
    return scored


def month_ahead(scored: pl.DataFrame) -> Metadata:
    """How good what was published a month ahead has been, over all earlier months; nothing before there is one."""
    rows = scored.filter(model="champion", resource="all", lead_month=1)
    if rows.is_empty():
        return {}
    mae, inside = rows.select((pl.col("mae", "coverage") * pl.col("n")).sum() / pl.col("n").sum()).row(0)
    return {
        "MAE a month ahead, all earlier months (points)": round(mae, 4),
        "days inside the interval a month ahead, all earlier months (percent)": round(100 * inside, 4),
    }


def left_out(masters: Iterable[date], settled: Collection[date], month: Month) -> Metadata:
    """The earlier months that would have been scored, were they complete."""
    first = first_scored(month.cutoff, month.settings.horizon_months)
    found = [f"{cutoff:%Y-%m}" for cutoff in masters if first <= cutoff < month.cutoff and cutoff not in settled]
    return {"left out, not complete": ", ".join(found)} if found else {}
