"""Publishing the history of all series: the base table as Parquet, sorted by series, so that one is read in milliseconds.

Belongs here: writing it, once for each base table. Does not belong here: reading it (`reading.py`), and the order of its rows
(`storage/ordered_rows.py`).
"""

from contextlib import closing, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from turbo_forecast.errors import StorageError
from turbo_forecast.leftovers import remove
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_RUNS
from turbo_forecast.storage.base_table import utc_now
from turbo_forecast.storage.files import write_parquet
from turbo_forecast.storage.ordered_rows import ordered_batches
from turbo_forecast.storage.published.layout import MANIFEST, history_folder
from turbo_forecast.storage.published.manifest import HistoryManifest, readable_document, write_document

BATCH = 1_000_000
"""Rows that are held at once."""
_LAST = f"SELECT digest, series, first_day, last_day FROM {BASE_TABLE_RUNS.name} ORDER BY number DESC LIMIT 1"


def publish_history(con: duckdb.DuckDBPyConnection, data: Path) -> HistoryManifest:
    """Publish the base table as it stands, unless it is published already. The caller holds the transaction.

    Its digest identifies that base table: telemetry that was read anew and is the same is not published again.
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
    schema = con.sql(f"SELECT {', '.join(BASE_TABLE.names)} FROM {BASE_TABLE.name} LIMIT 0").to_arrow_table().schema
    with closing(ordered_batches(con, BATCH)) as batches:
        return write_parquet((pa.Table.from_batches([batch]) for batch in batches), schema, path)


def _remove_superseded(folder: Path, kept: set[str]) -> None:
    """Remove the files of before. One that cannot be removed now, as a reader on another machine has it open, is next time."""
    for path in folder.glob("*.parquet"):
        if path.name not in kept:
            with suppress(OSError):
                remove(path)
