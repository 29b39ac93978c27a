"""The series of one run in one Arrow IPC file of many batches, which every worker of its machine maps into memory.

Workers elsewhere have a folder instead, with those of the batches that they need as files of their own.

Belongs here: the file's layout, writing it and reading a series out of it. A task is then two integers.
Does not belong here: where the rows come from (the warehouse, a frame), and what is done with a series.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.models.protocol import Days, Values
from turbo_forecast.storage.arrow_arrays import arrow_array, empty_table, numpy_array, text_array
from turbo_forecast.windows import day_number

SCHEMA = pa.schema(
    [
        ("host_id", pa.string()),
        ("resource", pa.string()),
        ("days", pa.large_list(pa.int32())),
        ("y", pa.large_list(pa.float64())),
    ]
)
"""One row per series, sorted by host_id, resource: its observed days (since 1970) in order, and their values."""
HISTORY_START = b"history_start"
"""Key of the file's metadata: the day number with which the run's history months begin; what lies before is `earlier`."""
BATCH_SERIES = 1024
"""Series in a batch: some 13 MB of three years. All but the last have as many, so that the same series give the same bytes."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of the run: its position in the store, its names, its observed history.

    days, y: (n,) of the history months. earlier_days, earlier_y: (e,) of before, for entrants that see all history; empty
    where nobody does.
    """

    index: int
    host_id: str
    resource: str
    days: Days
    y: Values
    earlier_days: Days = field(default_factory=lambda: np.empty(0, np.int64))
    earlier_y: Values = field(default_factory=lambda: np.empty(0))

    def seed(self, run_seed: int) -> int:
        """63 bits from the series' own name and the run's seed: the same in any process, order or chunk."""
        name = f"{run_seed}\x1f{self.host_id}\x1f{self.resource}".encode()
        return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") >> 1


def write_store(tables: pa.Table | Iterable[pa.Table], path: Path, history_start: date | None = None) -> Path:
    """Write series (columns of SCHEMA, in its order), a batch at a time, so that a writer holds few and a reader copies none.

    The file is the same however the series are spread over tables. history_start: of the run, where the series may begin
    earlier. Raises StorageError, naming the file.
    """
    schema = SCHEMA.with_metadata({HISTORY_START: str(day_number(history_start))}) if history_start else SCHEMA
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".tmp")
        with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for batch in _batches([tables] if isinstance(tables, pa.Table) else tables):
                writer.write_table(batch)
        return beside.replace(path)


def _batches(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same series, BATCH_SERIES at a time, each in one piece."""
    held = empty_table(SCHEMA)
    for table in tables:
        held = pa.concat_tables([held, table.cast(SCHEMA)])
        while len(held) >= BATCH_SERIES:
            yield _solid(held.slice(0, BATCH_SERIES))
            held = held.slice(BATCH_SERIES)
    if len(held):
        yield _solid(held)


def _solid(table: pa.Table) -> pa.Table:
    """The same series in buffers of their own, of just their length: Arrow's slices and copies keep room that it would write."""
    columns = {}
    for name in ("host_id", "resource"):
        columns[name] = text_array(table[name].to_pylist())
    for name in ("days", "y"):
        lists = table[name].combine_chunks()
        offsets = np.concatenate([[0], np.cumsum(numpy_array(lists.value_lengths()))]).astype(np.int64)
        columns[name] = pa.LargeListArray.from_arrays(arrow_array(offsets), arrow_array(numpy_array(lists.flatten())))
    return pa.table(columns, schema=SCHEMA)


def read_only(days: Days) -> Days:
    """The same days, in an array that raises when it is written to."""
    days.setflags(write=False)
    return days


@dataclass(frozen=True, slots=True)
class _Batch:
    """Neighbouring series as they lie in the file: names, where each one's days begin and end, all days, all values."""

    names: tuple[pa.Array, pa.Array]
    offsets: NDArray[np.int64]
    days: NDArray[np.int32]
    y: Values

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> "_Batch":
        """Views of a record batch of SCHEMA."""
        host_id, resource, days, y = batch.columns
        return cls((host_id, resource), *map(numpy_array, (days.offsets, days.values, y.values)))


class _Batches(Protocol):
    """Where the batches of a store are read. total: series; size: of every batch but the last; first_day: HISTORY_START, or None."""

    total: int
    size: int
    first_day: int | None

    def read(self, number: int) -> pa.RecordBatch:
        """A batch by its place."""
        ...

    def digest(self) -> str:
        """Of the whole content."""
        ...


class _OneFile:
    """The file that a run has written, mapped into memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = pa.ipc.open_file(pa.memory_map(str(path)))
        count = self._file.num_record_batches
        self.size = len(self._file.get_batch(0)) if count else BATCH_SERIES
        self.total = (count - 1) * self.size + len(self._file.get_batch(count - 1)) if count else 0
        start = (self._file.schema.metadata or {}).get(HISTORY_START)
        self.first_day = None if start is None else int(start)

    @property
    def count(self) -> int:
        """How many batches there are."""
        return int(self._file.num_record_batches)

    def read(self, number: int) -> pa.RecordBatch:
        """A batch by its place, as a view of the file."""
        return self._file.get_batch(number)

    def digest(self) -> str:
        """Hash of the file."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:16]


class _FolderOfBatches:
    """A worker's folder on another machine: what the run says of the store, and a file for each batch that was brought there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
            self.total, self.size, self.first_day, self._digest = (about[name] for name in _ABOUT_KEYS)
        except (OSError, ValueError, KeyError) as error:
            raise StorageError(f"{path / ABOUT} cannot be read: {error}") from None

    def read(self, number: int) -> pa.RecordBatch:
        """A batch by its place, mapped into memory. Raises StorageError where it was not brought."""
        file = self._path / batch_name(number)
        try:
            return pa.ipc.open_file(pa.memory_map(str(file))).get_batch(0)
        except (OSError, pa.ArrowException) as error:
            raise StorageError(f"{file} cannot be read: {' '.join(str(error).split())[:80]}") from None

    def digest(self) -> str:
        """Hash of the run's file."""
        return str(self._digest)


ABOUT = "about.json"
"""In a folder of batches: what the run says of the store."""
_ABOUT_KEYS = ("series", "batch", "history_start", "digest")


def batch_name(number: int) -> str:
    """The file of a batch in a folder of batches."""
    return f"{number:06d}.arrow"


class SeriesStore:
    """Series of a run by position, read from the memory-mapped file without copying values, a batch when it is asked for.

    path: the run's file, or a folder of batches (`separate_batches`), of which only those need be there that are asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._source: _Batches = _FolderOfBatches(path) if path.is_dir() else _OneFile(path)
        self._size = max(1, self._source.size)
        self._held: dict[int, _Batch] = {}

    def __len__(self) -> int:
        return self._source.total

    def __getitem__(self, index: int) -> Series:
        if not 0 <= index < len(self):
            raise IndexError(f"series {index} of {len(self)}")
        number, row = divmod(index, self._size)
        batch = self._batch(number)
        lo, hi = batch.offsets[row], batch.offsets[row + 1]
        days, y = read_only(batch.days[lo:hi].astype(np.int64)), batch.y[lo:hi]
        start = self._source.first_day
        first = 0 if start is None else int(np.searchsorted(days, start))
        return Series(
            index=index,
            host_id=batch.names[0][row].as_py(),
            resource=batch.names[1][row].as_py(),
            days=days[first:],
            y=y[first:],
            earlier_days=days[:first],
            earlier_y=y[:first],
        )

    def _batch(self, number: int) -> _Batch:
        found = self._held.get(number)
        if found is None:
            found = self._held[number] = _Batch.of(self._source.read(number))
        return found

    def batches(self, lo: int, hi: int) -> range:
        """The places of the batches that hold series lo … hi - 1."""
        return range(lo // self._size, -(-hi // self._size))

    def names(self, lo: int = 0, hi: int | None = None) -> pa.Table:
        """`host_id, resource` of series lo … hi - 1 in the store's order; of all, without numbers."""
        end = len(self) if hi is None else hi
        numbers = self.batches(lo, end)
        schema = pa.schema([SCHEMA.field("host_id"), SCHEMA.field("resource")])
        parts = [pa.RecordBatch.from_arrays(list(self._batch(number).names), schema=schema) for number in numbers]
        return pa.Table.from_batches(parts, schema).slice(lo - numbers.start * self._size, end - lo)

    def digest(self) -> str:
        """Hash of the whole content: what a resumed run must find unchanged."""
        return self._source.digest()


def separate_batches(path: Path) -> tuple[dict[str, object], Iterator[tuple[str, bytes]]]:
    """A run's file as what a folder of batches holds: the content of ABOUT, and each batch as a file of its own, one at a time."""
    file = _OneFile(path)
    about = dict(zip(_ABOUT_KEYS, (file.total, file.size, file.first_day, file.digest()), strict=True))

    def batches() -> Iterator[tuple[str, bytes]]:
        for number in range(file.count):
            batch, sink = file.read(number), pa.BufferOutputStream()
            with pa.ipc.new_file(sink, batch.schema) as writer:
                writer.write_batch(batch)
            yield batch_name(number), sink.getvalue().to_pybytes()

    return about, batches()
