"""What files and tables telemetry comes from, and their columns.

Belongs here: paths, folders, globs, URIs, DuckDB files; each file's columns; files that read alike as one part.
Does not belong here: what a column means (`layout`).
"""

import csv
import glob
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.sql import identifier, listed, literal, shortened

PARQUET = (".parquet", ".parq", ".pq")
CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
DUCKDB = (".duckdb", ".ddb", ".db")
ATTACHED = "telemetry_source"
FILE_COLUMN = "telemetry_source_file"
DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Part:
    """Files with the same columns, types and dialect, read by one table expression; or one database table."""

    relation: str
    """A DuckDB table expression."""
    source: str
    """A DuckDB expression: the name of the file (or table) a row came from."""
    columns: dict[str, str]
    """Column name to DuckDB type, in order."""
    names: tuple[str, ...]
    """The files, or the table, by the name they go by in messages."""
    kind: str
    """parquet, csv or table."""


@contextmanager
def opened(con: duckdb.DuckDBPyConnection, settings: TelemetrySettings) -> Iterator[list[Part]]:
    """The parts of the telemetry that `settings` name, readable on `con` while the context lasts.

    Raises TelemetryError when there is nothing there, a file is not what its name says, or columns differ.
    """
    if not settings.telemetry:
        raise SettingsError("telemetry is not set: give a file, a folder, a glob or an object-store URI")
    files = _files(con, settings.telemetry)
    if not any(_kind(name) == "table" for name in files):
        if settings.table:
            raise SettingsError(f"table is set to {settings.table}, but {settings.telemetry} is not a DuckDB file")
        yield _parts(con, files)
        return
    if len(files) > 1:
        raise TelemetryError(f"telemetry may be one DuckDB file, not several: {', '.join(files[:5])}")
    beside = con.cursor()  # a database is attached outside the caller's transaction, so that it can be let go inside it
    try:
        beside.execute(f"ATTACH {literal(files[0])} AS {ATTACHED} (READ_ONLY)")
    except duckdb.Error as error:
        raise TelemetryError(f"{files[0]} cannot be opened as a DuckDB file: {shortened(error)}") from None
    try:
        yield [_table(con, files[0], settings.table)]
    finally:
        beside.execute(f"DETACH {ATTACHED}")
        beside.close()


def _files(con: duckdb.DuckDBPyConnection, telemetry: str) -> list[str]:
    """Every file meant, sorted by name."""
    if "://" in telemetry and not telemetry.startswith("file://"):
        return _remote_files(con, telemetry)
    path = Path(telemetry.removeprefix("file://")).expanduser()
    if path.is_dir():
        found = sorted(str(file) for file in path.rglob("*") if file.is_file() and _is_supported(file, path))
        if not found:
            raise TelemetryError(f"folder {path} holds no telemetry: no {', '.join((*PARQUET, *CSV))} file in it")
        return found
    if path.is_file():
        return [str(path)]
    if not glob.has_magic(str(path)):
        raise TelemetryError(f"telemetry {path} does not exist")
    found = sorted(file for file in glob.glob(str(path), recursive=True) if Path(file).is_file())
    if not found:
        raise TelemetryError(f"no file matches {path}")
    return found


def _is_supported(file: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
    return not hidden and file.name.lower().endswith((*PARQUET, *CSV, *DUCKDB))


def _remote_files(con: duckdb.DuckDBPyConnection, uri: str) -> list[str]:
    if uri.startswith(("http://", "https://")):
        return [uri]
    pattern = uri if glob.has_magic(uri) or _suffix_kind(uri) else uri.rstrip("/") + "/**"
    try:
        found = [row[0] for row in con.execute("SELECT file FROM glob(?) ORDER BY file", [pattern]).fetchall()]
    except duckdb.Error as error:
        raise TelemetryError(f"{uri} cannot be listed: {shortened(error)}") from None
    found = [name for name in found if _suffix_kind(name)]
    if not found:
        raise TelemetryError(f"there is no Parquet or CSV file at {uri}")
    return found


def _suffix_kind(name: str) -> str:
    low = name.split("?")[0].lower() if "://" in name else name.lower()
    for kind, suffixes in (("parquet", PARQUET), ("csv", CSV), ("table", DUCKDB)):
        if low.endswith(suffixes):
            return kind
    return ""


def _kind(name: str) -> str:
    kind = _suffix_kind(name)
    if kind:
        return kind
    known = ", ".join((*PARQUET, *CSV, *DUCKDB))
    raise TelemetryError(f"{name} is not telemetry this can read: its name must end in one of {known}")


def _parts(con: duckdb.DuckDBPyConnection, files: list[str]) -> list[Part]:
    groups: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[str]] = {}
    for name in files:
        groups.setdefault(_shape(con, name), []).append(name)
    first_names, first_file = {column for column, _ in next(iter(groups))[2]}, files[0]
    for (_, _, columns), names in groups.items():
        here = {column for column, _ in columns}
        if here != first_names:
            raise TelemetryError(
                f"files have different columns: {first_file} has {', '.join(sorted(first_names))} but {names[0]} has "
                f"{', '.join(sorted(here))}; read them apart, or give a glob that matches one kind of file"
            )
    return [
        Part(_reader(kind, names, options), identifier(FILE_COLUMN), dict(columns), tuple(names), kind)
        for (kind, options, columns), names in groups.items()
    ]


def _shape(con: duckdb.DuckDBPyConnection, name: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """A file's kind, reading options and columns with types."""
    kind = _kind(name)
    if "://" not in name and Path(name).stat().st_size == 0:
        raise TelemetryError(f"{name} is empty: not even a header")
    try:
        options = _dialect(con, name) if kind == "csv" else ""
        described = con.execute(f"DESCRIBE SELECT * FROM {_reader(kind, [name], options)}").fetchall()
    except duckdb.Error as error:
        label = "Parquet" if kind == "parquet" else "CSV"
        raise TelemetryError(f"{name} is not a readable {label} file: {shortened(error)}") from None
    return kind, options, tuple((row[0], row[1]) for row in described if row[0] != FILE_COLUMN)


def _dialect(con: duckdb.DuckDBPyConnection, name: str) -> str:
    """How a CSV is delimited and what its header says, told so that DuckDB sniffs no more: what it cannot make sense
    of it skips at the top of a file, or puts into one column; an error that shows the line is what we want.
    """
    delimiter, columns = con.execute(
        "SELECT Delimiter, list_transform(Columns, lambda c: c.name) "
        "FROM sniff_csv(?, all_varchar = true, header = true, skip = 0)",
        [_escaped(name)],
    ).fetchall()[0]
    if len(columns) == 1 and any(candidate in columns[0] for candidate in DELIMITERS):
        delimiter = max(DELIMITERS, key=columns[0].count)
        columns = next(csv.reader(columns, delimiter=delimiter))
    typed = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    return (
        f", auto_detect = false, header = true, skip = 0, comment = '', quote = '\"', escape = '\"', "
        f"delim = {literal(delimiter)}, columns = {{{typed}}}"
    )


def _reader(kind: str, names: list[str], options: str) -> str:
    function = "read_csv" if kind == "csv" else "read_parquet"
    paths = listed(literal(_escaped(name)) for name in names)
    return f"{function}({paths}, filename = {literal(FILE_COLUMN)}{options})"


def _escaped(name: str) -> str:
    """DuckDB takes every path for a glob: characters that mean something there stand for themselves."""
    return name if "://" in name else re.sub(r"([*?\[])", r"[\1]", name)


def _table(con: duckdb.DuckDBPyConnection, path: str, wanted: str) -> Part:
    query = f"""
        SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = '{ATTACHED}'
        UNION ALL
        SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = '{ATTACHED}' AND NOT internal
        ORDER BY ALL
    """
    tables = con.execute(query).fetchall()
    names = ", ".join(name if schema == "main" else f"{schema}.{name}" for schema, name in tables) or "none"
    found = [(s, n) for s, n in tables if not wanted or wanted.lower() in (n.lower(), f"{s}.{n}".lower())]
    if wanted and len(found) != 1:
        raise SettingsError(f"table {wanted} is not one table of {path}; its tables are: {names}")
    if len(found) != 1:
        raise TelemetryError(f"{path} has more than one table or none: set table to one of: {names}")
    schema, name = found[0]
    relation = f"{ATTACHED}.{identifier(schema)}.{identifier(name)}"
    label = f"{path}:{name}"
    described = con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return Part(relation, literal(label), {row[0]: row[1] for row in described}, (label,), "table")
