"""Files that readers see whole or not at all: written beside, fsynced, renamed.

Belongs here: publication by rename, and the Parquet options every file of the project shares.
Does not belong here: what is in a file.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from turbo_forecast.errors import StorageError

ROW_GROUP_ROWS = 65_536
"""Rows per Parquet row group: one series is found by statistics and read in milliseconds."""

OPTIONS = {
    "compression": "zstd",
    "write_page_index": True,
    # names repeat, numbers do not: a dictionary of a million floats is built only to be thrown away
    "use_dictionary": ["host_id", "resource", "model", "phase", "outcome"],
}


@contextmanager
def publishing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; on success it becomes `path` in one rename, on error it is removed.

    Raises StorageError, naming the file, when the folder or the disk refuses.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # where the folder itself is refused, nothing lies beside
            beside.unlink(missing_ok=True)


def write_parquet(batches: Iterable[pa.Table], schema: pa.Schema, path: Path) -> int:
    """Stream tables of `schema` into one Parquet file; returns its rows.

    Row groups hold ROW_GROUP_ROWS rows however the rows arrive, so the same rows give the same bytes.
    """
    rows, held = 0, schema.empty_table()
    with (
        publishing(path) as beside,
        pq.ParquetWriter(beside, schema, **OPTIONS) as file,
    ):
        for batch in batches:
            held = pa.concat_tables([held, batch.cast(schema)])
            while held.num_rows >= ROW_GROUP_ROWS:
                file.write_table(held.slice(0, ROW_GROUP_ROWS).combine_chunks())
                held = held.slice(ROW_GROUP_ROWS)
                rows += ROW_GROUP_ROWS
        if held.num_rows or not rows:
            file.write_table(held.combine_chunks())
            rows += held.num_rows
    return rows


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
