"""Publishing the state of every month: so that who reads knows of a month that is at work, has ended half-way or has failed.

Does not belong here: what the states mean, and when a month changes its own (`storage/months.py`).
"""

from pathlib import Path

import duckdb

from turbo_forecast.schemas import MONTH_STEPS, MONTHS
from turbo_forecast.storage.months import failed_checks
from turbo_forecast.storage.published.layout import FOLDER, STATES
from turbo_forecast.storage.published.manifest import MonthStanding, Standings, read_document, write_document
from turbo_forecast.storage.versions import columns_to_add
from turbo_forecast.storage.warehouse import has_table

_SHOWN = "month, state, run_id, reached, started_at, finished_at"


def publish_standings(con: duckdb.DuckDBPyConnection, data: Path) -> None:
    """Publish the states of the warehouse's months, where they are not those that are published. Raises StorageError."""
    if not has_table(con, MONTHS) or columns_to_add(con, MONTHS):
        return  # nothing was ever run, or by a former version alone: the next run takes its table over
    path = data / FOLDER / STATES
    now = standings(con)
    if now != read_document(Standings, path):
        write_document(now, path)


def standings(con: duckdb.DuckDBPyConnection) -> Standings:
    """The state of every month that was ever begun, the latest first."""
    found = con.execute(f"SELECT cutoff, {_SHOWN} FROM {MONTHS.name} ORDER BY cutoff DESC").fetchall()
    steps = has_table(con, MONTH_STEPS)
    return Standings(
        months=tuple(
            MonthStanding(
                **dict(zip(_SHOWN.split(", "), row, strict=True)),
                failed=tuple(".".join(check) for check in failed_checks(con, cutoff)) if steps else (),
            )
            for cutoff, *row in found
        )
    )
