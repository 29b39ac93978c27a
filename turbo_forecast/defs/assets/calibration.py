"""`calibration`: how far the published interval reaches from the champion's forecast."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.schemas import CALIBRATION


@month_table(CALIBRATION, Place("tournament", Stored.TABLE, ("polars",)))
def calibration(month: Month) -> pl.LazyFrame:
    """The reach that the run learnt from the champions' errors on earlier windows."""
    return month.made(CALIBRATION)
