"""`champions`: whose forecast is published, exactly one entrant per series, with the evidence."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.reporting import counts
from turbo_forecast.schemas import CHAMPIONS


@month_table(CHAMPIONS, Place("tournament", Stored.TABLE, ("polars",)))
def champions(month: Month) -> pl.DataFrame:
    """The champions that the run chose by the scores of the folds."""
    chosen = month.made(CHAMPIONS).collect()
    month.metadata = {"series by entrant": counts(chosen, "model"), "reasons": counts(chosen, "reason")}
    return chosen
