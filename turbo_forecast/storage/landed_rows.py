"""The rows of a landed month in their order: what their digest is, which follow each other in a series, and their file.

Belongs here: all that is one pass over sorted rows, when a month is written and when it is read again to be judged. Does not
belong here: where landed months lie and what a manifest says (`landed.py`), and which rows a month has (`landing/`).

Rows are sorted by host, resource and time, so whatever order a source answers in, the same rows make the same file and the same
digest, and one series lies together.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.files import ParquetStream, parquet_options, publishing
from turbo_forecast.storage.landed import METADATA_KEY, Manifest

KEY = ("host_id", "resource", "timestamp")
"""What no two rows of a month share, and what they are sorted by."""
DIGEST_BYTES = 16
BATCH_ROWS = 65_536
"""Rows that are looked at together: a few megabytes."""
Mask = NDArray[np.bool_]


class Order:
    """Sorted rows as they pass: which of a batch are of the same series, or moment, as the row before."""

    def __init__(self) -> None:
        self._last: pa.RecordBatch | None = None

    def repeats(self, batch: pa.RecordBatch) -> tuple[Mask, Mask]:
        """Which rows of the next batch are of the same series as the row before them, and which of the same moment of it, too."""
        host, resource, moment = (self._repeats(batch, name) for name in KEY)
        self._last = batch.slice(batch.num_rows - 1) if batch.num_rows else self._last
        return host & resource, host & resource & moment

    def _repeats(self, batch: pa.RecordBatch, name: str) -> Mask:
        found = np.zeros(batch.num_rows, np.bool_)
        if batch.num_rows:
            column = batch.column(name)
            found[1:] = pc.equal(column.slice(1), column.slice(0, len(column) - 1)).to_numpy(zero_copy_only=False)
            found[0] = self._last is not None and self._last.column(name)[0] == column[0]
        return found


class SortedRows:
    """What is known of sorted rows after some batches of them: how many, of how many series, and their digest.

    twice: rows of the same series and moment as the one before, which a landed month has none of.

    The digest is BLAKE2b over the digests of each column's bytes, little-endian; a text column is two, its texts and their lengths.
    So it is one of the rows alone, not of the batches, compression or program version that they came in. (DuckDB's hashes change
    with its version; a manifest is kept for years.)
    """

    def __init__(self) -> None:
        self.rows = self.series = self.twice = 0
        self._order = Order()
        self._hashes: dict[str, hashlib.blake2b] = {}

    @property
    def digest(self) -> str:
        """The digest of the rows so far, hexadecimal; of none, an empty text."""
        whole = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for name in sorted(self._hashes):
            whole.update(name.encode() + self._hashes[name].digest())
        return whole.hexdigest() if self.rows else ""

    def take(self, batch: pa.RecordBatch) -> None:
        """Add a batch, whose rows follow those before."""
        if not batch.num_rows:
            return
        same_series, same_moment = self._order.repeats(batch)
        self.twice += int(same_moment.sum())
        self.rows += batch.num_rows
        self.series += batch.num_rows - int(same_series.sum())
        for field in batch.schema:
            for name, content in _bytes_of(field.name, batch.column(field.name)):
                self._hashes.setdefault(name, hashlib.blake2b(digest_size=DIGEST_BYTES)).update(content)


def _bytes_of(name: str, column: pa.Array) -> Iterator[tuple[str, bytes | memoryview]]:
    """A column's bytes; of text, those of all texts and of their lengths, which keep "ab", "c" from being "a", "bc"."""
    if pa.types.is_string(column.type):
        _, offsets, content = column.buffers()
        at = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
        yield f"{name} lengths", np.diff(at).astype("<i4").tobytes()
        yield name, memoryview(content)[at[0] : at[-1]] if content is not None else b""
    elif pa.types.is_timestamp(column.type):
        yield name, column.cast(pa.int64()).to_numpy(zero_copy_only=False).astype("<i8").tobytes()
    else:
        yield name, column.to_numpy(zero_copy_only=False).astype("<f8").tobytes()


def write_rows(
    path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], manifest_of: Callable[[SortedRows], Manifest]
) -> Manifest:
    """Publish a landed month, with its manifest in it, in one rename; returns the manifest.

    batches: sorted, of the schema. manifest_of: called once, with what is known of all rows. What either raises leaves the file
    that is there as it is. Raises StorageError where it cannot be written.
    """
    options = {**parquet_options(schema), "use_dictionary": [*KEY[:2], "labels"]}
    options["column_encoding"] = {"timestamp": "DELTA_BINARY_PACKED"}
    known = SortedRows()
    with publishing(path) as beside, pq.ParquetWriter(beside, schema, **options) as file:
        stream = ParquetStream(path, file, schema)
        for batch in batches:
            known.take(batch)
            stream.append(pa.Table.from_batches([batch]))
        stream.end()
        manifest = manifest_of(known)
        file.add_key_value_metadata({METADATA_KEY: manifest.as_json().encode()})
    return manifest


def read_rows(path: Path) -> Iterator[pa.RecordBatch]:
    """A landed month's rows in their order, a batch at a time. Raises StorageError, naming the file, where it is damaged."""
    try:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(BATCH_ROWS)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path} is damaged: {' '.join(str(error).split())}") from None
