"""`outlook_over_time`: earlier months' statements against what has happened since."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.outlook_metadata import over_time_metadata
from turbo_forecast.outlook import track_record
from turbo_forecast.schemas import OUTLOOK_OVER_TIME
from turbo_forecast.storage.months import settled_months
from turbo_forecast.storage.statement_outcomes import statements_since


@month_table(OUTLOOK_OVER_TIME, Place("publication", Stored.TABLE, ("polars",)))
def outlook_over_time(month: Month) -> pl.DataFrame:
    """Judge the statements of earlier complete months whose days have passed."""
    settled = settled_months(month.con, month.cutoff, OUTLOOK_OVER_TIME.name)
    since = statements_since(month.con, month.cutoff, settled, month.settings.horizon_months)
    scored = track_record.outlook_accuracy(since).rename({"cutoff": "forecast_cutoff"})
    month.metadata = over_time_metadata(scored)
    return OUTLOOK_OVER_TIME.conform(scored.with_columns(cutoff=pl.lit(month.cutoff)))
