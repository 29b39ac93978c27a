"""What telemetry is read from: files that read alike as one part each, or a database's table.

Belongs here: each file's columns and reader, the parts they make. Does not belong here: which files there are
(`files`), how a CSV is written (`csv_dialect`), columns that some files lack (`parts`), what a column means (`layout`).
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.datasets import duckdb_path
from turbo_forecast.storage.objects.telemetry_copies import shown_name
from turbo_forecast.storage.telemetry import csv_rewriting, database
from turbo_forecast.storage.telemetry.csv_dialect import (
    NAMELESS,
    Dialect,
    file_dialect,
    nameless_column,
    refuse_like_names,
    text_dialect,
)
from turbo_forecast.storage.telemetry.files import Found, found_files, is_remote, kind_of
from turbo_forecast.storage.telemetry.messages import NOT_SET, UNREADABLE, brief, enumerated, shortened, unreadable
from turbo_forecast.storage.telemetry.parts import FILE_COLUMN, Columns, Part, united
from turbo_forecast.storage.telemetry.presets.registry import PRESETS, PresetFiles, recognised
from turbo_forecast.storage.telemetry.sql import identifier, listed, literal
from turbo_forecast.storage.telemetry.wording import fitting, shown
from turbo_forecast.text import shown_location

HEAD_LINES = 100
HIVE_FOLDER = re.compile(r"([^=/\\]+)=([^/\\]*)")


@dataclass(frozen=True, slots=True)
class Sources:
    """The parts of the telemetry, and what their reader should know of how they were found."""

    parts: list[Part]
    settings: TelemetrySettings
    """How the parts are read: what was asked for, and a preset's options where one is set."""
    notes: list[str] = field(default_factory=list)
    computed: bool = False
    """Whether a database computes the rows as they are read: from equal files it may make others another time."""


@dataclass(frozen=True, slots=True)
class _File:
    """One file, or one table of it: where DuckDB reads it, what it is called, and what is in it."""

    path: str
    name: str
    kind: str
    options: str
    columns: Columns
    folders: tuple[str, ...]
    """Names of the key=value folders it lies in, other than its own columns' names."""
    has_rows: bool


@contextmanager
def opened(
    con: duckdb.DuckDBPyConnection, settings: TelemetrySettings, chosen: Callable[[Found], Found] = lambda found: found
) -> Iterator[Sources]:
    """The telemetry that `settings` name, readable on `con` while the context lasts; of its files, those that are `chosen`.

    Raises TelemetryError when there is nothing there, a file is not what its name says, or columns do not fit.
    """
    if not settings.telemetry:
        raise SettingsError(NOT_SET)
    found = chosen(found_files(con, settings.telemetry))
    kinds = [kind_of(name) for name in found.names]
    _refuse_idle_options(kinds, settings)
    with tempfile.TemporaryDirectory(prefix="turbo-forecast-") as folder:
        if "table" in kinds:
            if len(kinds) > 1:
                some = enumerated([brief(name) for name in found.names])
                raise TelemetryError(f"telemetry may be one DuckDB file, not several or one among others: {some}")
            with database.attached(con, found.names[0]):
                part, computed = _table(con, found.names[0], settings, Path(folder))
                yield Sources([part], settings, found.notes, computed)
            return
        files = list(zip(found.names, kinds, strict=True))
        with _advised(files, settings) as advice:
            sources = _sources(con, files, settings, Path(folder), found.notes)
            sources.notes.extend(advice)
            try:
                yield sources
            except duckdb.Error as error:
                raise _by_its_name(error, sources.parts) from None


@contextmanager
def _advised(files: Sequence[tuple[str, str]], settings: TelemetrySettings) -> Iterator[list[str]]:
    """Notes on the preset that the first CSV file looks made for, where none is set; an error while it is read says so, too."""
    first = next((name for name, kind in files if kind == "csv" and not is_remote(name)), "")
    preset = recognised(first, settings) if first and not settings.preset else ""
    if not preset:
        yield []
        return
    advice = f"{brief(first)} looks like {PRESETS[preset].TITLE}: set preset: {preset}"
    try:
        yield [f"{advice} to read it as one"]
    except (SettingsError, TelemetryError) as error:
        sentences = (f"{advice}. Read without it: {error}", f"{error}; or set preset: {preset}", str(error))
        raise type(error)(fitting(*sentences)) from None


def _by_its_name(error: duckdb.Error, parts: Sequence[Part]) -> duckdb.Error:
    """The error with the files' own names for the copies they were read from."""
    text = str(error)
    for part in parts:
        for path, name in zip(part.paths, part.names, strict=True):
            text = text.replace(path, name)
    return type(error)(text)


def _refuse_idle_options(kinds: Sequence[str], settings: TelemetrySettings) -> None:
    """SettingsError for an option that does nothing to telemetry of these kinds."""
    name = shown(brief(settings.telemetry))
    if settings.table and "table" not in kinds:
        raise SettingsError(f"table is set to {shown(settings.table)}, but {name} is not a DuckDB file")
    for option in ("skip_rows", "encoding", "preset"):
        value = getattr(settings, option)
        if value != type(settings).model_fields[option].default and "csv" not in kinds:
            raise SettingsError(f"{option} is set to {value}, but {name} has no CSV file, which it is for")


def _sources(
    con: duckdb.DuckDBPyConnection,
    found: Sequence[tuple[str, str]],
    settings: TelemetrySettings,
    folder: Path,
    notes: Sequence[str],
) -> Sources:
    notes = list(notes)
    files: list[_File] = []
    preset = PresetFiles(settings) if settings.preset else None
    for name, kind in found:
        if preset:
            files.append(_preset_file(con, name, kind, settings, preset, folder, notes))
        else:
            files += [_parquet(con, name)] if kind == "parquet" else _csv(con, name, settings, folder, notes)
    if preset:
        settings, notes = preset.settings, [*notes, *preset.notes]
    empty = [brief(file.name) for file in files if not file.has_rows]
    if len(empty) == len(files):
        raise TelemetryError(f"{brief(settings.telemetry)} has columns but not one row")
    notes += [f"{enumerated(empty)}: columns but not one row"] if empty else []
    notes += _unused_folders(files)
    groups: dict[tuple[object, ...], list[_File]] = {}
    for file in files:
        groups.setdefault((file.kind, file.options, tuple(file.columns.items()), file.folders), []).append(file)
    parts = [_part(group) for group in groups.values()]
    _refuse_nested(parts, settings)
    by_host = settings.columns == "hosts"  # columns are hosts: they come and go
    parts, joined = united(parts, may_differ=by_host, ignored=_ignored(settings))
    return Sources(parts, settings, list(dict.fromkeys(notes)) + joined)


def _ignored(settings: TelemetrySettings) -> list[str]:
    return settings.ignore_columns


def _part(files: Sequence[_File]) -> Part:
    """One table expression for files that read alike."""
    first = files[0]
    relation = _reader(first.kind, [file.path for file in files], first.options)
    columns = first.columns
    if first.folders:
        values = ", ".join(f"{_folder_value(key)} AS {identifier(key)}" for key in first.folders)
        relation = f"(SELECT *, {values} FROM {relation})"
        columns = columns | dict.fromkeys(first.folders, "VARCHAR")
    names, places = tuple(file.name for file in files), tuple(file.path for file in files)
    return Part(relation, _source(files), columns, names, first.kind, places, labels=frozenset(first.folders))


def _reader(kind: str, paths: Sequence[str], options: str = "") -> str:
    """A DuckDB table expression: rows of files, each with its file's path. Folders' names are read by `_folder_value`."""
    function = "read_csv" if kind == "csv" else "read_parquet"
    files = listed(literal(duckdb_path(path)) for path in paths)
    return f"{function}({files}, filename = {literal(FILE_COLUMN)}, hive_partitioning = false{options})"


def _folder_value(key: str) -> str:
    """A DuckDB expression: the value in the key=value folder of the row's file, as text; null as Hive writes it."""
    pattern = literal(rf"[/\\]{re.escape(key)}=([^/\\]*)[/\\]")
    value = f"url_decode(regexp_extract({identifier(FILE_COLUMN)}, {pattern}, 1))"
    return f"nullif({value}, '__HIVE_DEFAULT_PARTITION__')"


def _source(files: Sequence[_File]) -> str:
    """A DuckDB expression: the name that the row's file may be shown by."""
    column = identifier(FILE_COLUMN)
    if any(is_remote(file.path) for file in files):
        column = f"regexp_replace(regexp_replace({column}, '[?#].*$', ''), '://[^/@]*@', '://')"
    renamed = [file for file in files if file.path != file.name and not is_remote(file.path)]
    whens = " ".join(f"WHEN {literal(file.path)} THEN {literal(file.name)}" for file in renamed)
    return f"CASE {identifier(FILE_COLUMN)} {whens} ELSE {column} END" if whens else column


def _parquet(con: duckdb.DuckDBPyConnection, name: str) -> _File:
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM {_reader('parquet', [name])}").fetchall()
        schema = con.execute("SELECT name, num_children FROM parquet_schema(?)", [duckdb_path(name)]).fetchall()
        rows = con.execute("SELECT num_rows FROM parquet_file_metadata(?)", [duckdb_path(name)]).fetchall()[0][0]
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise TelemetryError(f"{brief(name)} is not a readable Parquet file: {shortened(error)}") from None
    refuse_like_names(_top_level(schema), brief(name))
    columns = {row[0]: row[1] for row in described if row[0] != FILE_COLUMN}
    return _File(name, shown_location(shown_name(name)), "parquet", "", columns, _folders(name, columns), rows > 0)


def _top_level(schema: Sequence[tuple[str, int | None]]) -> list[str]:
    """Column names as the file has them (DuckDB renames those that are alike): a tree, written root first."""
    names, at = [], 1
    while at < len(schema):
        names.append(schema[at][0])
        below = 1
        while below:
            below += (schema[at][1] or 0) - 1
            at += 1
    return names


def _folders(path: str, columns: Columns) -> tuple[str, ...]:
    """Keys of the key=value folders that a file lies in; a column of the file itself goes before a folder's name."""
    own = {name.casefold() for name in columns}
    return tuple(key for key in _folder_keys(path) if key.casefold() not in own)


def _folder_keys(path: str) -> list[str]:
    parents = re.split(r"[/\\]", shown_location(path))[:-1]
    return list(dict.fromkeys(match[1] for match in map(HIVE_FOLDER.fullmatch, parents) if match))


def _unused_folders(files: Sequence[_File]) -> list[str]:
    """A note for each key=value folder whose files have a column of that name themselves."""
    unused = dict.fromkeys(key for file in files for key in _folder_keys(file.path) if key not in file.folders)
    return [f"folders named {shown(key)}=… are not read: files in them have a column {shown(key)}" for key in unused]


def _csv(
    con: duckdb.DuckDBPyConnection, name: str, settings: TelemetrySettings, folder: Path, notes: list[str]
) -> list[_File]:
    """The file as one, or the tables it holds as one each; read from a copy where DuckDB cannot read it as it is."""
    where, ignored = brief(name), _ignored(settings)
    if is_remote(name):
        dialect = _remote_dialect(con, name, settings)
        return [_csv_file(con, name, name, dialect, notes)]
    dialect = file_dialect(name, where, encoding=settings.encoding, skip_rows=settings.skip_rows, ignored=ignored)
    copies = _copies(name, folder)
    if dialect.annotated:
        notes.append(f"{where} is annotated CSV: its columns that hold annotations and number its tables are left out")
        paths = csv_rewriting.plain_tables(name, where, dialect.encoding, settings.skip_rows, copies)
        tables = [file_dialect(path, where, encoding="utf-8", skip_rows=0, ignored=ignored) for path in paths]
        return [_csv_file(con, name, path, table, notes) for path, table in zip(paths, tables, strict=True)]
    notes += [f"left out {note} of {where}" for note in dialect.notes]
    if dialect.encoding in ("utf-8", "utf-8-sig"):
        return [_csv_file(con, name, name, dialect, notes)]
    copy = csv_rewriting.in_utf8(name, where, dialect.encoding, copies)
    return [_csv_file(con, name, copy, dialect, notes)]


def _copies(name: str, folder: Path) -> Path:
    """A new folder for copies of a file, in folders of the same key=value names as its own, which are read too."""
    copies = folder / str(len(list(folder.iterdir())))
    copies = copies.joinpath(*(part for part in Path(name).parts[:-1] if HIVE_FOLDER.fullmatch(part)))
    copies.mkdir(parents=True)
    return copies


def _preset_file(
    con: duckdb.DuckDBPyConnection,
    name: str,
    kind: str,
    settings: TelemetrySettings,
    preset: PresetFiles,
    folder: Path,
    notes: list[str],
) -> _File:
    """The table that a preset makes of a file. Raises TelemetryError where it is no local CSV file, or not of its kind."""
    where = brief(name)
    if kind != "csv" or is_remote(name):
        what = "a remote file: copy it first" if kind == "csv" else "no CSV file"
        raise TelemetryError(f"preset: {settings.preset} reads local CSV files, but {where} is {what}")
    path = preset.rewritten(name, where, _copies(name, folder))
    return _csv_file(con, name, path, file_dialect(path, where, encoding="utf-8", skip_rows=0, ignored=()), notes)


def _csv_file(con: duckdb.DuckDBPyConnection, name: str, path: str, dialect: Dialect, notes: list[str]) -> _File:
    notes += _empty_columns(con, name, path, dialect)
    columns = {column: "VARCHAR" for column in dialect.columns if column not in dialect.nameless}
    return _File(
        path,
        shown_location(shown_name(name)),
        "csv",
        dialect.options,
        columns,
        _folders(path, columns),
        dialect.has_rows,
    )


def _empty_columns(con: duckdb.DuckDBPyConnection, name: str, path: str, dialect: Dialect) -> list[str]:
    """A note on columns that have no name, which must be empty: a delimiter at the end of each line makes one.

    Raises TelemetryError, as for a nameless column in the file's head, where further down there is something in one.
    """
    for column in sorted(dialect.nameless):
        written = f"trim(coalesce({identifier(column)}, '')) <> ''"
        query = f"SELECT count(*) FILTER ({written}) FROM {_reader('csv', [path], dialect.options)}"
        try:
            some = con.execute(query).fetchall()[0][0]
        except UNREADABLE as error:
            raise TelemetryError(unreadable(name, type(error)(str(error).replace(path, name)))) from None
        if some:
            number = int(column.removeprefix(NAMELESS))
            raise nameless_column(number, len(dialect.columns), brief(name))
    places = [column.removeprefix(NAMELESS) for column in dialect.columns if column in dialect.nameless]
    return [f"left out column {enumerated(places)}: no name and no value"] if places else []


def _remote_dialect(con: duckdb.DuckDBPyConnection, name: str, settings: TelemetrySettings) -> Dialect:
    """The dialect by the first lines, which DuckDB fetches: as rows of one column, cut at no character of text."""
    where = brief(name)
    if settings.encoding != "utf-8":
        raise TelemetryError(
            f"{where} is remote and can be read as UTF-8 alone, not {settings.encoding}: copy it first"
        )
    one = f"delim = {literal(chr(1))}, quote = '', escape = '', columns = {{'line': 'VARCHAR'}}"
    query = f"SELECT line FROM read_csv(?, auto_detect = false, header = false, {one}) LIMIT {HEAD_LINES}"
    try:
        head = [row[0] or "" for row in con.execute(query, [name]).fetchall()]
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise TelemetryError(f"{where} is not a readable CSV file: {shortened(error)}") from None
    text = "".join(f"{line}\n" for line in head)
    dialect = text_dialect(text, where, skip_rows=settings.skip_rows, ignored=_ignored(settings), is_whole=True)
    if dialect.annotated:
        raise TelemetryError(f"{where} is annotated CSV, which is read from local files alone: copy it first")
    return dialect


def _refuse_nested(parts: Sequence[Part], settings: TelemetrySettings) -> None:
    """TelemetryError for a column that holds more than one thing a row, or bytes, unless it is to be left out."""
    ignored = {name.casefold() for name in _ignored(settings)}
    for part in parts:
        for name, dtype in part.columns.items():
            is_nested = dtype.endswith("]") or dtype.startswith(("STRUCT", "MAP", "UNION", "BLOB", "VARIANT"))
            if is_nested and name.casefold() not in ignored:
                what = "LIST" if dtype.endswith("]") else dtype.split("(")[0]
                raise TelemetryError(
                    f"column {shown(name)} of {brief(part.names[0])} is nested ({what}): export its parts as columns "
                    "of their own, or list it in ignore_columns"
                )


def _table(con: duckdb.DuckDBPyConnection, path: str, settings: TelemetrySettings, folder: Path) -> tuple[Part, bool]:
    """The database's table or view as a part, and whether its rows are computed as they are read."""
    schema, name, is_view = database.chosen_table(con, path, settings.table)
    label = f"{shown_location(shown_name(path))}:{name}"
    if is_view:
        relation = f"read_parquet({literal(database.copied_view(path, schema, name, settings.memory_limit, folder))})"
    else:
        relation = f"{database.ATTACHED}.{identifier(schema)}.{identifier(name)}"
    described = con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    columns = {row[0]: row[1] for row in described}
    # Under a collation such as NOCASE, A and a would be one host: names are compared by their characters alone.
    texts = [identifier(column) for column, dtype in columns.items() if dtype == "VARCHAR"]
    if texts and not is_view and database.has_collation(con, schema, name):
        as_written = ", ".join(f'{column} COLLATE "binary" AS {column}' for column in texts)
        relation = f"(SELECT * REPLACE ({as_written}) FROM {relation})"
    part = Part(relation, literal(label), columns, (label,), "table")
    _refuse_nested([part], settings)
    return part, is_view or database.has_computed_columns(con, schema, name)
