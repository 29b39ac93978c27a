"""Tables that another version of this program stored: which of them can be migrated, and how.

Belongs here: comparing a stored table's columns with those of `schemas/`, and adding what is missing. Does not belong
here: what is stored (`warehouse.py`).

A column that may be null is added to a table that lacks it: of the months stored before, nothing is known. Every other
difference is named, before a run writes or forecasts anything: what an older version would have stored in a column that
may not be null, nobody knows.
"""

from collections.abc import Iterable

import duckdb

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import (
    BASE_TABLE,
    BASE_TABLE_DAYS,
    BASE_TABLE_FILE_DAYS,
    BASE_TABLE_PARTS,
    BASE_TABLE_REJECTS,
    BASE_TABLE_RUNS,
    CALIBRATION,
    CAPACITY_OUTLOOK,
    CHAMPIONS,
    COMBINATION_WEIGHTS,
    FORECAST_ACCURACY,
    GROUP_FORECAST,
    GROUP_HISTORY,
    GROUP_MEMBERS,
    MODEL_RUNS,
    MONTH_STEPS,
    MONTHS,
    OUTLOOK_ACCURACY,
    OUTLOOK_BACKTEST,
    OUTLOOK_OVER_TIME,
    OUTLOOK_RELIABILITY,
    PLANNED_CHANGES,
    PLANNED_LOADS,
    RUN_AUDIT,
    SCENARIO_OUTLOOK,
    SERIES_OUTCOMES,
    TOURNAMENT_SCORES,
    TOURNAMENT_STANDINGS,
)
from turbo_forecast.tables import DUCKDB_TYPES, Column, Table

KEPT = (
    *(BASE_TABLE_RUNS, MONTHS, MONTH_STEPS, RUN_AUDIT, SERIES_OUTCOMES, MODEL_RUNS, COMBINATION_WEIGHTS),
    *(TOURNAMENT_SCORES, CHAMPIONS, CALIBRATION, TOURNAMENT_STANDINGS, FORECAST_ACCURACY),
    *(GROUP_MEMBERS, GROUP_HISTORY, GROUP_FORECAST, PLANNED_CHANGES, PLANNED_LOADS, CAPACITY_OUTLOOK, SCENARIO_OUTLOOK),
    *(OUTLOOK_BACKTEST, OUTLOOK_ACCURACY, OUTLOOK_RELIABILITY, OUTLOOK_OVER_TIME),
)
"""Tables of the warehouse whose rows outlive a run."""
REPLACED = (BASE_TABLE, BASE_TABLE_REJECTS, BASE_TABLE_DAYS, BASE_TABLE_PARTS, BASE_TABLE_FILE_DAYS)
"""Tables that are made anew of the telemetry, whole, wherever they are not as the last reading left them."""
FORMER = {SERIES_OUTCOMES.name: ("solver",)}
"""Columns that a table had once and keeps where it has them: earlier months' stay, later ones' are null."""
_WITH_WINDOW = "if(fold = 0, 'backtest', 'fold ' || fold)"
"""What the column `window` says, of the number that stood in its place once."""
NAMED = 3
"""Columns that a message names; of more, only how many there are."""
NAME_WIDTH = 30


def require_usable_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Raises StorageError that names the first stored table which this version cannot write to; changes nothing."""
    names = [table.name for table in (*REPLACED, *KEPT)]
    views = con.execute(
        "SELECT view_name FROM duckdb_views() WHERE list_contains(?, view_name) AND schema_name = 'main' "
        "AND database_name = current_database() ORDER BY ALL",
        [names],
    ).fetchall()
    if views:
        raise StorageError(
            f"{views[0][0]} in the warehouse is a view, where this program stores a table: drop the view"
        )
    for table in KEPT:
        columns_to_add(con, table)


def migrate_table(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Add the columns that a stored table lacks, and let those be null that may be. The caller holds the transaction.

    Raises StorageError, and changes nothing, where that is not enough.
    """
    for column in columns_to_add(con, table):
        con.execute(f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {DUCKDB_TYPES[column.dtype]}')
    required = {name for name, (_, nullable) in _stored(con, table).items() if not nullable}
    for column in table.columns:
        if column.nullable and column.name in required:
            con.execute(f'ALTER TABLE "{table.name}" ALTER COLUMN "{column.name}" DROP NOT NULL')


def name_windows(con: duckdb.DuckDBPyConnection) -> None:
    """Let the stored scores name their windows, where they number them, as they once did. The caller holds the transaction."""
    name, columns = TOURNAMENT_SCORES.name, _stored(con, TOURNAMENT_SCORES)
    if "fold" not in columns or "window_name" in columns:
        return
    named = f"{name}__new"
    con.execute(TOURNAMENT_SCORES.ddl(named))
    con.execute(f'INSERT INTO "{named}" BY NAME SELECT * EXCLUDE fold, {_WITH_WINDOW} AS "window_name" FROM "{name}"')
    con.execute(f'DROP TABLE "{name}"')
    con.execute(f'ALTER TABLE "{named}" RENAME TO "{name}"')


def columns_to_add(con: duckdb.DuckDBPyConnection, table: Table) -> list[Column]:
    """The columns a stored table lacks, all of which may be null; none where the table is not stored.

    Raises StorageError that names every other difference. The order of columns is none: rows are matched by name.
    """
    stored = _stored(con, table)
    if not stored:
        return []
    lacking = [column for column in table.columns if column.name not in stored]
    needed = [column.name for column in lacking if not column.nullable]
    unknown = [name for name in stored if name not in (*table.names, *FORMER.get(table.name, ()))]
    retyped = [
        f"{column.name} ({stored[column.name][0]}, not {DUCKDB_TYPES[column.dtype]})"
        for column in table.columns
        if column.name in stored and stored[column.name][0] != DUCKDB_TYPES[column.dtype]
    ]
    parts = (("lacks", needed), ("has the unknown", unknown), ("has another type of", retyped))
    differences = [f"{what} {_listed(names)}" for what, names in parts if names]
    if differences:
        raise StorageError(
            f"table {table.name} in the warehouse was stored by another version and {', '.join(differences)}: move the "
            "warehouse away and run the months again"
        )
    return lacking


def _stored(con: duckdb.DuckDBPyConnection, table: Table) -> dict[str, tuple[str, bool]]:
    """Type of each stored column, and whether it may be null; nothing where there is no such table."""
    there = con.execute(
        "SELECT 1 FROM duckdb_tables() "
        "WHERE table_name = ? AND database_name = current_database() AND schema_name = 'main'",
        [table.name],
    ).fetchall()
    if not there:  # to ask for the columns of what is not there would end the transaction
        return {}
    # not duckdb_columns(): that looks into every view, and so into the files of every month
    found = con.execute(f"SELECT name, type, NOT \"notnull\" FROM pragma_table_info('{table.name}') ORDER BY cid")
    return {name: (kind, nullable) for name, kind, nullable in found.fetchall()}


def _listed(names: Iterable[str]) -> str:
    """The first few, cut where they are long, and how many more there are."""
    ordered = [name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 2]} …" for name in names]
    more = f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
    return ", ".join(ordered[:NAMED]) + more
