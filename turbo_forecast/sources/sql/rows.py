"""Turns a database's answer into the rows of a source: which column is what, which types can be used, which rows are refused.

Belongs here: types, names, what is refused with the row's or the column's name, values that are none. Does not belong here: how
a database is asked, and clocks (`clock.py`).
"""

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from turbo_forecast.day_edges import zone_info
from turbo_forecast.sources.protocol import ROWS, Window
from turbo_forecast.sources.sql.clock import LocalClock, of_numbers
from turbo_forecast.sources.sql.database import QueryError
from turbo_forecast.sources.sql.options import Columns
from turbo_forecast.text import one_line

NAME_SHOWN = 60
_SERIES = ["host_id", "resource"]


class Rows:
    """Makes rows of one answer's batches, and remembers what is needed to see that no series has two values of a moment."""

    def __init__(self, columns: Columns, window: Window, *, zone: str = "", epoch: str = "seconds") -> None:
        self._columns, self._window, self._zone, self._epoch = columns, window, zone, epoch
        self._clock = LocalClock(zone or "UTC")
        self._series = pl.DataFrame(schema={"host_id": pl.String, "resource": pl.String, "series": pl.UInt32})
        self._moments: list[np.ndarray] = []
        self._with_value: set[int] = set()
        self._rows_seen = 0
        self.without_value = 0
        """Rows whose value is null, or no finite number: they are left out."""

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """A batch of schema ROWS. Raises QueryError."""
        named = self._by_role(batch)
        names = pl.DataFrame({each: _text(named[each], self._source_column(each)) for each in _SERIES})
        self._require(names["host_id"], names, "host_id")
        self._require(names["resource"], names, "resource")
        numbered = self._numbered(names)
        moments = self._times(named["timestamp"], numbered)
        value = _number(named["value"], self._columns.value)
        frame = names.with_columns(timestamp=moments, value=value, labels=_labels(named), series=numbered)
        self._require(frame["timestamp"], frame, "timestamp")
        self._require_within_window(frame)
        self._rows_seen += len(frame)
        kept = frame.filter(frame["value"].is_finite().fill_null(False))
        self.without_value += len(frame) - len(kept)
        self._moments.append(self._keys(kept))
        self._with_value.update(kept["series"].unique())
        return _as_rows(kept.drop("series"))

    def finish(self) -> None:
        """When all batches were seen. Raises QueryError for a series that has two values of one moment."""
        keys = np.concatenate([np.empty(0, np.uint64), *self._moments])
        keys.sort()
        again = np.flatnonzero(keys[1:] == keys[:-1])
        if again.size:
            span = np.uint64(self._span)
            key = keys[again[0]]
            host, resource, _ = self._series.row(int(key // span))
            moment = datetime.fromtimestamp((int(key % span) + _microseconds(self._window.start)) / 1e6, UTC)
            raise QueryError(
                f"the query gives {_shown(host, resource)} two values at {_shown_time(moment)}: sum, average or tell them apart in the query"
            )

    def moment(self, time: pa.Array) -> datetime:
        """The first of some times, as a row's would be read. Raises QueryError."""
        moment: datetime = self._times(time, pl.Series([0] * len(time), dtype=pl.UInt32))[0]
        return moment

    @property
    def series(self) -> Counter[str]:
        """How many series had a value, by resource."""
        return Counter(self._series.filter(pl.col("series").is_in(list(self._with_value)))["resource"])

    def _source_column(self, column: str) -> str:
        columns = self._columns
        return {
            "host_id": columns.host,
            "resource": columns.resource,
            "timestamp": columns.time,
            "value": columns.value,
        }[column]

    def _by_role(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The four columns by our names, labels as `labels.<name>`, with ordinary types."""
        names = batch.schema.names
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise QueryError(f"the query's answer has two columns {twice}: give each a name of its own with AS")
        ours = {self._source_column(each): each for each in ("host_id", "resource", "timestamp", "value")}
        missing = [name for name in ours if name not in names]
        if missing:
            raise QueryError(
                f"the query's answer has no column {' and no column '.join(missing)}; it has {', '.join(names)}: "
                "name them with AS, or set columns"
            )
        columns = zip(batch.schema, batch.columns, strict=True)
        return {ours.get(field.name, f"labels.{field.name}"): _plain(column, field) for field, column in columns}

    def _numbered(self, names: pl.DataFrame) -> pl.Series:
        """A number for each row's series, the same in all batches."""
        new = names.unique(maintain_order=True).join(self._series, on=_SERIES, how="anti", maintain_order="left")
        first = len(self._series)
        numbers = pl.int_range(first, first + len(new), dtype=pl.UInt32, eager=True)
        self._series = pl.concat([self._series, new.with_columns(series=numbers)])
        return names.join(self._series, on=_SERIES, how="left", maintain_order="left")["series"]

    def _times(self, times: pa.Array, series: pl.Series) -> pl.Series:
        name, kind = self._columns.time, times.type
        if kinds.is_timestamp(kind) and kind.tz:
            return _polars(pc.cast(times, pa.timestamp("us", "UTC"), safe=False), name)
        if kinds.is_timestamp(kind) or kinds.is_date(kind):
            if not self._zone:
                raise QueryError(
                    f"column {name} has times without a zone: set time_zone to the zone whose clock they are of"
                )
            plain = _polars(pc.cast(times, pa.timestamp("us"), safe=False), name)
            moments = self._clock.moments(plain, series)
            if kinds.is_date(kind):
                self._require_the_same_days(plain, moments)
            return moments
        if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind):
            numbers = times if kinds.is_integer(kind) else pc.cast(times, pa.float64())
            return of_numbers(_polars(numbers, name), self._epoch)
        hint = "; cast it in the query to timestamptz, or to seconds since 1970" if kinds.is_string(kind) else ""
        raise QueryError(f"column {name} is no time but {_type(kind)}{hint}")

    def _require_the_same_days(self, dates: pl.Series, moments: pl.Series) -> None:
        """Raises QueryError for a date that is counted as another one, for it begins on the day before where the window's days are."""
        if not self._window.zone:
            return
        for row in pl.DataFrame({"date": dates, "moment": moments}).drop_nulls().unique().sort("date").iter_rows():
            day, counted = row[0].date(), row[1].astimezone(zone_info(self._window.zone)).date()
            if day != counted:
                raise QueryError(
                    f"column {self._columns.time} holds days of {self._zone}, and {day} there begins on {counted} by the clock of "
                    f"{self._window.zone}, whose days land: set time_zone to the telemetry's timezone"
                )

    def _require(self, column: pl.Series, frame: pl.DataFrame, name: str) -> None:
        """Raises QueryError, naming the first row in which there is nothing."""
        empty = column.is_null() if column.dtype != pl.String else column.is_null() | (column == "")
        index = empty.arg_max() if empty.any() else None
        if index is not None:
            row = {
                each: value
                for each, value in frame.row(index, named=True).items()
                if each in _SERIES and each != name and value
            }
            of = (
                f" ({', '.join(f'{each} {one_line(str(value), NAME_SHOWN)}' for each, value in row.items())})"
                if row
                else ""
            )
            raise QueryError(
                f"row {self._rows_seen + index + 1:,} of the query's answer{of} has nothing in column {self._source_column(name)}"
            )

    def _require_within_window(self, frame: pl.DataFrame) -> None:
        start, end = self._window.start, self._window.end
        outside = frame.filter(~pl.col("timestamp").is_between(start, end, closed="left")).head(1)
        if len(outside):
            host, resource, moment = outside.select(*_SERIES, "timestamp").row(0)
            raise QueryError(
                f"the query does not heed :start and :end: asked for {_shown_time(start)} up to, but without, {_shown_time(end)}, "
                f"it gives {_shown(host, resource)} a value at {_shown_time(moment)}"
            )

    @property
    def _span(self) -> int:
        return _microseconds(self._window.end) - _microseconds(self._window.start)

    def _keys(self, kept: pl.DataFrame) -> np.ndarray:
        """One number for a series and moment, 8 bytes a row: exact for 6 million series of a month."""
        if len(self._series) * self._span >= 2**64:
            raise QueryError(
                f"there are {len(self._series):,} series, more than can be told apart in a window of this length"
            )
        since = kept["timestamp"].to_physical().to_numpy() - _microseconds(self._window.start)
        keys: np.ndarray = kept["series"].to_numpy().astype(np.uint64) * np.uint64(self._span) + since.astype(np.uint64)
        return keys


def _as_rows(frame: pl.DataFrame) -> pa.RecordBatch:
    table = frame.to_arrow()
    arrays = [pc.cast(table.column(field.name), field.type).combine_chunks() for field in ROWS]
    return pa.RecordBatch.from_arrays(
        [a.chunk(0) if isinstance(a, pa.ChunkedArray) else a for a in arrays], schema=ROWS
    )


def _plain(column: pa.Array, field: pa.Field) -> pa.Array:
    """The column as an ordinary type. PostgreSQL's numeric comes as text, and its char(n) filled up with spaces that mean nothing."""
    plain = column.storage if isinstance(column, pa.ExtensionArray) else column
    if isinstance(field.type, pa.OpaqueType) and field.type.type_name == "numeric":
        plain = pc.cast(plain, pa.float64())
    plain = plain.dictionary_decode() if kinds.is_dictionary(plain.type) else plain
    padded = dict(field.metadata or {}).get(b"POSTGRESQL:type") == b"bpchar"
    return pc.utf8_rtrim(plain, " ") if padded else plain


def _text(column: pa.Array, name: str) -> pl.Series:
    """Names. Whole numbers are names, too: of hosts in an inventory."""
    kind = column.type
    if _is_text(kind) or kinds.is_integer(kind):
        return _polars(column, name).cast(pl.String)
    if kinds.is_null(kind):
        return pl.Series(name, [None] * len(column), pl.String)
    raise QueryError(f"column {name} must be text or a whole number, not {_type(kind)}: cast it in the query")


def _number(column: pa.Array, name: str) -> pl.Series:
    kind = column.type
    if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind) or kinds.is_null(kind):
        return _polars(pc.cast(column, pa.float64(), safe=False), name)
    raise QueryError(f"column {name} must hold numbers, not {_type(kind)}: cast it in the query")


def _labels(named: dict[str, pa.Array]) -> pl.Series:
    """All other columns as JSON, their names sorted, their values as text; null where there is none."""
    columns = []
    for name in sorted(name for name in named if name.startswith("labels.")):
        label, column = name.removeprefix("labels."), named[name]
        if (
            kinds.is_binary(column.type)
            or kinds.is_large_binary(column.type)
            or kinds.is_fixed_size_binary(column.type)
        ):
            raise QueryError(
                f"column {label} is binary, and no label can be made of it: leave it out, or cast it in the query"
            )
        columns.append(_polars(column, label).cast(pl.String))
    if not columns:
        return pl.Series("labels", ["{}"]).new_from_index(0, len(named["value"]))
    return pl.DataFrame(columns).to_struct("labels").struct.json_encode()


def _polars(column: pa.Array, name: str) -> pl.Series:
    return pl.Series(name, pl.from_arrow(column))


def _is_text(kind: pa.DataType) -> bool:
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))


def _type(kind: pa.DataType) -> str:
    names = [
        (kinds.is_boolean, "true or false"),
        (_is_text, "text"),
        (kinds.is_temporal, "times"),
        (kinds.is_null, "nothing at all"),
    ]
    return next((name for test, name in names if test(kind)), f"of type {kind}")


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _shown(host: str, resource: str) -> str:
    return f"{one_line(host, NAME_SHOWN)}/{one_line(resource, NAME_SHOWN)}"


def _shown_time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
