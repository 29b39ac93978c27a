"""`outlook_reliability`: how often statements of about the same probability came true on the backtest."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.plots import reliability_diagram
from turbo_forecast.outlook import track_record
from turbo_forecast.schemas import OUTLOOK_BACKTEST, OUTLOOK_RELIABILITY
from turbo_forecast.storage.warehouse import month_rows


@month_table(OUTLOOK_RELIABILITY, Place("publication", Stored.TABLE, ("polars",)))
def outlook_reliability(month: Month) -> pl.DataFrame:
    """The backtest's statements in ten bins of their probability."""
    bins = track_record.outlook_reliability(month_rows(month.con, OUTLOOK_BACKTEST, month.cutoff))
    month.metadata = {"reliability diagram": reliability_diagram(bins)}
    return bins
