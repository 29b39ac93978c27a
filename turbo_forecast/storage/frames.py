"""Lazy frames and files: rows that come piece by piece as a LazyFrame, a LazyFrame read and written piece by piece.

Belongs here: what keeps memory from growing with a fleet's rows, wherever these come from and go to. Does not belong
here: publication and the Parquet options (`files.py`), what is in a frame.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.files import ROW_GROUP_ROWS, write_parquet

BATCH_ROWS = 32 * ROW_GROUP_ROWS
"""Rows read at once where a frame is worked through: some 200 MB."""

WRITTEN_ROWS = 4 * ROW_GROUP_ROWS
"""Rows held at once where a frame is written."""


def lazy_rows(tables: Callable[[], Iterable[pa.Table]], schema: pl.Schema) -> pl.LazyFrame:
    """The rows of Arrow tables as a LazyFrame of this schema, in their order.

    tables: called anew each time that the frame is read; its tables are asked for one by one, as they are needed.
    """

    def read(
        columns: list[str] | None, predicate: pl.Expr | None, first: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        left = first
        for table in tables():
            frame = _conformed(table, schema)
            if left is not None:
                frame = frame.head(left)
                left -= len(frame)
            if predicate is not None:
                frame = frame.filter(predicate)
            yield frame.select(columns) if columns is not None else frame
            if left == 0:
                return

    return register_io_source(read, schema=schema)


def _conformed(table: pa.Table, schema: pl.Schema) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.select(schema.names()).cast(schema)


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
    """Raises StorageError for rows that cannot be read; what our own code raised while making them, in its own words."""
    try:
        yield
    except (pl.exceptions.ComputeError, OSError) as error:
        said = " ".join(str(error).split())
        _, of_a_source, ours = said.partition("during execution of a Python source, exception: ")
        kind, _, sentence = ours.partition(": ")
        if not of_a_source:
            raise StorageError(f"{what} cannot be read: {said}") from None
        if kind == StorageError.__name__:
            raise StorageError(sentence) from None
        raise


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


def series_batches(
    frame: pl.LazyFrame, columns: list[str], what: str, *, rows: int = BATCH_ROWS
) -> Iterator[pl.DataFrame]:
    """A frame sorted by series, in frames of whole series of about `rows` rows, so that memory does not grow with it.

    columns: which to read; host_id and resource among them. A frame without rows is one empty batch, for its columns.
    what: the rows' name in a message. Raises StorageError when they cannot be read.
    """
    chosen = frame.select(columns)
    held: pl.DataFrame | None = None
    for read in frame_batches(chosen, what, rows=rows):
        batch = pl.concat([held, read]) if held is not None else read
        last = (pl.col("host_id") == batch["host_id"][-1]) & (pl.col("resource") == batch["resource"][-1])
        cut = int(batch.select(last.arg_max()).item())
        if cut:
            yield batch[:cut]
        held = batch[cut:]
    yield held if held is not None else pl.DataFrame(schema=_schema(chosen, what))


def write_frame(frame: pl.DataFrame | pl.LazyFrame, path: Path, what: str = "the frame") -> int:
    """Publish a frame as one Parquet file, and return its rows; of a lazy one, few rows are held at once.

    what: the rows' name in a message. Raises StorageError when they cannot be read, or the file cannot be written.
    """
    schema = pl.DataFrame(schema=_schema(frame, what)).to_arrow().schema
    frames = [frame] if isinstance(frame, pl.DataFrame) else frame_batches(frame, what, rows=WRITTEN_ROWS)
    return write_parquet((each.to_arrow() for each in frames), schema, path)
