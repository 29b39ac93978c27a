"""Publishing the state of every month, also of one that is running, was interrupted or has failed.

Does not belong here: what the states mean, and when a month changes its own (`storage/months.py`).
"""

from collections import defaultdict
from datetime import date
from pathlib import Path

import duckdb

from turbo_forecast.schemas import MONTH_STEPS, MONTHS
from turbo_forecast.storage.months import FAILED, STEPS
from turbo_forecast.storage.published.layout import FOLDER, STATES
from turbo_forecast.storage.published.manifest import MonthStanding, Standings, readable_document, write_document

_SHOWN = "month, state, run_id, reached, started_at, finished_at"


def publish_standings(con: duckdb.DuckDBPyConnection, data: Path) -> None:
    """Publish the states of the warehouse's months, where they are not those that are published. Raises StorageError.

    A step of a run ends with this, so it is two small queries for all months, and a file that is damaged is written anew.
    """
    try:
        now = standings(con)
    except (duckdb.CatalogException, duckdb.BinderException):
        return  # nothing was ever run, or by a former version alone: the next run takes its tables over
    path = data / FOLDER / STATES
    if now != readable_document(Standings, path):
        write_document(now, path)


def standings(con: duckdb.DuckDBPyConnection) -> Standings:
    """The state of every month that was ever begun, the latest first. Raises what DuckDB raises where there are no such tables."""
    months = con.execute(f"SELECT cutoff, {_SHOWN} FROM {MONTHS.name} ORDER BY cutoff DESC").fetchall()
    failed: dict[date, list[str]] = defaultdict(list)
    checks = con.execute(
        f"SELECT cutoff, asset || '.' || check_name FROM {MONTH_STEPS.name} WHERE result = ? AND list_contains(?, asset) "
        "ORDER BY recorded_at, asset, check_name",
        [FAILED, list(STEPS)],
    )
    for cutoff, check in checks.fetchall():
        failed[cutoff].append(check)
    names = _SHOWN.split(", ")
    return Standings(
        months=tuple(
            MonthStanding(**dict(zip(names, row, strict=True)), failed=tuple(failed[cutoff])) for cutoff, *row in months
        )
    )
