"""A table or view of a DuckDB file.

Belongs here: opening the file read-only, its tables, and that a view reads nothing but its own file.
Does not belong here: Parquet and CSV files (`sources`), and what the table's columns mean (`layout`).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.storage.telemetry.messages import brief, enumerated, shortened
from turbo_forecast.storage.telemetry.sql import identifier, literal
from turbo_forecast.storage.telemetry.wording import shown

ATTACHED = "telemetry_source"
ROWS_AT_A_TIME = 100_000
SANDBOX = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
}
"""A connection that can read its one file and nothing else: no files, no other databases, no variables of Python."""
CANNOT_OPEN = (
    ("encrypt", "it is encrypted"),
    ("set lock|conflicting lock", "another process has it open for writing; close it there, or copy the file"),
    ("already attached|unique file handle|different configuration", "this process has it open already"),
    (
        "version number|newer version|older version|storage version",
        "it was written by another version of DuckDB; export its table to Parquet",
    ),
    ("not a valid duckdb", "it is no DuckDB database"),
    ("checksum|read enough bytes|corrupt", "it is damaged or cut off"),
)


@contextmanager
def attached(con: duckdb.DuckDBPyConnection, path: str) -> Iterator[None]:
    """The DuckDB file at `path`, readable on `con` as ATTACHED. Raises TelemetryError where it cannot be opened."""
    beside = con.cursor()  # a database is attached outside the caller's transaction, so that it can be let go inside it
    try:
        beside.execute(f"ATTACH {literal(path)} AS {ATTACHED} (READ_ONLY, TYPE duckdb)")
    except duckdb.Error as error:
        raise TelemetryError(f"{brief(path)} cannot be opened as a DuckDB file: {_reason(error)}") from None
    try:
        yield
    finally:
        beside.execute(f"DETACH {ATTACHED}")
        beside.close()


def _reason(error: duckdb.Error) -> str:
    text = str(error)
    return next((said for pattern, said in CANNOT_OPEN if re.search(pattern, text, re.IGNORECASE)), shortened(error))


def chosen_table(con: duckdb.DuckDBPyConnection, path: str, wanted: str) -> tuple[str, str, bool]:
    """Schema and name of the table to read from the attached file, and whether it is a view.

    Raises SettingsError or TelemetryError, listing the tables there are, unless it is one.
    """
    query = f"""
        SELECT schema_name, table_name, false FROM duckdb_tables() WHERE database_name = '{ATTACHED}'
        UNION ALL
        SELECT schema_name, view_name, true FROM duckdb_views() WHERE database_name = '{ATTACHED}' AND NOT internal
        ORDER BY ALL
    """
    tables = con.execute(query).fetchall()
    names = enumerated([name if schema == "main" else f"{schema}.{name}" for schema, name, _ in tables])
    if not tables:
        raise TelemetryError(f"{brief(path)} has no table")
    found = [table for table in tables if not wanted or wanted.lower() in _names(*table)]
    if wanted and len(found) != 1:
        raise SettingsError(f"table {shown(wanted)} is not one table of {brief(path)}; its tables are: {names}")
    if len(found) != 1:
        raise TelemetryError(f"{brief(path)} has more than one table: set table to one of: {names}")
    schema, name, is_view = found[0]
    return str(schema), str(name), bool(is_view)


def has_collation(con: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    """Whether a table of the attached file may compare texts otherwise than by their characters."""
    query = f"""
        SELECT contains(upper(sql), 'COLLATE') FROM duckdb_tables()
        WHERE database_name = '{ATTACHED}' AND schema_name = ? AND table_name = ?
    """
    return bool(con.execute(query, [schema, name]).fetchall()[0][0])


def has_computed_columns(con: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    """Whether a table of the attached file has columns that are computed whenever they are read."""
    query = f"""
        SELECT contains(upper(sql), 'GENERATED ALWAYS AS') FROM duckdb_tables()
        WHERE database_name = '{ATTACHED}' AND schema_name = ? AND table_name = ?
    """
    return bool(con.execute(query, [schema, name]).fetchall()[0][0])


def _names(schema: str, name: str, _: bool) -> tuple[str, str]:
    return name.lower(), f"{schema}.{name}".lower()


def copied_view(path: str, schema: str, name: str, memory_limit: str, folder: Path) -> str:
    """A view's rows as a Parquet file in `folder`, computed where nothing but the view's own file can be read.

    DuckDB binds a view in the connection that reads it: there it could read any file or database the caller can. So
    the rows are computed by a connection that can open this file alone. Raises TelemetryError for a view that needs
    more, or a table that is gone.
    """
    copy = str(folder / "view.parquet")
    label = f"view {shown(name)} of {brief(path)}"
    config: dict[str, str | bool | int | float | list[str]] = {**SANDBOX, "memory_limit": memory_limit}
    try:
        with duckdb.connect(path, read_only=True, config=config) as sandbox:
            reader = sandbox.sql(f"FROM {identifier(schema)}.{identifier(name)}").to_arrow_reader(ROWS_AT_A_TIME)
            with pq.ParquetWriter(copy, reader.schema) as writer:
                for batch in reader:
                    writer.write_batch(batch)
    except duckdb.PermissionException:
        raise TelemetryError(
            f"{label} reads other files; views that read outside their database are refused: export its rows"
        ) from None
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise TelemetryError(
            f"{label} reads what its database does not have ({shortened(error, 60)}); views that read outside their "
            "database are refused"
        ) from None
    except (duckdb.Error, pa.ArrowException) as error:
        raise TelemetryError(f"{label} cannot be read: {shortened(error)}") from None
    return copy
