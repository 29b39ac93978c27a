"""Publishing the history of all series: the base table as Parquet, sorted by series, so that one is read in milliseconds.

Belongs here: writing it, once for each base table. Does not belong here: reading it (`reading.py`).

The base table is stored in that order, so its rows are taken as they lie, and each is compared with the one before it;
where one is out of order, as after somebody wrote to the table by hand, all are read once more, sorted (as in `histories.py`).
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa

from turbo_forecast.errors import StorageError
from turbo_forecast.leftovers import remove
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_RUNS
from turbo_forecast.storage.base_table import utc_now
from turbo_forecast.storage.files import write_parquet
from turbo_forecast.storage.published.layout import MANIFEST, history_folder
from turbo_forecast.storage.published.manifest import HistoryManifest, readable_document, write_document

BATCH = 1_000_000
"""Rows that are held at once."""
_ROWS = f"SELECT {', '.join(BASE_TABLE.names)} FROM {BASE_TABLE.name}"
_SORTED = f"{_ROWS} ORDER BY {', '.join(BASE_TABLE.key)}"
_LAST = f"SELECT digest, series, first_day, last_day FROM {BASE_TABLE_RUNS.name} ORDER BY number DESC LIMIT 1"


class _OutOfOrderError(Exception):
    """Rows do not lie in the order of series and days."""


def publish_history(con: duckdb.DuckDBPyConnection, data: Path) -> HistoryManifest:
    """Publish the base table as it stands, unless it is published already. The caller holds the transaction.

    Which base table that is, its digest tells: telemetry that was read anew and says the same is not published again.
    Raises StorageError where there is none, or the disk refuses; then what was published stays.
    """
    folder = history_folder(data)
    before = readable_document(HistoryManifest, folder / MANIFEST)
    digest, series, first_day, last_day = _last_reading(con)
    if before is not None and before.digest == digest and (folder / before.file).is_file():
        return before
    now = utc_now()
    name = f"{now:%Y%m%dT%H%M%S%f}-{digest[:8]}.parquet"
    manifest = HistoryManifest(
        file=name,
        digest=digest,
        rows=_write(con, folder / name),
        series=series,
        first_day=first_day,
        last_day=last_day,
        published_at=now,
    )
    write_document(manifest, folder / MANIFEST)
    _remove_superseded(folder, {name, before.file if before else name})
    return manifest


def _last_reading(con: duckdb.DuckDBPyConnection) -> tuple:  # type: ignore[type-arg]
    try:
        found = con.execute(_LAST).fetchall()
    except duckdb.CatalogException:
        found = []
    if not found:
        raise StorageError("there is no base_table in the warehouse to be published: materialise base_table first")
    row: tuple = found[0]  # type: ignore[type-arg]
    return row


def _write(con: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Write the base table's rows in order; returns how many there are."""
    con.execute("SET preserve_insertion_order = true")
    try:
        return _stream(con, _ROWS, path)
    except _OutOfOrderError:
        return _stream(con, _SORTED, path)


def _stream(con: duckdb.DuckDBPyConnection, rows: str, path: Path) -> int:
    # a relation's reader streams, where a connection's would hold all rows first; its types are the file's, uncast
    with con.sql(rows).to_arrow_reader(
        BATCH
    ) as reader:  # closed, even half-read: the connection has one result at a time
        return write_parquet(_in_order(reader), reader.schema, path)


def _in_order(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The batches as tables. Raises _OutOfOrderError where a row's series and day are before those of the row before it."""
    last: pl.DataFrame | None = None
    for batch in batches:
        keys = pl.DataFrame(pl.from_arrow(batch)).select(BASE_TABLE.key)
        checked = pl.concat([last, keys]) if last is not None else keys
        if checked.select(_is_before_the_last(BASE_TABLE.key).any()).item():
            raise _OutOfOrderError
        last = keys.tail(1)
        yield pa.Table.from_batches([batch])


def _is_before_the_last(key: tuple[str, ...]) -> pl.Expr:
    """Whether a row is before the one above it, by these columns; false of the first."""
    found = pl.lit(False)
    for name in reversed(key):
        own, above = pl.col(name), pl.col(name).shift()
        found = (own < above) | ((own == above) & found)
    return found.fill_null(False)


def _remove_superseded(folder: Path, kept: set[str]) -> None:
    """Remove the files of before. One that cannot be removed now, as a reader on another machine has it open, is next time."""
    for path in folder.glob("*.parquet"):
        if path.name not in kept:
            with suppress(OSError):
                remove(path)
