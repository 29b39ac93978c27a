"""Every series' history out of the base table, some thousand at a time, so that memory does not grow with the fleet.

Belongs here: cutting the base table's rows into series. Does not belong here: the order in which they come (`ordered_rows.py`), and
where histories are put (`fleet/store.py`).
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from datetime import date

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.storage.arrow_arrays import arrow_array
from turbo_forecast.storage.ordered_rows import ordered_batches
from turbo_forecast.storage.warehouse import has_table
from turbo_forecast.windows import day_number

READ_ROWS = 1_000_000
"""Rows of the base table asked for at once."""


def last_observed(con: duckdb.DuckDBPyConnection, cutoff: date) -> date | None:
    """The last day up to the cutoff on which anything was observed. Raises StorageError when there is no base table."""
    _require_base_table(con)
    found: date | None = con.execute("SELECT max(ds) FROM base_table WHERE ds <= ?", [cutoff]).fetchall()[0][0]
    return found


def store_histories(
    con: duckdb.DuckDBPyConnection, since: date, cutoff: date, write: Callable[[Iterable[pa.Table]], object]
) -> None:
    """Hand every series observed up to the cutoff to `write`, in tables of one row each: host_id, resource, days, y; sorted.

    days (from 1970) and y hold what was observed from the day `since` on; a series whose last value is older has empty
    lists, not no row.
    Nothing after the cutoff is read. The caller holds the transaction. Raises StorageError when there is no base table.
    """
    _require_base_table(con)
    with closing(_histories(con, since, cutoff)) as tables:
        write(tables)


def _require_base_table(con: duckdb.DuckDBPyConnection) -> None:
    if not has_table(con, BASE_TABLE):
        raise StorageError("there is no base_table in the warehouse: materialise base_table first")


def _histories(con: duckdb.DuckDBPyConnection, since: date, cutoff: date) -> Generator[pa.Table]:
    """Tables of whole series."""
    held: pl.DataFrame | None = None
    with closing(ordered_batches(con, READ_ROWS, "ds <= $cutoff", {"cutoff": cutoff})) as batches:
        for read in batches:
            batch = pl.DataFrame(pl.from_arrow(read))
            frame = (pl.concat([held, batch]) if held is not None else batch).rechunk()
            if frame.is_empty():
                continue
            starts = _series_starts(frame)
            if len(starts) > 1:
                yield _table(frame[: int(starts[-1])], starts[:-1], day_number(since))
            held = frame[int(starts[-1]) :]
    if held is not None:
        yield _table(held, np.zeros(1, dtype=np.int64), day_number(since))


def _series_starts(frame: pl.DataFrame) -> NDArray[np.int64]:
    """Positions of each series' first row."""
    host, resource = pl.col("host_id"), pl.col("resource")
    same = (host == host.shift()) & (resource == resource.shift())
    return frame.select(new=same.not_().fill_null(True))["new"].arg_true().to_numpy().astype(np.int64)


def _table(frame: pl.DataFrame, starts: NDArray[np.int64], first_day: int) -> pa.Table:
    """One row per series: its names, and its days and values from `first_day` on."""
    days = frame["ds"].to_physical().to_numpy()
    inside = days >= first_day
    offsets = np.concatenate([[0], np.cumsum(np.add.reduceat(inside, starts, dtype=np.int64))])
    names = frame.select("host_id", "resource")[starts].to_arrow()
    lists = {
        "days": pa.LargeListArray.from_arrays(arrow_array(offsets), arrow_array(days[inside])),
        "y": pa.LargeListArray.from_arrays(arrow_array(offsets), arrow_array(frame["y"].to_numpy()[inside])),
    }
    return pa.table({name: names[name] for name in ("host_id", "resource")} | lists)
