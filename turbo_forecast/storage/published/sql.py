"""`published/turbo_forecast.duckdb`: one file for who asks in SQL, with views over everything that is published.

Belongs here: the views, a table's name each, in that file or in memory. Does not belong here: the warehouse, which is
another file.

The views hold absolute paths of the versions published last. The file is made anew with each publication and renamed into
place, so that it can be open for as long as one likes: it shows what was published when it was opened.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.leftovers import temporary_folder_beside
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.storage.atomic_replace import put_in_place
from turbo_forecast.storage.datasets import duckdb_sql, require_readable, require_whole
from turbo_forecast.storage.published.layout import PUBLISHED, SQL, history_folder
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.storage.warehouse import MEMORY_LIMIT
from turbo_forecast.tables import DUCKDB_TYPES, Table


def _discard(line: str) -> None:
    """For who does not want to know."""


def publish_views(data: Path, log: Callable[[str], None] = _discard) -> Path:
    """Make the file of views anew, of what is published now; returns it. Raises StorageError.

    log: called with a sentence for each month or file that cannot be read, and so is in no view: what was published of one
    month does not keep another from being published. Where another process publishes at the same time, the file is made
    again until it is of what is published: whoever puts it in place last has seen everything.
    """
    published = Published(data.absolute())
    path = published.folder / SQL
    while True:
        seen, remarks = _seen(published), _make(published, path)
        if _seen(published) == seen:
            for remark in remarks:
                log(remark)
            return path


def _make(published: Published, path: Path) -> list[str]:
    """Make the file; returns what could not be read. Raises StorageError."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder_beside(path) as beside:
            made = beside / SQL
            with duckdb.connect(str(made)) as con:
                con.execute("SET enable_progress_bar = false")
                remarks = define_views(con, published)
            with made.open("rb+") as file:
                os.fsync(file.fileno())
            put_in_place(made, path)
    return remarks


def _seen(published: Published) -> list[bytes]:
    """The manifests, as they are: what the views are of."""
    found = []
    for folder in (*map(published.month_folder, published.keys()), history_folder(published.data)):
        try:
            found.append((folder / "manifest.json").read_bytes())
        except OSError:
            found.append(b"")
    return found


def define_views(con: duckdb.DuckDBPyConnection, published: Published) -> list[str]:
    """Define a view for each published table over all published months, and `base_table`.

    Returns a sentence for each month or file that cannot be read, which is in no view.
    """
    months, remarks = _readable_months(published)
    for table in PUBLISHED:
        files = [month.path(table) for month in months if month.has(table)]
        remarks += _view_of_readable(con, table, files)
    try:
        history = published.history()
        base = [history_folder(published.data) / history.file] if history else []
    except StorageError as error:
        base, remarks = [], [*remarks, str(error)]
    return remarks + _view_of_readable(con, BASE_TABLE, base)


@contextmanager
def month_views(
    published: Published, month: PublishedMonth, tables: Sequence[Table]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory with views over these tables of one month; BASE_TABLE among them is all that was observed.

    Raises StorageError, which names it, where one of them is not published or cannot be read, also within the block.
    """
    files = [published.history_file() if table == BASE_TABLE else month.path(table) for table in tables]
    for path in files:
        require_whole(path)
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        try:
            for table, path in zip(tables, files, strict=True):
                _view(con, table, [path])
            yield con
        except duckdb.Error:  # of many kinds, where a file is damaged within; all others are faults of ours
            for path in files:
                require_readable(path)
            raise


def _readable_months(published: Published) -> tuple[list[PublishedMonth], list[str]]:
    months, remarks, keys = [], [], published.keys()
    for key in keys:
        try:
            months.append(published.month(key))
        except StorageError as error:
            remarks.append(str(error))
    return months, remarks


def _view_of_readable(con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Path]) -> list[str]:
    """A view of those files that can be read; a sentence of each of the others."""
    try:
        _view(con, table, files)
    except duckdb.Error:
        readable, remarks = [], []
        for path in files:
            try:
                require_whole(path)
                readable.append(path)
            except StorageError as error:
                remarks.append(str(error))
        if not remarks:
            raise
        _view(con, table, readable)
        return remarks
    return []


def _view(con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Path]) -> None:
    con.execute(f'CREATE OR REPLACE VIEW "{table.name}" AS {published_rows(table, files)}')


def published_rows(table: Table, files: Sequence[Path]) -> str:
    """SQL for the rows of a table's files. Columns have the schema's types, whatever version wrote a file; one that it lacks is null."""
    nulls = ", ".join(f'NULL::{DUCKDB_TYPES[column.dtype]} AS "{column.name}"' for column in table.columns)
    if not files:
        return f"SELECT {nulls} WHERE false"
    typed = ", ".join(f'"{column.name}"::{DUCKDB_TYPES[column.dtype]} AS "{column.name}"' for column in table.columns)
    rows = duckdb_sql(*files, options="union_by_name = true")
    return f"SELECT {typed} FROM (SELECT {nulls} WHERE false UNION ALL BY NAME SELECT * FROM {rows})"
