"""The rows of a landed month in their order: what their digest is, how many series they are of, and their file.

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
import pyarrow.parquet as pq
from numpy.typing import NDArray

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.files import ParquetStream, parquet_options, publishing
from turbo_forecast.storage.landed import METADATA_KEY, Manifest

TEXTS = ("host_id", "resource", "labels")
"""Columns of text, which stay the same from row to row but where another series begins: read as dictionaries."""
DIGEST_BYTES = 16
BATCH_ROWS = 65_536
"""Rows that are looked at together: a few megabytes."""
Mask = NDArray[np.bool_]


class SortedRows:
    """What is known of sorted rows after some batches of them.

    rows, series: how many; twice: rows of the same series and moment as the one before, which a landed month has none of.

    The digest is BLAKE2b over the digests of the columns. A column's is that of its values, little-endian; a text column's that of its
    runs of one text, as their texts, lengths in bytes, and first row's number. So it is one of the rows alone, not of the batches,
    compression or program version that they came in. (DuckDB's hashes change with its version; a manifest is kept for years.)
    """

    def __init__(self) -> None:
        self.rows = self.series = self.twice = 0
        self._hashes: dict[str, hashlib.blake2b] = {}
        self._before: dict[str, object] = {}

    @property
    def digest(self) -> str:
        """The digest of the rows so far, hexadecimal; of none, an empty text."""
        whole = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for name in sorted(self._hashes):
            whole.update(name.encode() + self._hashes[name].digest())
        return whole.hexdigest() if self.rows else ""

    def take(self, batch: pa.RecordBatch) -> None:
        """Add a batch, whose rows follow those before. Its texts may be dictionaries, whose entries differ from each other."""
        if not batch.num_rows:
            return
        same = {name: self._take_text(name, batch.column(name)) for name in TEXTS}
        moments = batch.column("timestamp").cast(pa.int64()).to_numpy(zero_copy_only=False)
        self._add("timestamp", moments.astype("<i8").tobytes())
        self._add("value", batch.column("value").to_numpy(zero_copy_only=False).astype("<f8").tobytes())
        same_series = same["host_id"] & same["resource"]
        same_moment = self._same("timestamp", moments, int(moments[0]), int(moments[-1]))
        self.rows += batch.num_rows
        self.series += batch.num_rows - int(same_series.sum())
        self.twice += int((same_series & same_moment).sum())

    def _take_text(self, name: str, column: pa.Array) -> Mask:
        """Add a column of text; returns which rows have the text of the row before."""
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        codes = coded.indices.to_numpy(zero_copy_only=False)
        same = self._same(name, codes, coded[0].as_py(), coded[-1].as_py())
        starts = np.flatnonzero(~same)
        texts = [text.encode() for text in coded.dictionary.take(pa.array(codes[starts])).to_pylist()]
        self._add(name, b"".join(texts))
        self._add(f"{name} lengths", np.array([len(text) for text in texts], "<i8").tobytes())
        self._add(f"{name} rows", (starts + self.rows).astype("<i8").tobytes())
        return same

    def _same(self, name: str, codes: NDArray[np.integer], first: object, last: object) -> Mask:
        """Which values are that of the row before. first, last: the first and last value themselves."""
        same = np.empty(len(codes), np.bool_)
        same[1:] = codes[1:] == codes[:-1]
        same[0] = self.rows > 0 and self._before[name] == first
        self._before[name] = last
        return same

    def _add(self, name: str, content: bytes) -> None:
        self._hashes.setdefault(name, hashlib.blake2b(digest_size=DIGEST_BYTES)).update(content)


def write_rows(
    path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], manifest_of: Callable[[SortedRows], Manifest]
) -> Manifest:
    """Publish a landed month, with its manifest in it, in one rename; returns the manifest.

    batches: sorted, of the schema, their texts as dictionaries. manifest_of: called once, with what is known of all rows. What either
    raises leaves the file that is there as it is. Raises StorageError where it cannot be written.
    """
    options = {**parquet_options(schema), "use_dictionary": list(TEXTS)}
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
    """A landed month's rows in their order, a batch at a time, their texts as dictionaries.

    Raises StorageError, naming the file, where it is damaged.
    """
    try:
        metadata = pq.read_metadata(path)
        texts = [name for name in TEXTS if name in metadata.schema.names]  # of the others, whoever reads them tells
        with pq.ParquetFile(path, metadata=metadata, read_dictionary=texts) as file:
            yield from file.iter_batches(BATCH_ROWS)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path} is damaged: {' '.join(str(error).split())}") from None
