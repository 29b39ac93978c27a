"""`tournament_results`: a view in the warehouse over every month's rows of `fleet_forecast`."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb

from turbo_forecast.schemas import TOURNAMENT_RESULTS
from turbo_forecast.storage.datasets import duckdb_sql
from turbo_forecast.tables import DUCKDB_TYPES


def redefine(con: duckdb.DuckDBPyConnection, folders: Mapping[date, Path]) -> None:
    """Define the view over these months' files; no month gives an empty one. The caller holds the transaction."""
    files = [path for _, path in sorted(folders.items())]
    columns = ", ".join(
        f'{column.name if files else "NULL"}::{DUCKDB_TYPES[column.dtype]} AS "{column.name}"'
        for column in TOURNAMENT_RESULTS.columns
    )
    source = f"FROM {duckdb_sql(*files)}" if files else "WHERE false"
    if _is_table(con):
        con.execute(f"DROP TABLE {TOURNAMENT_RESULTS.name}")
    con.execute(f"CREATE OR REPLACE VIEW {TOURNAMENT_RESULTS.name} AS SELECT {columns} {source}")


def _is_table(con: duckdb.DuckDBPyConnection) -> bool:
    found = con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [TOURNAMENT_RESULTS.name])
    return bool(found.fetchall())
