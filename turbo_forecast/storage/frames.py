"""Lazy frames and files: a LazyFrame read and written piece by piece.

Belongs here: what keeps memory from growing with a fleet's rows, wherever these come from and go to. Does not belong
here: publication and the Parquet options (`files.py`), what is in a frame.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.files import ROW_GROUP_ROWS, write_parquet

BATCH_ROWS = 32 * ROW_GROUP_ROWS
"""Rows read at once where a frame is worked through: some 200 MB."""

WRITTEN_ROWS = 4 * ROW_GROUP_ROWS
"""Rows held at once where a frame is written."""


def frame_batches(frame: pl.LazyFrame, what: str, *, rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
    """The frame's rows in their order, in frames of at most `rows` rows, none of them empty.

    what: the rows' name in a message. Raises StorageError when they cannot be read.
    """
    with _reading(what):
        batches = iter(frame.collect_batches(chunk_size=rows, maintain_order=True))
    while True:
        with _reading(what):
            batch = next(batches, None)
        if batch is None:
            return
        if len(batch):
            yield batch


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Raises StorageError for rows that cannot be read."""
    try:
        yield
    except (pl.exceptions.ComputeError, OSError) as error:
        raise StorageError(f"{what} cannot be read: {' '.join(str(error).split())}") from None


def _schema(frame: pl.DataFrame | pl.LazyFrame, what: str) -> pl.Schema:
    with _reading(what):
        return frame.collect_schema()


@contextmanager
def arrow_reader(frame: pl.LazyFrame, what: str) -> Iterator[pa.RecordBatchReader]:
    """The frame's rows as a stream, for a block in which someone reads Arrow's.

    what: the rows' name in a message. Raises StorageError when they cannot be read, whatever the reader made of that.
    """
    level = pl.CompatLevel.newest()  # text as Polars holds it: DuckDB reads that, and no copy is made
    schema = pl.DataFrame(schema=_schema(frame, what)).to_arrow(compat_level=level).schema
    unreadable: list[StorageError] = []

    def parts() -> Iterator[pa.RecordBatch]:
        try:
            for batch in frame_batches(frame, what, rows=WRITTEN_ROWS):
                yield from batch.to_arrow(compat_level=level).to_batches()
        except StorageError as error:
            unreadable.append(error)
            raise

    try:
        yield pa.RecordBatchReader.from_batches(schema, parts())
    except Exception:
        if unreadable:
            raise unreadable[0] from None
        raise


def write_frame(frame: pl.DataFrame | pl.LazyFrame, path: Path, what: str = "the frame") -> int:
    """Publish a frame as one Parquet file, and return its rows; of a lazy one, few rows are held at once.

    what: the rows' name in a message. Raises StorageError when they cannot be read, or the file cannot be written.
    """
    schema = pl.DataFrame(schema=_schema(frame, what)).to_arrow().schema
    frames = [frame] if isinstance(frame, pl.DataFrame) else frame_batches(frame, what, rows=WRITTEN_ROWS)
    return write_parquet((each.to_arrow() for each in frames), schema, path)
