"""`tournament_results`: every entrant's rows of all months, a view over the months' Parquet files, so that no row is stored twice.

Belongs here: its definition, and what a warehouse of before, where it was a table, needs to become one of today. Does not
belong here: the files themselves (`datasets.py`), and which months are kept (`retention.py`).

The view serves the months whose files lie in the data folder, each file's rows of its own month only: a query for one
month opens no other's files. The paths in it are absolute. That it is the view of the files that are there is told by a
digest in its comment, which costs a millisecond to compare, so each process that opens the warehouse compares it: after
the data folder was moved, or a month restored or taken away by hand, the view follows.
"""

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.leftovers import temporary_folder
from turbo_forecast.schemas import FLEET_FORECAST, TOURNAMENT_RESULTS
from turbo_forecast.storage.datasets import PART_SERIES, duckdb_sql, part_name, publish_folder, require_whole
from turbo_forecast.storage.files import write_parquet
from turbo_forecast.storage.former_layout import rename_former
from turbo_forecast.storage.telemetry.sql import literal
from turbo_forecast.tables import DUCKDB_TYPES
from turbo_forecast.windows import cutoff_of

NAME = TOURNAMENT_RESULTS.name
_COLUMNS = ", ".join(f'"{c.name}"::{DUCKDB_TYPES[c.dtype]} AS "{c.name}"' for c in TOURNAMENT_RESULTS.columns)
_NONE = ", ".join(f'NULL::{DUCKDB_TYPES[c.dtype]} AS "{c.name}"' for c in TOURNAMENT_RESULTS.columns)

_PART = f"""
    SELECT {_COLUMNS} FROM {NAME}
    WHERE cutoff = $month AND host_id BETWEEN $first AND $last
      AND (host_id != $first OR resource >= $after) AND (host_id != $last OR resource <= $before)
    ORDER BY host_id, resource, rowid
"""


def month_folders(data: Path) -> dict[date, Path]:
    """The stored months' every-entrant rows in a data folder, folder of parts or single file, by the month's cutoff."""
    found = sorted((data / FLEET_FORECAST.name).glob("????-??.parquet"))
    return {cutoff_of(path.stem): path.absolute() for path in found}


def redefine(con: duckdb.DuckDBPyConnection, folders: Mapping[date, Path]) -> None:
    """Let the view serve these months' rows, and no others. The caller holds the transaction.

    folders: as of `month_folders`. Raises StorageError that names what cannot be read.
    """
    query, digest = _definition(folders)
    try:
        con.execute(f"CREATE OR REPLACE VIEW {NAME} AS {query}")
    except duckdb.Error as error:  # of many kinds, for files that are not there, no Parquet, or lack a column
        for path in folders.values():
            require_whole(path, TOURNAMENT_RESULTS.names)
        raise StorageError(f"{NAME} cannot be defined: {' '.join(str(error).split())}") from error
    con.execute(f"COMMENT ON VIEW {NAME} IS {literal(f'{TOURNAMENT_RESULTS.description} Definition {digest}.')}")


def bring_up_to_date(con: duckdb.DuckDBPyConnection, data: Path) -> str:
    """Make the view that of the files in the data folder, where it is not; a sentence of what became of a former table.

    Empty where there was none. Where the files cannot be read, the view stays what it was: whoever needs them will say
    so. The caller holds the transaction. Raises StorageError where rows would be lost.
    """
    said = _migrate_table(con, data) if _kind(con) == "table" else ""
    folders = month_folders(data)
    stored = con.execute("SELECT comment FROM duckdb_views() WHERE view_name = ?", [NAME]).fetchall()
    if not stored and not folders:
        return said
    if not stored or not str(stored[0][0]).endswith(f"Definition {_definition(folders)[1]}."):
        try:
            redefine(con, folders)
        except StorageError:
            if said:
                raise
    return said


def _definition(folders: Mapping[date, Path]) -> tuple[str, str]:
    """The view's query, and a digest of it."""
    months = [
        f"SELECT {_COLUMNS} FROM {duckdb_sql(path)} WHERE cutoff = DATE '{cutoff}'"
        for cutoff, path in sorted(folders.items())
    ]
    query = " UNION ALL ".join(months) or f"SELECT {_NONE} WHERE false"
    return query, hashlib.blake2b(query.encode(), digest_size=8).hexdigest()


def _kind(con: duckdb.DuckDBPyConnection) -> str:
    """`table`, `view`, or empty where the warehouse has neither of the name."""
    found = con.execute(
        "SELECT 'table' FROM duckdb_tables() WHERE table_name = $name UNION ALL "
        "SELECT 'view' FROM duckdb_views() WHERE view_name = $name",
        {"name": NAME},
    ).fetchall()
    return str(found[0][0]) if found else ""


def _migrate_table(con: duckdb.DuckDBPyConnection, data: Path) -> str:
    """Drop a former version's table, once each of its months has files; returns what was done, as a sentence.

    Raises StorageError where a month that only the table holds cannot be written to files.
    """
    rename_former(data)
    held = [month for (month,) in con.execute(f"SELECT DISTINCT cutoff FROM {NAME} ORDER BY 1").fetchall()]
    there = month_folders(data)
    alone = [month for month in held if month not in there]
    for month in alone:
        _export(con, month, data / FLEET_FORECAST.name / f"{month:%Y-%m}.parquet")
    con.execute(f"DROP TABLE {NAME}")
    exported = f"; {_months(alone)} had no file and got one" if alone else ""
    return f"{NAME} is a view over the months' files now, and its table of {_months(held)} was dropped{exported}"


def _months(months: list[date]) -> str:
    named = ", ".join(f"{month:%Y-%m}" for month in months[:3])
    more = f" and {len(months) - 3} more" if len(months) > 3 else ""
    return f"{named}{more}" if months else "no months"


def _export(con: duckdb.DuckDBPyConnection, month: date, path: Path) -> None:
    """Publish a month of the table as part files: series in order, a series' rows as they were stored. Raises StorageError."""
    schema = FLEET_FORECAST.arrow_schema
    series = con.execute(
        f"SELECT DISTINCT host_id, resource FROM {NAME} WHERE cutoff = ? ORDER BY ALL", [month]
    ).fetchall()
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(".table-", path.parent) as made:
            for lo in range(0, len(series), PART_SERIES):
                part = series[lo : lo + PART_SERIES]
                (first, first_resource), (last, last_resource) = part[0], part[-1]
                bounds = {"first": first, "last": last, "after": first_resource, "before": last_resource}
                rows = con.sql(_PART, params={"month": month, **bounds}).to_arrow_table()
                write_parquet([rows.cast(schema)], schema, made / part_name(lo, lo + len(part)))
            publish_folder(made, path)
