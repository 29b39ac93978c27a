"""The series of one run in one Arrow IPC file, which every worker maps into memory.

Belongs here: the file's layout, writing it and reading a series out of it. A task is then two integers.
Does not belong here: where the rows come from (the warehouse, a frame), and what is done with a series.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from turbo_forecast.errors import writing
from turbo_forecast.models.protocol import Days, Values

SCHEMA = pa.schema(
    [
        ("host_id", pa.string()),
        ("resource", pa.string()),
        ("days", pa.large_list(pa.int32())),
        ("y", pa.large_list(pa.float64())),
    ]
)
"""One row per series, sorted by host_id, resource: its observed days (since 1970) in order, and their values."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of the run: its position in the store, its names, its observed history."""

    index: int
    host_id: str
    resource: str
    days: Days
    y: Values

    def seed(self, run_seed: int) -> int:
        """63 bits from the series' own name and the run's seed: the same in any process, order or chunk."""
        name = f"{run_seed}\x1f{self.host_id}\x1f{self.resource}".encode()
        return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") >> 1


def write_store(table: pa.Table, path: Path) -> Path:
    """Write series (columns of SCHEMA, in its order) as one record batch, so that a reader copies nothing.

    Raises StorageError, naming the file.
    """
    batch = table.cast(SCHEMA).combine_chunks()
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".tmp")
        with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
            writer.write_table(batch)
        return beside.replace(path)


def read_only(days: Days) -> Days:
    """The same days, in an array that raises when it is written to."""
    days.setflags(write=False)
    return days


class SeriesStore:
    """Series of a run by position, read from the memory-mapped file without copying values."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._table = pa.ipc.open_file(pa.memory_map(str(path))).read_all().combine_chunks()
        days, y = (self._table.column(name).chunk(0) if len(self._table) else None for name in ("days", "y"))
        if days is not None and y is not None:
            self._offsets = days.offsets.to_numpy()
            self._days = days.values.to_numpy()
            self._y = y.values.to_numpy()

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index: int) -> Series:
        lo, hi = self._offsets[index], self._offsets[index + 1]
        return Series(
            index=index,
            host_id=self._table.column(0)[index].as_py(),
            resource=self._table.column(1)[index].as_py(),
            days=read_only(self._days[lo:hi].astype(np.int64)),
            y=self._y[lo:hi],
        )

    def names(self) -> pa.Table:
        """`host_id, resource` of every series, in the store's order."""
        return self._table.select(["host_id", "resource"])

    def digest(self) -> str:
        """Hash of the whole content: what a resumed run must find unchanged."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:16]
