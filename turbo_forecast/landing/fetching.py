"""A month's rows from a source into a file of this machine, a batch at a time, each looked at before it is kept.

Belongs here: asking, and the sentence for an answer that is not what the protocol says. Does not belong here: sorting, and what of a
former landing is kept (`merging.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from turbo_forecast.day_edges import day_edges
from turbo_forecast.errors import SourceError, TurboForecastError, refusal, writing
from turbo_forecast.landing.due import month_window
from turbo_forecast.landing.text_codes import TextCodes
from turbo_forecast.sources.protocol import ROWS, Source
from turbo_forecast.storage.landed_rows import TEXTS
from turbo_forecast.text import one_line
from turbo_forecast.windows import cutoff_of

NAME_SHOWN = 60
TYPES = {field.name: field.type for field in ROWS}
CODED = pa.schema([(name, pa.int32() if name in TEXTS else kind) for name, kind in TYPES.items()])
"""Rows of a file that is to be sorted: texts as their numbers."""


@dataclass(slots=True)
class Fetched:
    """What a source answered: so many rows, of these days of the month, in a file of schema CODED, in the source's order.

    dropped: values that it says were no finite number, so that they are no rows.
    """

    path: Path
    codes: Mapping[str, TextCodes] = field(default_factory=lambda: {name: TextCodes() for name in TEXTS})
    rows: int = 0
    days: set[date] = field(default_factory=set)
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a month in a zone, by the moments at which they begin."""

    month: str
    edges: NDArray[np.datetime64]

    @classmethod
    def of(cls, month: str, zone: str) -> "Days":
        """The month's (YYYY-MM)."""
        last = cutoff_of(month)
        edges = [edge.replace(tzinfo=None) for edge in day_edges(last.replace(day=1), last, zone)]
        return cls(month, np.array(edges, "datetime64[us]"))

    def of_moments(self, moments: pa.Array) -> set[date]:
        """Those that the moments lie in; none of them is outside the month."""
        if not len(moments):
            return set()
        found = np.searchsorted(
            self.edges, moments.cast(pa.int64()).to_numpy(zero_copy_only=False).view("datetime64[us]"), "right"
        )
        last = cutoff_of(self.month)
        return {last.replace(day=int(number)) for number in np.unique(found)}


def fetch(
    name: str, source: Source, month: str, zone: str, path: Path, raise_if_stopped: Callable[[], None]
) -> Fetched:
    """Ask the source for a month (YYYY-MM) of a zone, and keep the answer at `path`.

    raise_if_stopped: called for each batch; what it raises ends the fetch. Raises SourceError, which names source and month, for an answer
    that ends early, and for one that is not of the protocol, naming the series, too.
    """
    window, days = month_window(month, zone), Days.of(month, zone)
    fetched = Fetched(path)
    with writing(path):
        file = pq.ParquetWriter(path, CODED, use_dictionary=list(TEXTS))
    with file, _named(name, month), _closed(source.fetch(window)) as batches:
        for batch in batches:
            raise_if_stopped()
            _require_rows(batch)
            _require_values(batch, window.start, window.end)
            _write(file, fetched.codes, batch, path)
            fetched.rows += batch.num_rows
            fetched.days |= days.of_moments(batch.column("timestamp"))
    fetched.dropped = getattr(source, "dropped", 0)
    return fetched


def coded(batches: Iterable[pa.RecordBatch], codes: Mapping[str, TextCodes], path: Path) -> None:
    """Write rows, such as those of a former landing, in the same way, with the same numbers. Raises StorageError."""
    with writing(path):
        file = pq.ParquetWriter(path, CODED, use_dictionary=list(TEXTS))
    with file:
        for batch in batches:
            _write(file, codes, batch, path)


def _write(file: pq.ParquetWriter, codes: Mapping[str, TextCodes], batch: pa.RecordBatch, path: Path) -> None:
    columns = {name: batch.column(name) for name in CODED.names}
    columns |= {name: pa.array(known.of(columns[name])) for name, known in codes.items()}
    with writing(path):
        file.write_batch(pa.RecordBatch.from_pydict(columns, schema=CODED))


@contextmanager
def _named(name: str, month: str) -> Iterator[None]:
    """What is raised says which month of which source it is of."""
    try:
        yield
    except TurboForecastError as error:
        # the name once is enough
        reason = str(error).removeprefix(f"source {name}: ").removeprefix(f"sources.{name}: ")
        raise SourceError(f"source {name}: month {month} could not be landed: {reason}") from None
    except OSError as error:  # of a connection: what this machine's disk refuses is a StorageError by now
        raise SourceError(f"source {name}: month {month} could not be landed: {refusal(error)}") from None


@contextmanager
def _closed(batches: Iterator[pa.RecordBatch]) -> Iterator[Iterator[pa.RecordBatch]]:
    """A source's answer, which lets go of its connections when the block ends, read to its end or not."""
    try:
        yield batches
    finally:
        close = getattr(batches, "close", None)
        if close is not None:
            close()


def _require_rows(batch: Any) -> None:
    """Raises SourceError for a batch of other columns or types."""
    if not isinstance(batch, pa.RecordBatch):
        raise SourceError(f"it answered with {type(batch).__name__} instead of record batches")
    found: Mapping[str, pa.DataType] = {each.name: each.type for each in batch.schema}
    if found != TYPES or batch.num_columns != len(TYPES):
        wrong = [f"{each} ({found.get(each, 'missing')})" for each in TYPES if found.get(each) != TYPES[each]]
        extra = [each for each in found if each not in TYPES]
        difference = f"wrong are {', '.join(wrong)}" if wrong else f"there is also {', '.join(extra) or 'one twice'}"
        raise SourceError(
            f"it answered with other columns than host_id, resource, timestamp, value, labels: {difference}"
        )


def _require_values(batch: pa.RecordBatch, start: datetime, end: datetime) -> None:
    """Raises SourceError for a row that is none, naming its series."""
    for column in ROWS.names:
        if batch.column(column).null_count:
            _refuse(batch, pc.is_null(batch.column(column)), f"has no {column}")
    for column in ("host_id", "resource"):
        _refuse(batch, pc.equal(batch.column(column), ""), f"has an empty {column}")
    _refuse(batch, pc.invert(pc.is_finite(batch.column("value"))), "is no finite number")
    moments = batch.column("timestamp")
    outside = pc.or_(
        pc.less(moments, pa.scalar(start, TYPES["timestamp"])),
        pc.greater_equal(moments, pa.scalar(end, TYPES["timestamp"])),
    )
    _refuse(batch, outside, f"is outside of the month, which is from {shown_time(start)} up to {shown_time(end)} UTC")


def _refuse(batch: pa.RecordBatch, wrong: pa.Array, why: str) -> None:
    """Raises SourceError, naming the first row that is wrong, where one is."""
    index = pc.index(wrong, True).as_py()
    if index >= 0:
        row = {name: batch.column(name)[index].as_py() for name in ("host_id", "resource", "timestamp")}
        raise SourceError(
            f"a value of {shown_series(row['host_id'], row['resource'])} at {shown_time(row['timestamp'])} UTC {why}"
        )


def shown_series(host: str | None, resource: str | None) -> str:
    """A series in a sentence."""
    return "/".join(one_line(name, NAME_SHOWN) if name else "(none)" for name in (host, resource))


def shown_time(moment: datetime | None) -> str:
    """A moment in a sentence, in UTC."""
    return "(none)" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
