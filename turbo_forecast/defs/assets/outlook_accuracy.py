"""`outlook_accuracy`: how good the outlook's statements were on the backtest."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.outlook_metadata import accuracy_metadata
from turbo_forecast.outlook import track_record
from turbo_forecast.schemas import OUTLOOK_ACCURACY, OUTLOOK_BACKTEST
from turbo_forecast.storage.warehouse import month_rows


@month_table(OUTLOOK_ACCURACY, Place("publication", Stored.TABLE, ("polars",)))
def outlook_accuracy(month: Month) -> pl.DataFrame:
    """Scores of the backtest's statements, beside the base rate's and the point forecast's."""
    scored = track_record.outlook_accuracy(month_rows(month.con, OUTLOOK_BACKTEST, month.cutoff))
    month.metadata = accuracy_metadata(scored)
    return scored
