"""A window's rows whole or not at all: buffered until the last one is there, queried again where the server went away.

Belongs here: the query, its retries, and the buffer. Does not belong here: what a row is (`rows.py`).
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from turbo_forecast.errors import writing
from turbo_forecast.sources.protocol import ROWS
from turbo_forecast.sources.sql.database import Database, UnreachableError
from turbo_forecast.sources.sql.rows import Rows

IN_MEMORY_BYTES = 64 * 2**20
"""Of a window's rows, compressed; more of them lie in a file without a name."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0


def _unchanged(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch


@dataclass(frozen=True, slots=True)
class Request:
    """A window's query. rows: what makes rows of an answer, anew for each attempt; prepare: of each of its batches beforehand."""

    sql: str
    rows: Callable[[], Rows]
    prepare: Callable[[pa.RecordBatch], pa.RecordBatch] = _unchanged


class BufferedRows:
    """The rows of an answer in memory, or in a file without a name.

    without_value: those that were left out; series: how many there are, by resource.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115  # closed by batches or close
        with writing(Path(tempfile.gettempdir())):
            self._stream = pa.ipc.new_stream(self._file, ROWS, options=pa.ipc.IpcWriteOptions(compression="lz4"))
        self.without_value = 0
        self.series: Counter[str] = Counter()

    def add(self, batch: pa.RecordBatch) -> None:
        """Raises StorageError where there is no room."""
        with writing(Path(tempfile.gettempdir())):
            self._stream.write_batch(batch)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All of them, once."""
        with self._file:
            with writing(Path(tempfile.gettempdir())):
                self._stream.close()
            self._file.seek(0)
            with pa.ipc.open_stream(self._file) as reader:
                yield from reader

    def close(self) -> None:
        """Discard them."""
        self._file.close()


def buffered(database: Database, request: Request, seconds: float, attempts: int) -> BufferedRows:
    """All rows of the answer to a request. seconds: for each attempt.

    Raises QueryError, or UnreachableError when as many attempts were in vain.
    """
    # not at the top: whether an address is of a database is looked at where the extra `sources` is not installed, too
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    retrying = Retrying(
        retry=retry_if_exception_type(UnreachableError),
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
        reraise=True,
    )
    return retrying(_query, database, request, seconds)


def _query(database: Database, request: Request, seconds: float) -> BufferedRows:
    kept, rows = BufferedRows(), request.rows()
    try:
        with database.answer(request.sql, seconds) as answer:
            empty = pa.RecordBatch.from_pylist([], schema=answer.schema)
            rows.of(request.prepare(empty))  # an answer without rows has columns, too
            for batch in answer.batches:
                kept.add(rows.of(request.prepare(batch)))
        rows.finish()
    except BaseException:
        kept.close()
        raise
    kept.without_value, kept.series = rows.without_value, rows.series
    return kept
