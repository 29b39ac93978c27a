"""The demo's files: one Parquet file a month, in the long layout, rows in time order.

Belongs here: the files' layout, encoding and names.
Does not belong here: which folder they go to and when that counts as finished; that is `folder.py`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from turbo_forecast.demo.bad_rows import HOUR, NO_CODE, NO_TIME, BadRow, Rows, with_bad_rows
from turbo_forecast.demo.calendar import Calendar, Month
from turbo_forecast.demo.hours import HOURS, hourly_chunks
from turbo_forecast.demo.roster import RESOURCES, Host
from turbo_forecast.demo.series import DECIMALS

_TYPES: dict[str, pa.DataType] = {
    "host_id": pa.dictionary(pa.int32(), pa.string()),
    "resource": pa.dictionary(pa.int8(), pa.string()),
    "timestamp": pa.timestamp("us"),
    "value": pa.float64(),
}
SCHEMA = pa.schema(_TYPES)


def month_file(month: Month) -> str:
    """The name of a month's file."""
    return f"telemetry-{month.name}.parquet"


def write_month(
    path: Path,
    month: Month,
    fleet: Sequence[Host],
    calendar: Calendar,
    daily: NDArray[np.float32],
    bad: Sequence[BadRow],
    hourly_seed: int | None,
) -> int:
    """Write one month's file and return its number of rows; hourly when `hourly_seed` is given.

    Hours are made and written a few days at a time, so a month of a large fleet is never in memory whole.
    """
    midnights = calendar.days.astype("datetime64[us]").astype(np.int64)
    hosts = pa.array([host.name for host in fleet])
    count = 0
    # Without the Arrow schema in the file's metadata, every reader sees plain strings rather than categories.
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", store_schema=False) as writer:
        for first, values in _chunks(month, fleet, daily, hourly_seed):
            stop = first + len(values)
            here = [row for row in bad if first <= row.day < stop]
            rows = with_bad_rows(_rows(values, midnights[first:stop]), here, midnights, len(RESOURCES))
            writer.write_table(_table(rows, hosts), row_group_size=max(len(rows), 1))
            count += len(rows)
    return count


def _chunks(
    month: Month, fleet: Sequence[Host], daily: NDArray[np.float32], hourly_seed: int | None
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Values of shape (days, readings a day, series) with the first of the days."""
    if hourly_seed is None:
        yield month.first, daily[month.first : month.stop, None]
    else:
        yield from hourly_chunks(daily, fleet, month, hourly_seed)


def _rows(values: NDArray[np.float32], midnights: NDArray[np.int64]) -> Rows:
    """The rows of all readings that are there: by time, then host, then resource."""
    _, readings, series = values.shape
    there = np.isfinite(values)
    step = HOUR * HOURS // readings
    times = midnights[:, None, None] + np.arange(readings)[:, None] * step
    host, resource = np.divmod(np.arange(series), len(RESOURCES))
    return Rows(
        host=np.broadcast_to(host.astype(np.int32), values.shape)[there],
        resource=np.broadcast_to(resource.astype(np.int8), values.shape)[there],
        time=np.broadcast_to(times, values.shape)[there],
        value=values[there].astype(np.float64).round(DECIMALS),
        no_value=np.zeros(int(there.sum()), np.bool_),
    )


def _table(rows: Rows, hosts: pa.StringArray) -> pa.Table:
    host = pa.array(rows.host, pa.int32(), mask=rows.host == NO_CODE)
    return pa.Table.from_arrays(
        [
            pa.DictionaryArray.from_arrays(host, hosts),
            pa.DictionaryArray.from_arrays(pa.array(rows.resource, pa.int8()), pa.array(RESOURCES)),
            pa.array(rows.time, mask=rows.time == NO_TIME).cast(pa.timestamp("us")),
            pa.array(rows.value, mask=rows.no_value),
        ],
        schema=SCHEMA,
    )
