"""What was fetched, and what of a former landing is kept beside it, as sorted rows.

Belongs here: the order, and which of two rows of one moment counts. Does not belong here: whether the two may be put together
(`due.py`), and the file (`storage/landed_rows.py`).
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from turbo_forecast.errors import SourceError, StorageError
from turbo_forecast.landing.fetching import Fetched, shown_series, shown_time
from turbo_forecast.landing.series_codes import Texts
from turbo_forecast.sources.protocol import ROWS
from turbo_forecast.storage.datasets import duckdb_sql
from turbo_forecast.storage.landed_rows import BATCH_ROWS

MEMORY, THREADS = "400MB", 2
"""Of DuckDB while it sorts; a month that is larger is sorted on the disk, beside the landed months. Each thread needs some of the memory."""
_SORTED = """
    SELECT series, rank, "timestamp", value, former
    FROM (
        SELECT *, 0::TINYINT AS former FROM {fetched}
        {union}
    ) JOIN ranks USING (series)
    ORDER BY rank, "timestamp", former
"""
_UNION = "UNION ALL SELECT *, 1::TINYINT AS former FROM {former}"


@dataclass(slots=True)
class Union:
    """The rows of a month as they are read: so many of a former landing are kept, which the source has no more."""

    texts: Mapping[str, Texts]
    kept: int = 0

    def rows(self, in_order: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """One row a series and moment, in the columns of ROWS, texts as dictionaries: the fetched one where there is one, else the former.

        in_order: columns series, rank, timestamp, value, former (1 or 0); sorted, of one moment the fetched row first. Raises
        SourceError for two fetched rows of one moment, naming the series.
        """
        before = (-1, 0)
        for batch in in_order:
            rank, moment = (_numbers(batch, name) for name in ("rank", "timestamp"))
            former = _numbers(batch, "former") == 1
            repeated = (np.diff(rank, prepend=before[0]) == 0) & (np.diff(moment, prepend=before[1]) == 0)
            before = (int(rank[-1]), int(moment[-1])) if len(rank) else before
            twice = np.flatnonzero(repeated & ~former)
            if twice.size:
                raise self._two_values(batch, int(twice[0]))
            self.kept += int((former & ~repeated).sum())
            yield self._row_batch(batch.filter(pa.array(~repeated)) if repeated.any() else batch)

    def _row_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        series = batch.column("series").to_numpy(zero_copy_only=False)
        columns = {name: texts.at(series) for name, texts in self.texts.items()}
        columns |= {"timestamp": batch.column("timestamp").cast(ROWS.field("timestamp").type)}
        columns |= {"value": batch.column("value")}
        return pa.RecordBatch.from_pydict({name: columns[name] for name in ROWS.names})

    def _two_values(self, batch: pa.RecordBatch, at: int) -> SourceError:
        rows = self._row_batch(batch.slice(at, 1))
        series = shown_series(rows.column("host_id")[0].as_py(), rows.column("resource")[0].as_py())
        moment = shown_time(datetime.fromtimestamp(int(_numbers(batch, "timestamp")[at]) / 1e6, UTC))
        return SourceError(
            f"{series} has two values at {moment} UTC: a series of this query is several of the source's; tell them apart, or put them "
            "together, in the query"
        )


def _numbers(batch: pa.RecordBatch, name: str) -> NDArray[np.int64]:
    column = batch.column(name)
    found: NDArray[np.int64] = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return found


@contextmanager
def in_order(fetched: Fetched, former: Path | None, folder: Path) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows of what was fetched and of a former landing in a file like that, sorted, as `Union.rows` takes them.

    folder: for what is sorted on the disk. Raises StorageError where a file is damaged, or the disk is full.
    """
    union = _UNION.format(former=duckdb_sql(former)) if former else ""
    sql = _SORTED.format(fetched=duckdb_sql(fetched.path), union=union)
    ranks = fetched.codes.ranks()
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "threads": THREADS,
        "temp_directory": str(folder),
        "preserve_insertion_order": False,
    }
    try:
        con = duckdb.connect(config=config)
        con.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
        con.register(
            "ranks", pa.table({"series": pa.array(np.arange(len(ranks), dtype=np.int32)), "rank": pa.array(ranks)})
        )
        reader = con.sql(sql).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:
        raise _unsorted(fetched.path, error) from None
    with con, closing(reader):
        yield _read(reader, fetched.path)


def _read(reader: pa.RecordBatchReader, path: Path) -> Iterator[pa.RecordBatch]:
    """The reader's batches. DuckDB's errors come through Arrow, as whatever Arrow makes of them."""
    try:
        yield from reader
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise _unsorted(path, error) from None


def _unsorted(path: Path, error: Exception) -> StorageError:
    return StorageError(f"what was fetched ({path}) cannot be sorted: {' '.join(str(error).split())}")
