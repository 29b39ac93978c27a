"""A month's published rows as arrays, some hundred series at a time.

Belongs here: reading the master file (or the parts a run has left) by series. Does not belong here: what is made of the
rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from turbo_forecast.errors import StorageError
from turbo_forecast.storage.frames import frame_batches
from turbo_forecast.types import Phase

BLOCK_SERIES = 512
"""Series held at once: some ten megabytes for each column of a forecast."""
COLUMNS = ("yhat", "yhat_lower", "yhat_upper", "y")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PublishedBlock:
    """The published rows of n neighbouring series in one window of h days.

    names: `host_id, resource`, n rows. yhat, lower, upper: (n, h) percent. y: (n, h) what was observed, NaN where nothing was.
    """

    names: pl.DataFrame
    yhat: Floats
    lower: Floats
    upper: Floats
    y: Floats


def published_blocks(
    rows: pl.LazyFrame, phase: Phase, days: int, *, series: int = BLOCK_SERIES
) -> Iterator[PublishedBlock]:
    """The rows of a phase in blocks of at most `series` series, in their order; few rows are in memory at once.

    rows: of FORECAST_PARQUET, a series' days together and in order. days: of the phase. Raises StorageError for rows that
    cannot be read, or that are not `days` for each series.
    """
    wanted = rows.filter(pl.col("phase") == phase.value).select("host_id", "resource", *COLUMNS)
    held = pl.DataFrame(schema=wanted.collect_schema())
    for batch in frame_batches(wanted, "the published forecast", rows=series * days):
        held = pl.concat([held, batch])
        whole = min(len(held) // days, series)
        if whole == series:
            yield _block(held.head(whole * days), days)
            held = held.tail(-whole * days)
    while len(held):
        size = min(-(-len(held) // days), series) * days
        yield _block(held.head(size), days)
        held = held.tail(-size) if size < len(held) else held.clear()


def _block(rows: pl.DataFrame, days: int) -> PublishedBlock:
    """The rows of whole series as arrays. Raises StorageError where a series has not so many days."""
    if not bool((np.bincount(_runs(rows)) == days).all()):
        raise StorageError(f"the published forecast has series without exactly {days} days: run the month again")
    names = rows.select(pl.col("host_id", "resource").gather_every(days).cast(pl.String))
    arrays = [rows[column].cast(pl.Float64).fill_null(float("nan")).to_numpy().reshape(-1, days) for column in COLUMNS]
    return PublishedBlock(names, *arrays)


def _runs(rows: pl.DataFrame) -> NDArray[np.int64]:
    """(r,) number of each row's series, counted from 0."""
    found = rows.select(pl.struct("host_id", "resource").rle_id().cast(pl.Int64))
    return found.to_series().to_numpy()
