"""What was fetched, and what of a former landing is kept beside it, as sorted rows.

Belongs here: the order, and which of two rows of one moment counts. Does not belong here: whether the two may be put together
(`due.py`), and the file (`storage/landed_rows.py`).
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from turbo_forecast.errors import SourceError, StorageError
from turbo_forecast.landing.fetching import shown_series, shown_time
from turbo_forecast.sources.protocol import ROWS
from turbo_forecast.storage.datasets import duckdb_sql
from turbo_forecast.storage.landed_rows import BATCH_ROWS, KEY, Order

MEMORY = "400MB"
"""Of DuckDB while it sorts; a month that is larger is sorted on the disk, beside the landed months."""
_SORTED = """
    SELECT {columns}, former FROM (
        SELECT {columns}, 0::TINYINT AS former FROM {fetched}
        {union}
    ) ORDER BY {key}, former
"""
_UNION = "UNION ALL SELECT {columns}, 1::TINYINT AS former FROM {former}"


@dataclass(slots=True)
class Union:
    """The rows of a month as they are read: so many of a former landing are kept, which the source has no more."""

    kept: int = 0

    def rows(self, sorted_rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """One row a series and moment, of schema ROWS: the fetched one where there is one, else the former.

        sorted_rows: with a column `former`, 1 or 0; of one moment, the fetched row first. Raises SourceError for two fetched rows of
        one moment, naming the series.
        """
        order = Order()
        for batch in sorted_rows:
            _, repeated = order.repeats(batch)
            former = batch.column("former").to_numpy(zero_copy_only=False).astype(np.bool_)
            twice = np.flatnonzero(repeated & ~former)
            if twice.size:
                raise _two_values(batch.slice(int(twice[0]), 1))
            self.kept += int((former & ~repeated).sum())
            rows = pa.RecordBatch.from_arrays([batch.column(name) for name in ROWS.names], schema=ROWS)
            yield rows.filter(pa.array(~repeated)) if repeated.any() else rows


def _two_values(row: pa.RecordBatch) -> SourceError:
    host, resource, moment = (row.column(name)[0].as_py() for name in KEY)
    return SourceError(
        f"{shown_series(host, resource)} has two values at {shown_time(moment)} UTC: a series of this query is several of the source's; "
        "tell them apart, or put them together, in the query"
    )


@contextmanager
def in_order(fetched: Path, former: Path | None, folder: Path) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows of both files, sorted, with a column `former`; on the disk where they are many. folder: for what is spilled.

    Raises StorageError where a file is damaged, or the disk is full.
    """
    columns = ", ".join(f'"{name}"' for name in ROWS.names)
    union = _UNION.format(columns=columns, former=duckdb_sql(former)) if former else ""
    key = ", ".join(f'"{name}"' for name in KEY)
    sql = _SORTED.format(columns=columns, fetched=duckdb_sql(fetched), union=union, key=key)
    config = {"memory_limit": MEMORY, "temp_directory": str(folder), "preserve_insertion_order": False}
    try:
        con = duckdb.connect(config=config)
        con.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
        reader = con.sql(sql).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:
        raise _unsorted(fetched, former, error) from None
    with con, closing(reader):
        yield _read(reader, fetched, former)


def _read(reader: pa.RecordBatchReader, fetched: Path, former: Path | None) -> Iterator[pa.RecordBatch]:
    """The reader's batches. DuckDB's errors come through Arrow, as whatever Arrow makes of them."""
    try:
        yield from reader
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise _unsorted(fetched, former, error) from None


def _unsorted(fetched: Path, former: Path | None, error: Exception) -> StorageError:
    files = f"{former} and what was fetched ({fetched})" if former else str(fetched)
    return StorageError(f"{files} cannot be sorted: {' '.join(str(error).split())}")
