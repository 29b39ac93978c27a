"""`tournament_results`: every entrant's rows, all months, as one view in the warehouse."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import FLEET_FORECAST, TOURNAMENT_RESULTS
from turbo_forecast.storage.datasets import require_whole, rows


@month_table(TOURNAMENT_RESULTS, Place("tournament", Stored.VIEW))
def tournament_results(month: Month) -> pl.LazyFrame:
    """The month's rows, as they lie in its part files. Raises StorageError where they are not there, or not whole."""
    path = month.folder.parquet(FLEET_FORECAST.name, month.key)
    if not path.exists():
        raise StorageError(
            f"{path} is not there: materialise {FLEET_FORECAST.name} for {month.key} again; every entrant's rows are kept "
            "for the latest months only (rows_months)"
        )
    require_whole(path, TOURNAMENT_RESULTS.names)
    return rows(path)
