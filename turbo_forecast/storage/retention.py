"""Retention of every entrant's rows: those of the latest months are kept, so that the data folder does not grow for ever.

Belongs here: which months lose their rows, and the order in which they do. Does not belong here: the setting
(`settings/forecast.py`, rows_months), and reporting what was removed.

What goes is what only the tournament needs: `fleet_forecast`, `fold_forecast` and the run's own results. Master files, the
further intervals beside them, and all that the warehouse's tables hold, stay for good, and with them the month's state: it
is as complete as it was, only nobody can check its rows again, or compare its entrants with what happened since.
"""

from collections.abc import Collection
from datetime import date
from pathlib import Path

import duckdb

from turbo_forecast.errors import writing
from turbo_forecast.leftovers import remove
from turbo_forecast.processes import own_process
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST
from turbo_forecast.storage.rows_view import month_folders, redefine
from turbo_forecast.windows import cutoff_of

RESULTS, GROUP_RESULTS = "tournament", "groups"
"""The folders of a run's own results, a folder a month: of the fleet's run, and of that over groups."""
_KINDS = ((FLEET_FORECAST.name, ".parquet"), (FOLD_FORECAST.name, ".parquet"), (RESULTS, ""), (GROUP_RESULTS, ""))
NAMED = 3
"""Months that a sentence names."""


def outdated(data: Path, keep: int, making: date) -> list[date]:
    """Cutoffs of the months in a data folder that are to lose every entrant's rows, the oldest first.

    keep: how many months keep them: the latest of those that are stored, and of the one that is being made. That one
    keeps its rows in any case: an old month that is made again has them until the next month is made.
    """
    stored = {month for folder, suffix in _KINDS for month in _months(data / folder, suffix)}
    return sorted((stored - set(sorted(stored | {making})[-keep:])) - {making})


def without(con: duckdb.DuckDBPyConnection, data: Path, months: Collection[date]) -> None:
    """Let `tournament_results` serve these months no more. The caller holds the transaction, and calls `remove_rows` after it.

    Should the process die in between, the next one to open the warehouse finds the months' files, and serves them, until
    the next month is made. Raises StorageError.
    """
    redefine(con, {month: path for month, path in month_folders(data).items() if month not in months})


def remove_rows(data: Path, months: Collection[date]) -> None:
    """Remove the months' rows from the data folder: each file or folder vanishes at once for readers. Raises StorageError."""
    for month in months:
        for folder, suffix in _KINDS:
            path = data / folder / f"{month:%Y-%m}{suffix}"
            if path.exists():
                with writing(path):
                    gone = path.rename(path.with_name(f".{path.name}.{own_process().stem()}.tmp"))
                    remove(gone)


def describe(months: Collection[date], keep: int) -> str:
    """What was removed, as a sentence; empty where nothing was."""
    if not months:
        return ""
    ordered = sorted(months)
    more = f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
    named = ", ".join(f"{month:%Y-%m}" for month in ordered[:NAMED])
    kept = "the latest month" if keep == 1 else f"the latest {keep} months"
    return f"removed the rows of every entrant of {named}{more}: they are kept of {kept} (rows_months); what was published stays"


def _months(folder: Path, suffix: str) -> list[date]:
    return [
        cutoff_of(path.name.removesuffix(suffix)) for path in folder.glob(f"[0-9][0-9][0-9][0-9]-[0-9][0-9]{suffix}")
    ]
