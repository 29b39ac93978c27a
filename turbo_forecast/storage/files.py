"""Files that readers see whole or not at all: written beside, fsynced, renamed.

Belongs here: publication by rename, and the Parquet options every file of the project shares. Does not belong here: what
is in a file, lazy frames (`frames.py`), folders of files and how they are read (`datasets.py`).
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pyarrow.parquet as pq

from turbo_forecast.errors import writing
from turbo_forecast.leftovers import temporary_file
from turbo_forecast.storage.arrow_arrays import empty_table
from turbo_forecast.storage.atomic_replace import put_in_place
from turbo_forecast.text import PLAIN_NUMBER, SPREADSHEET_FORMULA, SPREADSHEET_FORMULA_WITHIN

ROW_GROUP_ROWS = 65_536
"""Rows per Parquet row group: one series is found by statistics and read in milliseconds."""

DICTIONARY = ("host_id", "resource", "model", "phase", "outcome")
"""Names repeat, numbers do not: a dictionary of a million floats is built only to be thrown away."""


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """How a file of these columns is written: the best of 15 ways, measured on the rows of a month of 8,000 series.

    Beside zstd alone, single-precision columns take a fifth less when their bytes are split into four streams (their
    first bytes hardly change from day to day), and days that follow each other take a third as their differences.
    Level 3 instead of 1 saves another hundredth and costs as much time; 6 costs a third more.
    """
    encodings = {pa.float32(): "BYTE_STREAM_SPLIT", pa.date32(): "DELTA_BINARY_PACKED"}
    return {
        "compression": "zstd",
        "compression_level": 3,
        "write_page_index": True,
        "use_dictionary": [name for name in DICTIONARY if name in schema.names],
        "column_encoding": {field.name: encodings[field.type] for field in schema if field.type in encodings},
    }


def part_options(schema: pa.Schema) -> dict[str, Any]:
    """How a part file of a month's rows is written: as any other, but quickly, since a fleet has fifty million of them.

    LZ4 takes a twentieth more room than zstd, and two thirds of its time; statistics are kept of the columns that rows are
    found by. Text comes as dictionaries, which are not to be read as such.
    """
    found = [field.name for field in schema if pa.types.is_dictionary(field.type) or pa.types.is_date(field.type)]
    faster = {"compression": "lz4", "compression_level": None, "write_statistics": found, "store_schema": False}
    return {**parquet_options(schema), **faster}


@contextmanager
def publishing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A path beside `path` to write to; on success it becomes `path` in one rename, on error it is removed.

    What killed processes left in the folder is removed first. durable: whether a power cut must leave it whole; what is
    looked at again before it is trusted need not wait for the disk.

    Raises StorageError, naming the file, when the folder or the disk refuses.
    """
    with writing(path):
        path = path.absolute()  # pyarrow would take a leading ~ for the home folder
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_file(path) as beside:
            yield beside
            if not beside.stat().st_size:
                raise OSError("its writer wrote nothing")
            if durable:
                with beside.open("rb+") as file:
                    os.fsync(file.fileno())
                put_in_place(beside, path)
            else:
                os.replace(beside, path)


class ParquetStream:
    """A Parquet file that is being written table by table.

    Row groups hold ROW_GROUP_ROWS rows however the rows arrive, so the same rows give the same bytes.
    """

    def __init__(self, path: Path, file: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._path, self._file, self._schema = path, file, schema
        self._held = empty_table(schema)
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
    with publishing(path) as beside, pq.ParquetWriter(beside, schema, **parquet_options(schema)) as file:
        stream = ParquetStream(path, file, schema)
        yield stream
        stream.end()


def write_parquet(batches: Iterable[pa.Table], schema: pa.Schema, path: Path) -> int:
    """Stream tables of `schema` into one Parquet file; returns its rows."""
    with parquet_stream(path, schema) as stream:
        for batch in batches:
            stream.append(batch)
    return stream.rows


def write_part_file(rows: pa.Table, path: Path) -> None:
    """Leave a part's rows as one Parquet file, by rename; a power cut may leave it half, so it is looked at before it is trusted.

    rows: text as dictionaries. Raises StorageError.
    """
    options = part_options(rows.schema)
    with publishing(path, durable=False) as beside, pq.ParquetWriter(beside, rows.schema, **options) as file:
        stream = ParquetStream(path, file, rows.schema)
        stream.append(rows)
        stream.end()


def spreadsheet_safe(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame for a CSV file that a spreadsheet shows and does not execute.

    Text that would be a formula gets a single quote in front, as OWASP advises ("CSV Injection"); numbers stay as they
    are, also those that are text.
    """
    text = cs.string()
    shielded = pl.when(text.str.contains(SPREADSHEET_FORMULA)).then(pl.lit("'") + text).otherwise(text)
    shielded = shielded.str.replace_all(SPREADSHEET_FORMULA_WITHIN, "${1}'${2}")
    return frame.with_columns(pl.when(text.str.contains(PLAIN_NUMBER)).then(text).otherwise(shielded))


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Publish a frame as CSV that a spreadsheet shows and does not execute (`spreadsheet_safe`). Raises StorageError."""
    with publishing(path) as beside:
        spreadsheet_safe(frame).write_csv(beside)
