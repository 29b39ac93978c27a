"""Merges what was fetched with the rows of a former landing that are kept, in order.

Belongs here: the order, and which of two rows of one moment counts. Does not belong here: whether the two may be put together
(`due.py`), and the file (`storage/landed_rows.py`).
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from turbo_forecast.errors import SourceError, StorageError
from turbo_forecast.landing.fetching import Fetched, shown_series, shown_time
from turbo_forecast.sources.protocol import ROWS
from turbo_forecast.storage.datasets import duckdb_sql
from turbo_forecast.storage.landed_rows import BATCH_ROWS

MEMORY, THREADS = "256MB", 2
"""Of DuckDB while it sorts; a month that is larger is sorted on the disk, beside the landed months. Each thread needs some of the memory."""
_SORTED = """
    SELECT hosts.rank AS host_id, resources.rank AS resource, "timestamp", value, labels, former
    FROM (
        SELECT *, 0::TINYINT AS former FROM {fetched}
        {union}
    ) AS read
    JOIN hosts ON hosts.code = read.host_id
    JOIN resources ON resources.code = read.resource
    ORDER BY hosts.rank, resources.rank, "timestamp", former
"""
_UNION = "UNION ALL SELECT *, 1::TINYINT AS former FROM {former}"
KEY = ("host_id", "resource", "timestamp")
"""What no two rows of a month share, and what they are sorted by."""


@dataclass(slots=True)
class Union:
    """The rows of a month as they are read: so many of a former landing are kept, which the source has no more."""

    kept: int = 0

    def rows(self, sorted_rows: "Sorted") -> Iterator[pa.RecordBatch]:
        """One row a series and moment, in the columns of ROWS, texts as dictionaries: the fetched one where there is one, else the former.

        Raises SourceError for two fetched rows of one moment, naming the series.
        """
        before: tuple[int, ...] = (-1, -1, 0)
        for batch in sorted_rows.batches:
            if not batch.num_rows:
                continue
            key = [_numbers(batch, name) for name in KEY]
            repeated = np.logical_and.reduce(
                [np.diff(each, prepend=last) == 0 for each, last in zip(key, before, strict=True)]
            )
            before = tuple(int(each[-1]) for each in key)
            former = _numbers(batch, "former") == 1
            twice = np.flatnonzero(repeated & ~former)
            if twice.size:
                raise _two_values(sorted_rows.shown(batch.slice(int(twice[0]), 1)))
            self.kept += int((former & ~repeated).sum())
            yield sorted_rows.shown(batch.filter(pa.array(~repeated)) if repeated.any() else batch)


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows in order, of one moment the fetched one first. batches: texts as numbers, and a column `former`, 1 or 0.

    texts: by column, the texts of those numbers.
    """

    batches: Iterator[pa.RecordBatch]
    texts: Mapping[str, pa.Array]

    def shown(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Rows in the columns of ROWS, their texts as dictionaries."""
        columns = {name: batch.column(name).cast(ROWS.field(name).type) for name in ("timestamp", "value")}
        columns |= {
            name: pa.DictionaryArray.from_arrays(batch.column(name), texts) for name, texts in self.texts.items()
        }
        return pa.RecordBatch.from_pydict({name: columns[name] for name in ROWS.names})


def _two_values(row: pa.RecordBatch) -> SourceError:
    host, resource, moment = (row.column(name)[0].as_py() for name in KEY)
    return SourceError(
        f"{shown_series(host, resource)} has two values at {shown_time(moment)} UTC: a series of this query is several of the "
        "source's; tell them apart, or put them together, in the query"
    )


def _numbers(batch: pa.RecordBatch, name: str) -> NDArray[np.int64]:
    column = batch.column(name)
    found: NDArray[np.int64] = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return found


@contextmanager
def in_order(fetched: Fetched, former: Path | None, folder: Path) -> Iterator[Sorted]:
    """The rows of what was fetched, and of a former landing in a file like that, sorted.

    folder: for what is sorted on the disk. Raises StorageError where a file is damaged, or the disk is full.
    """
    union = _UNION.format(former=duckdb_sql(former)) if former else ""
    sql = _SORTED.format(fetched=duckdb_sql(fetched.path), union=union)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "threads": THREADS,
        "temp_directory": str(folder),
        "preserve_insertion_order": False,
    }
    hosts, host_texts = fetched.codes["host_id"].in_order()
    resources, resource_texts = fetched.codes["resource"].in_order()
    texts = {"host_id": host_texts, "resource": resource_texts, "labels": fetched.codes["labels"].texts}
    try:
        con = duckdb.connect(config=config)
        con.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
        for name, ranks in (("hosts", hosts), ("resources", resources)):
            codes = pa.array(np.arange(len(ranks), dtype=np.int32))
            con.register(name, pa.table({"code": codes, "rank": pa.array(ranks)}))
        reader = con.sql(sql).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:
        raise _unsorted(fetched.path, error) from None
    with con, closing(reader):
        yield Sorted(_read(reader, fetched.path), texts)


def _read(reader: pa.RecordBatchReader, path: Path) -> Iterator[pa.RecordBatch]:
    """The reader's batches. DuckDB's errors come through Arrow, as whatever Arrow makes of them."""
    try:
        yield from reader
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise _unsorted(path, error) from None


def _unsorted(path: Path, error: Exception) -> StorageError:
    return StorageError(f"what was fetched ({path}) cannot be sorted: {' '.join(str(error).split())}")
