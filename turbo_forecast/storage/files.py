"""Files that readers see whole or not at all: written beside, fsynced, renamed.

Belongs here: publication by rename, the Parquet options every file of the project shares, and how a path is given to
DuckDB and to Polars, which read patterns into it.
Does not belong here: what is in a file, lazy frames (`frames.py`).
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pyarrow.parquet as pq

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.leftovers import temporary_file
from turbo_forecast.storage.telemetry.sql import listed, literal
from turbo_forecast.text import PLAIN_NUMBER, SPREADSHEET_FORMULA, SPREADSHEET_FORMULA_WITHIN

ROW_GROUP_ROWS = 65_536
"""Rows per Parquet row group: one series is found by statistics and read in milliseconds."""

NAMED = 3
"""Lacking columns that a message names."""

OPTIONS = {
    "compression": "zstd",
    "write_page_index": True,
    # names repeat, numbers do not: a dictionary of a million floats is built only to be thrown away
    "use_dictionary": ["host_id", "resource", "model", "phase", "outcome"],
}


@contextmanager
def publishing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; on success it becomes `path` in one rename, on error it is removed.

    What killed processes left in the folder is removed first.

    Raises StorageError, naming the file, when the folder or the disk refuses.
    """
    with writing(path):
        path = path.absolute()  # pyarrow would take a leading ~ for the home folder
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_file(path) as beside:
            yield beside
            if not beside.stat().st_size:
                raise OSError("its writer wrote nothing")
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(beside, path)
            _sync_folder(path.parent)


class ParquetStream:
    """A Parquet file that is being written table by table.

    Row groups hold ROW_GROUP_ROWS rows however the rows arrive, so the same rows give the same bytes.
    """

    def __init__(self, path: Path, file: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._path, self._file, self._schema = path, file, schema
        self._held = schema.empty_table()
        self.rows = 0

    def append(self, table: pa.Table) -> None:
        """Add rows of the stream's schema."""
        self._held = pa.concat_tables([self._held, table.cast(self._schema)])
        self.rows += table.num_rows
        while self._held.num_rows >= ROW_GROUP_ROWS:
            self._write(self._held.slice(0, ROW_GROUP_ROWS))
            self._held = self._held.slice(ROW_GROUP_ROWS)

    def end(self) -> None:
        """Write what is still held; an empty file has one empty row group."""
        if self._held.num_rows or not self.rows:
            self._write(self._held)

    def _write(self, group: pa.Table) -> None:
        with writing(self._path):  # here, where two streams are open at once and one is refused
            self._file.write_table(group.combine_chunks())


@contextmanager
def parquet_stream(path: Path, schema: pa.Schema) -> Iterator[ParquetStream]:
    """A stream into a Parquet file that is published, in one rename, when the block succeeds. Raises StorageError."""
    with publishing(path) as beside, pq.ParquetWriter(beside, schema, **OPTIONS) as file:
        stream = ParquetStream(path, file, schema)
        yield stream
        stream.end()


def write_parquet(batches: Iterable[pa.Table], schema: pa.Schema, path: Path) -> int:
    """Stream tables of `schema` into one Parquet file; returns its rows."""
    with parquet_stream(path, schema) as stream:
        for batch in batches:
            stream.append(batch)
    return stream.rows


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Publish a frame as CSV that a spreadsheet shows and does not execute. Raises StorageError.

    Text that would be a formula gets a single quote in front, as OWASP advises ("CSV Injection"); numbers stay as they
    are, also those that are text.
    """
    text = cs.string()
    shielded = pl.when(text.str.contains(SPREADSHEET_FORMULA)).then(pl.lit("'") + text).otherwise(text)
    shielded = shielded.str.replace_all(SPREADSHEET_FORMULA_WITHIN, "${1}'${2}")
    with publishing(path) as beside:
        frame.with_columns(pl.when(text.str.contains(PLAIN_NUMBER)).then(text).otherwise(shielded)).write_csv(beside)


def duckdb_path(path: Path | str) -> str:
    """A path as DuckDB must be given it to read just that file; DuckDB takes every path for a glob. URLs stay as they are.

    Raises StorageError where DuckDB has no way to say it.
    """
    text = str(path)
    if "://" in text:
        return text
    if text.startswith("~"):  # which would be the home folder
        text = str(Path(text).absolute())
    escaped = re.sub(r"([*?\[])", r"[\1]", text)
    if escaped != text and "\\" in text:  # in a pattern, a backslash divides folders
        raise StorageError(f"{path} has a backslash and one of * ? [ in its path, which DuckDB cannot read")
    return escaped


def parquet_sql(*paths: Path | str, options: str = "") -> str:
    """A DuckDB table expression that reads just these files, whatever characters their paths hold.

    options: further arguments of `read_parquet`. Columns are the files' own: a folder named `model=x` adds none.
    """
    files = listed(literal(duckdb_path(path)) for path in paths)
    return f"read_parquet({files}, hive_partitioning = false{options and f', {options}'})"


def parquet_rows(path: Path | str) -> pl.LazyFrame:
    """Just this file's rows, whatever characters its path holds; Polars would take it for a glob."""
    return pl.scan_parquet(Path(path).absolute(), glob=False, hive_partitioning=False)


def require_whole(path: Path, columns: Iterable[str] = ()) -> None:
    """Raises StorageError unless the file is Parquet with its end, which is written last, and has these columns."""
    with _readable(path) as file:
        lacking = [name for name in columns if name not in file.schema_arrow.names]
    if lacking:
        raise StorageError(
            f"{path} was stored by another version and lacks {', '.join(lacking[:NAMED])}: make it again with this one"
        )


def require_readable(path: Path) -> None:
    """Raises StorageError unless all of the Parquet file can be read; that takes as long as reading it."""
    with _readable(path) as file:
        for _ in file.iter_batches(ROW_GROUP_ROWS):
            pass


@contextmanager
def _readable(path: Path) -> Iterator[pq.ParquetFile]:
    """The open file; what cannot be read of it is a StorageError that names it."""
    try:
        with pq.ParquetFile(path.absolute()) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
