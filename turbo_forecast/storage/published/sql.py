"""`published/turbo_forecast.duckdb`: one file for who asks in SQL, with views over everything that is published.

Belongs here: the views, a table's name each. Does not belong here: the warehouse, which is another file.

The views hold absolute paths of the versions published last. The file is made anew with each publication and renamed into
place, so that it can be open for as long as one likes.
"""

from pathlib import Path

import duckdb

from turbo_forecast.errors import writing
from turbo_forecast.leftovers import temporary_folder_beside
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.storage.datasets import duckdb_sql
from turbo_forecast.storage.published.layout import PUBLISHED, SQL, history_folder
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.swap import put_in_place
from turbo_forecast.tables import DUCKDB_TYPES, Table


def publish_views(data: Path) -> Path:
    """Make the file of views anew, of what is published now; returns it. Raises StorageError."""
    published = Published(data)
    path = published.folder / SQL
    with writing(path), temporary_folder_beside(path) as beside:
        made = beside / SQL
        with duckdb.connect(str(made)) as con:
            define_views(con, published)
        put_in_place(made, path)
    return path


def define_views(con: duckdb.DuckDBPyConnection, published: Published) -> None:
    """Define a view for each published table over all published months, and `base_table`. Raises StorageError."""
    months = published.months()
    for table in PUBLISHED:
        files = [month.path(table) for month in months if month.has(table)]
        _view(con, table, files)
    history = published.history()
    _view(con, BASE_TABLE, [history_folder(published.data) / history.file] if history else [])


def _view(con: duckdb.DuckDBPyConnection, table: Table, files: list[Path]) -> None:
    """One view. Columns have the schema's types, whatever version wrote a file; one that a file lacks is null."""
    typed = ", ".join(f'"{column.name}"::{DUCKDB_TYPES[column.dtype]} AS "{column.name}"' for column in table.columns)
    if files:
        empty = f"SELECT {_nulls(table)} WHERE false"
        source = f"({empty} UNION ALL BY NAME SELECT * FROM {duckdb_sql(*files, options='union_by_name = true')})"
        con.execute(f'CREATE OR REPLACE VIEW "{table.name}" AS SELECT {typed} FROM {source}')
    else:
        con.execute(f'CREATE OR REPLACE VIEW "{table.name}" AS SELECT {_nulls(table)} WHERE false')


def _nulls(table: Table) -> str:
    return ", ".join(f'NULL::{DUCKDB_TYPES[column.dtype]} AS "{column.name}"' for column in table.columns)
