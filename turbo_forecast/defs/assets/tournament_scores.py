"""`tournament_scores`: how far each entrant's backtest, and each fold, was from what happened, per series."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.plots import score_bars
from turbo_forecast.schemas import TOURNAMENT_SCORES


@month_table(TOURNAMENT_SCORES, Place("tournament", Stored.TABLE, ("polars",)))
def tournament_scores(month: Month) -> pl.DataFrame:
    """The scores that were made where the rows were."""
    scores = month.made(TOURNAMENT_SCORES).collect()
    month.metadata = {"mean MASE by entrant and window": score_bars(scores)}
    return scores
