"""Which months lose every entrant's rows, and their removal.

Belongs here: the choice, and what goes. Does not belong here: when it is done.
"""

import shutil
from collections.abc import Collection
from datetime import date
from pathlib import Path

import duckdb

from turbo_forecast.errors import writing
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST
from turbo_forecast.windows import cutoff_of


def outdated(con: duckdb.DuckDBPyConnection, data: Path, keep: int) -> list[date]:
    """Cutoffs of the months whose rows are stored and that are not among the latest `keep` of them, oldest first."""
    stored = sorted(cutoff_of(path.stem) for path in (data / FLEET_FORECAST.name).glob("????-??.parquet"))
    return stored[:-keep]


def remove(data: Path, months: Collection[date]) -> None:
    """Remove these months' rows and results. Raises StorageError."""
    for month in months:
        for asset in (FLEET_FORECAST.name, FOLD_FORECAST.name):
            path = data / asset / f"{month:%Y-%m}.parquet"
            with writing(path):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        shutil.rmtree(data / "tournament" / f"{month:%Y-%m}", ignore_errors=True)
