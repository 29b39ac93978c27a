"""What a caller of `forecast_fleet` may bring: a frame of any common library, a month's end in any common notation.

Belongs here: conversion where the meaning is plain, one sentence where it is not. Does not belong here: raw telemetry, which
has clocks, units and granularities of its own (`storage/telemetry/`).
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from turbo_forecast.errors import PartitionError, TelemetryError
from turbo_forecast.number_words import counted
from turbo_forecast.option_rules import shown
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.text import printable
from turbo_forecast.windows import month_end

_EPOCH = date(1970, 1, 1).toordinal()
KINDS = "a Polars or pandas frame, a LazyFrame, an Arrow table or a DuckDB relation"


def cutoff_day(cutoff: object) -> date:
    """The calendar day that a cutoff means; a month, such as "2025-12", means its last day.

    Takes a date, a datetime or pandas Timestamp (its own calendar date, whatever its zone), a NumPy datetime64 and ISO
    text. Raises PartitionError for anything else.
    """
    day = _cutoff_day(cutoff)
    if day is None:
        raise PartitionError(f"cutoff: {shown(cutoff)} is no day; give a date such as 2025-12-31, or a month 2025-12")
    return day


def _cutoff_day(cutoff: Any) -> date | None:
    if isinstance(cutoff, np.datetime64):
        unit, moment = np.datetime_data(cutoff.dtype)[0], cutoff.astype("datetime64[D]").item()
        if not isinstance(moment, date):  # not a time, or beyond the calendar
            return None
        return month_end(moment) if unit == "M" else None if unit == "Y" else moment
    if isinstance(cutoff, str):
        text = cutoff.strip()
        try:
            if re.fullmatch(r"\d{4}-\d{2}", text):
                return month_end(date.fromisoformat(f"{text}-01"))
            return datetime.fromisoformat(text).date() if re.match(r"\d{4}-\d{2}-\d{2}", text) else None
        except ValueError:
            return None
    if isinstance(cutoff, datetime):
        return cutoff.date() if cutoff == cutoff else None  # pandas' NaT is a datetime that equals nothing
    return cutoff if isinstance(cutoff, date) else None


def base_rows(base: object, log: Callable[[str], None]) -> pl.DataFrame:
    """`base` with exactly BASE_TABLE's columns, every row a named series' one value of a day.

    Raises TelemetryError, naming the column or series at fault; columns that are not used are logged.
    """
    frame = _frame(base)
    missing = [name for name in BASE_TABLE.names if name not in frame.columns]
    if missing:
        has = ", ".join(frame.columns) or "none"
        raise TelemetryError(f"base has no column {', '.join(missing)}; it has {printable(has[:160])}")
    unused = [name for name in frame.columns if name not in BASE_TABLE.names]
    if unused:
        log(f"base: columns that are not used: {_listed(unused)}")
    days, is_moment = _days(frame["ds"])
    _require_calendar_days(days)
    rows = pl.DataFrame([_names(frame["host_id"]), _names(frame["resource"]), days, _values(frame["y"])])
    _require_complete_rows(rows)
    _require_one_a_day(rows, is_moment)
    return rows


def _frame(base: Any) -> pl.DataFrame:
    """The frame in Polars; of a pandas frame, BASE_TABLE's columns only."""
    if isinstance(base, type):
        raise TelemetryError(f"base must be {KINDS}, not the class {base.__name__}")
    try:
        if isinstance(base, pl.LazyFrame):
            return base.collect()
        if isinstance(base, pl.DataFrame):
            return base
        if type(base).__module__.partition(".")[0] == "pandas" and hasattr(base, "columns"):
            return _of_pandas(base)
        if isinstance(base, pa.RecordBatch):
            return _of_arrow(pa.Table.from_batches([base]))
        if hasattr(base, "__arrow_c_stream__") and not isinstance(base, pl.Series):
            return _of_arrow(pa.RecordBatchReader.from_stream(base).read_all())
    except TelemetryError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:  # whatever the library that made it raises of it
        raise TelemetryError(f"base cannot be read: {_line(error)}") from None
    raise TelemetryError(f"base must be {KINDS}, not {type(base).__name__}")


def _of_arrow(table: pa.Table) -> pl.DataFrame:
    _require_names_once(table.column_names)
    columns = dict(zip(table.column_names, table.columns, strict=True))
    ds = columns.get("ds")
    if ds is not None and pa.types.is_timestamp(ds.type) and ds.type.tz:
        columns["ds"] = pc.local_timestamp(ds)  # here, for Polars does not know every zone that Arrow does
    return pl.DataFrame(pl.from_arrow(pa.table(columns)))


def _of_pandas(base: Any) -> pl.DataFrame:
    if set(BASE_TABLE.names) & (set(base.index.names) - set(base.columns)):
        base = base.reset_index()
    _require_names_once([str(label) for label in base.columns])
    used = [_pandas_column(base[name]) for name in BASE_TABLE.names if name in base.columns]
    unused = [
        pl.Series(str(label), [None] * len(base), pl.Null) for label in base.columns if label not in BASE_TABLE.names
    ]
    return pl.DataFrame([*used, *unused])


def _pandas_column(series: Any) -> pl.Series:
    if getattr(series.dtype, "tz", None) is not None:
        series = series.dt.tz_localize(None)  # its own wall clock
    if type(series.dtype).__name__ == "PeriodDtype":
        if series.name != "ds" or series.dtype.freq.name != "D":
            kind = "days" if series.name == "ds" else "numbers" if series.name == "y" else "text"
            raise TelemetryError(f"base: column {series.name} must hold {kind}, not periods ({series.dtype})")
        series = series.dt.to_timestamp()
    if type(series.dtype).__name__ == "SparseDtype":
        series = series.sparse.to_dense()
    if series.name == "ds" and series.dtype == object:
        return pl.Series("ds", [_cell_day(cell) for cell in series], dtype=pl.Date)
    try:
        return pl.Series(series.name, pl.from_pandas(series))
    except (Exception, pl.exceptions.PanicException) as error:
        raise TelemetryError(f"base: column {series.name} cannot be read: {_line(error)}") from None


def _require_names_once(names: list[str]) -> None:
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise TelemetryError(f"base has more than one column {_listed(twice)}")


def _cell_day(cell: Any) -> date | None:
    """The day of one Python object in a column of objects, None for a missing one."""
    if cell is None or cell != cell:
        return None
    day = cell if isinstance(cell, date) and not isinstance(cell, datetime) else None
    if isinstance(cell, datetime):
        day = cell.date()
    elif isinstance(cell, str):
        day = _text_day(cell)
    if day is None:
        raise TelemetryError(f"base: column ds holds {shown(cell)}, which is no day; give dates such as 2025-12-31")
    return day


def _text_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None


def _names(column: pl.Series) -> pl.Series:
    """A column of names as text. Whole numbers are names too; anything else has no one way to be written."""
    if not (column.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null) or column.dtype.is_integer()):
        raise TelemetryError(f"base: column {column.name} must hold text, not {column.dtype}: it has the wrong type")
    names = column.cast(pl.String)
    distinct = names.unique().drop_nulls()
    for pattern, fault in ((r"^[\s\p{Cf}]*$", "is empty"), (r"\p{Cc}", "holds control characters")):
        bad = distinct.filter(distinct.str.contains(pattern))
        if len(bad):
            raise TelemetryError(f"base: column {column.name}: the name {shown(bad.min())} {fault}")
    return names


def _days(column: pl.Series) -> tuple[pl.Series, bool]:
    """A column of days as dates, and whether it held times of day. What has a zone keeps its own calendar date."""
    if isinstance(column.dtype, pl.Datetime):
        wall_clock = column.dt.replace_time_zone(None)
        days = wall_clock.dt.date()
        return days, bool((wall_clock != days.cast(wall_clock.dtype)).any())
    if column.dtype in (pl.String, pl.Categorical, pl.Enum):
        text = column.cast(pl.String)
        shape = text.str.contains(r"^\d{4}-\d{2}-\d{2}$")
        days = text.set(~shape, None).str.to_date("%Y-%m-%d", strict=False)
        bad = text.filter(days.is_null() & text.is_not_null())
        if len(bad):
            raise TelemetryError(f"base: column ds holds {shown(bad[0])}, which is no day; write days as 2025-12-31")
        return days, False
    if column.dtype not in (pl.Date, pl.Null):
        raise TelemetryError(f"base: column ds must hold days, not {column.dtype}: it has the wrong type")
    return column.cast(pl.Date), False


def _require_calendar_days(days: pl.Series) -> None:
    """Databases have an infinite day, which Python's calendar has not."""
    beyond = ~days.cast(pl.Int32).is_between(date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH)
    if beyond.any():
        raise TelemetryError(
            f"base: column ds holds {counted(int(beyond.sum()), 'day')} outside the years 1 to 9999 (infinity?)"
        )


def _values(column: pl.Series) -> pl.Series:
    if not (column.dtype.is_numeric() or column.dtype == pl.Null):
        raise TelemetryError(f"base: column y must hold numbers, not {column.dtype}: it has the wrong type")
    return column.cast(pl.Float64)


def _require_complete_rows(rows: pl.DataFrame) -> None:
    outside = ~pl.col("y").is_between(0, 100)  # NaN is not between, and a null must not pass either
    bad = rows.filter(outside.fill_null(True) | pl.any_horizontal(pl.col("host_id", "resource", "ds").is_null()))
    if len(bad):
        raise TelemetryError(
            f"base has {counted(len(bad), 'row')} without a name, a day or a y in [0, 100], first {_row(bad)}"
        )


def _require_one_a_day(rows: pl.DataFrame, is_moment: bool) -> None:
    twice = rows.filter(pl.struct("host_id", "resource", "ds").is_duplicated())
    if len(twice):
        advice = "; its ds are times: make one value a day of them first" if is_moment else ""
        raise TelemetryError(f"base has {len(twice):,} rows for days that appear twice, first {_row(twice)}{advice}")


def _row(rows: pl.DataFrame) -> str:
    """The first row as a person reads it."""
    return ", ".join(printable(str(value)[:40]) for value in rows.row(0))


def _listed(names: list[str]) -> str:
    """Names of columns, so many of them as a sentence holds."""
    first = ", ".join(printable(name[:40]) for name in names[:5])
    return f"{first} and {len(names) - 5:,} more" if len(names) > 5 else first


def _line(error: BaseException) -> str:
    return printable(str(error).splitlines()[0][:160]) if str(error) else type(error).__name__
