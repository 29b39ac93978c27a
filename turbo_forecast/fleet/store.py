"""The series of one run in one Arrow IPC file of many batches, which every worker maps into memory.

Belongs here: the file's layout, writing it and reading a series out of it. A task is then two integers.
Does not belong here: where the rows come from (the warehouse, a frame), and what is done with a series.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from turbo_forecast.errors import writing
from turbo_forecast.models.protocol import Days, Values
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
    held = SCHEMA.empty_table()
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
        columns[name] = pa.array(table[name].to_pylist(), pa.string())
    for name in ("days", "y"):
        lists = table[name].combine_chunks()
        offsets = np.concatenate([[0], np.cumsum(lists.value_lengths().to_numpy())]).astype(np.int64)
        columns[name] = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(lists.flatten().to_numpy().copy()))
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
        return cls((host_id, resource), days.offsets.to_numpy(), days.values.to_numpy(), y.values.to_numpy())


class SeriesStore:
    """Series of a run by position, read from the memory-mapped file without copying values."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        start = (self._table.schema.metadata or {}).get(HISTORY_START)
        self._history_start = None if start is None else int(start)
        self._batches = [_Batch.of(batch) for batch in self._table.to_batches()]
        self._firsts = np.cumsum([0, *(len(batch) for batch in self._table.to_batches())])[:-1].tolist()

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index: int) -> Series:
        at = bisect_right(self._firsts, index) - 1
        batch, row = self._batches[at], index - self._firsts[at]
        lo, hi = batch.offsets[row], batch.offsets[row + 1]
        days, y = read_only(batch.days[lo:hi].astype(np.int64)), batch.y[lo:hi]
        first = 0 if self._history_start is None else int(np.searchsorted(days, self._history_start))
        return Series(
            index=index,
            host_id=batch.names[0][row].as_py(),
            resource=batch.names[1][row].as_py(),
            days=days[first:],
            y=y[first:],
            earlier_days=days[:first],
            earlier_y=y[:first],
        )

    def names(self) -> pa.Table:
        """`host_id, resource` of every series, in the store's order."""
        return self._table.select(["host_id", "resource"])

    def digest(self) -> str:
        """Hash of the whole content: what a resumed run must find unchanged."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:16]
