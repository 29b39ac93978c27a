"""`tournament_standings`: each entrant's backtest over all series, beside what was published."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.standings_metadata import standings_metadata
from turbo_forecast.schemas import TOURNAMENT_STANDINGS


@month_table(TOURNAMENT_STANDINGS, Place("publication", Stored.TABLE, ("polars",)))
def tournament_standings(month: Month) -> pl.DataFrame:
    """The run's comparison of every entrant's backtest with the published one."""
    standings = month.made(TOURNAMENT_STANDINGS).collect()
    month.metadata = standings_metadata(standings)
    return standings
