"""External models: forecasts made elsewhere that take part in the tournament under a name of their own.

A model's rows are read from Parquet (`external: {lstm: path or glob}`), with the columns
    host_id, resource   strings, as in the base table
    origin              the last day the model had seen
    ds                  the day that is forecast
    yhat                percent of capacity
    yhat_lower, yhat_upper   both or neither; without them the interval is yhat itself
Dates are dates or timestamps at midnight without a zone. Files sorted by host_id are read a row group at a time.
A model needs rows of every window of a series, as every entrant does: origins are the last day before each fold, the
last day of training, and the cutoff (at the defaults, for 2025-12: 2024-08-31, 2024-12-31, 2025-04-30, 2025-08-31 and
2025-12-31). With `refit: false` the forecast's rows have the backtest's origin.

Belongs here: what such a file must be, and reading a series out of it. Does not belong here: any forecasting.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from turbo_forecast.errors import SettingsError
from turbo_forecast.models.protocol import Days, Forecast, ForecastError, Values, Window
from turbo_forecast.number_words import counted
from turbo_forecast.paths import files_matching
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.text import printable, shown_location
from turbo_forecast.types import Solver

KEY = ("host_id", "resource", "origin", "ds")
BOUNDS = ("yhat_lower", "yhat_upper")
_EPOCH = date(1970, 1, 1)


def files_of(name: str, settings: ForecastSettings) -> list[Path]:
    """The model's files, sorted. Raises SettingsError if there is none."""
    pattern = os.path.expanduser(settings.external[name])
    try:
        found = files_matching(pattern)
    except (OSError, ValueError):  # a name that no file system takes
        found = []
    if not found:
        where = printable(shown_location(pattern))
        raise SettingsError(f"external.{name}: there is no file {where if len(where) < 200 else f'{where[:200]}…'}")
    return [Path(path) for path in found]


def check(name: str, settings: ForecastSettings) -> None:
    """Raises SettingsError, naming file and column, if the model's rows are not what this module's docstring says."""
    files = check_columns(name, settings)
    for path in files:
        _check_values(name, path)
    _check_unique(name, settings.external[name], files)


def check_columns(name: str, settings: ForecastSettings) -> list[Path]:
    """The model's files. Raises SettingsError if there is none, or one has not the columns of this module's docstring."""
    files = files_of(name, settings)
    if len({_check_columns(name, path) for path in files}) > 1:
        raise SettingsError(f"external.{name}: some files of {settings.external[name]} have bounds, some have none")
    return files


def missing_origins(name: str, settings: ForecastSettings, origins: Sequence[date]) -> list[date]:
    """Those of the origins for which the model has no row of any series."""
    files = files_of(name, settings)
    days = pl.concat([pl.scan_parquet(path, glob=False).select(pl.col("origin").cast(pl.Date)) for path in files])
    there = set(days.unique().collect(engine="streaming")["origin"])
    return [origin for origin in origins if origin not in there]


def fingerprint(settings: ForecastSettings) -> str:
    """Paths, sizes and times of change of every external file: what must be equal for rows made of them to be."""
    stats = [
        (name, str(path), path.stat().st_size, path.stat().st_mtime_ns)
        for name in sorted(settings.external)
        for path in files_of(name, settings)
    ]
    return hashlib.sha256(repr(stats).encode()).hexdigest()


def _check_columns(name: str, path: Path) -> bool:
    """Whether the file has bounds."""
    try:
        schema = pl.scan_parquet(path, glob=False).collect_schema()
    except (OSError, pl.exceptions.PolarsError):
        raise SettingsError(f"external.{name}: {path} cannot be read as a Parquet file") from None
    bounds = [column for column in BOUNDS if column in schema]
    wanted = [*KEY, "yhat", *(BOUNDS if bounds else ())]
    for column in wanted:
        if column not in schema:
            raise SettingsError(f"external.{name}: {path} has no column {column}")
        dtype = schema[column]
        if column in ("host_id", "resource"):
            right, kind = dtype in (pl.String, pl.Categorical, pl.Enum), "text"
        elif column in ("origin", "ds"):
            right = dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None)
            kind = "dates"
        else:
            right, kind = dtype.is_numeric(), "numbers"
        if not right:
            raise SettingsError(f"external.{name}: {path}: column {column} must hold {kind}, not {dtype}")
    return bool(bounds)


def _check_values(name: str, path: Path) -> None:
    schema = pl.scan_parquet(path, glob=False).collect_schema()
    faults: dict[str, pl.Expr] = {}
    for column in (*KEY, "yhat", *(column for column in BOUNDS if column in schema)):
        value = pl.col(column)
        faults[f"{column} is missing"] = value.is_null()
        if isinstance(schema[column], pl.Datetime):
            faults[f"{column} is not at midnight"] = value != value.dt.truncate("1d")
        if column == "yhat":
            faults["yhat is not finite"] = ~value.cast(pl.Float64).is_finite()
        elif column in BOUNDS:
            faults[f"{column} is not a number"] = value.cast(pl.Float64).is_nan()
    counts = pl.scan_parquet(path, glob=False).select(
        expression.fill_null(False).sum().alias(fault) for fault, expression in faults.items()
    )
    for fault, count in counts.collect(engine="streaming").row(0, named=True).items():
        if count:
            raise SettingsError(f"external.{name}: {path}: {fault} in {counted(count, 'row')}")


def _keys(path: Path) -> pl.LazyFrame:
    days = [pl.col(column).cast(pl.Date) for column in ("origin", "ds")]
    return pl.scan_parquet(path, glob=False).select(pl.col("host_id", "resource").cast(pl.String), *days)


def _check_unique(name: str, pattern: str, files: list[Path]) -> None:
    rows = pl.concat([_keys(path) for path in files])
    hashed = pl.struct(KEY).hash().alias("hash")  # eight bytes a row; the names themselves would be ten times that
    hashes = np.sort(rows.select(hashed).collect(engine="streaming")["hash"].to_numpy())
    twice = pl.Series(hashes[1:][hashes[1:] == hashes[:-1]]).unique()
    if twice.is_empty():
        return
    colliding = rows.with_columns(hashed).filter(pl.col("hash").is_in(twice.implode())).select(KEY).collect()
    repeated = colliding.filter(colliding.is_duplicated()).unique().sort(KEY)
    if not repeated.is_empty():
        host, resource, origin, ds = repeated.row(0)
        raise SettingsError(
            f"external.{name}: {pattern}: {len(repeated):,} combinations of {', '.join(KEY)} are there more than once, "
            f"first {host}, {resource}, {origin}, {ds}"
        )


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group of a file, and the hosts it may hold (None: unknown)."""

    path: Path
    index: int
    hosts: tuple[str, str] | None

    def may_hold(self, host: str) -> bool:
        """Whether rows of the host may be in it."""
        return self.hosts is None or self.hosts[0] <= host <= self.hosts[1]


def row_groups(path: Path) -> Iterator[RowGroup]:
    """The row groups of a file, with what its statistics say."""
    with pq.ParquetFile(path) as file:
        column = file.schema_arrow.get_field_index("host_id")
        for index in range(file.num_row_groups):
            at = file.metadata.row_group(index).column(column)
            # nested columns would shift the position: then nothing is known
            known = at.path_in_schema == "host_id" and at.statistics is not None and at.statistics.has_min_max
            yield RowGroup(path, index, (at.statistics.min, at.statistics.max) if known else None)


class Block:
    """The rows of one row group, sorted by series, origin and day; numbers only, 28 bytes a row."""

    def __init__(self, group: RowGroup) -> None:
        with pq.ParquetFile(group.path) as file:
            names = [name for name in (*KEY, "yhat", *BOUNDS) if name in file.schema_arrow.names]
            table: pa.Table = file.read_row_group(group.index, columns=names)
        rows = pl.DataFrame(table).with_columns(
            pl.col("host_id", "resource").cast(pl.String),
            *(pl.col(column).cast(pl.Date).cast(pl.Int32) for column in ("origin", "ds")),
            *(pl.col(column).cast(pl.Float64) for column in names[len(KEY) :]),
        )
        rows = rows.sort(KEY)
        series = rows.select("host_id", "resource").with_row_index("first")
        runs = series.group_by("host_id", "resource").agg(pl.col("first").min(), pl.len())
        self._runs = {(host, resource): (first, first + size) for host, resource, first, size in runs.iter_rows()}
        self._origin, self._ds = rows["origin"].to_numpy(), rows["ds"].to_numpy()
        self._values = [rows[column].to_numpy() for column in names[len(KEY) :]]

    def rows(self, series: tuple[str, str], origin: int) -> tuple[Days, list[Values]]:
        """Days and columns of values (yhat, and the bounds if there are any) of a series as of an origin."""
        first, last = self._runs.get(series, (0, 0))
        low, high = np.searchsorted(self._origin[first:last], [origin, origin + 1]) + first
        return self._ds[low:high].astype(np.int64), [column[low:high] for column in self._values]


class ExternalModel:
    """One external model's rows, read series by series: the row groups of one host are in memory at a time."""

    def __init__(self, name: str, files: list[Path]) -> None:
        self._name = name
        self._groups = [group for path in files for group in row_groups(path)]
        self._blocks: dict[RowGroup, Block] = {}

    def forecast(self, window: Window) -> Forecast:
        """The model's rows of the window's series and origin. Raises ForecastError if a day of the horizon is missing."""
        groups = [group for group in self._groups if group.may_hold(window.series[0])]
        # workers take neighbouring series: what this host does not need, hardly any later one will
        self._blocks = {group: self._blocks.get(group) or Block(group) for group in groups}
        origin = int(window.horizon[0]) - 1
        parts = [block.rows(window.series, origin) for block in self._blocks.values()]
        days = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
        order = np.argsort(days, kind="stable")
        self._require(window, days[order], origin)
        at = order[np.searchsorted(days[order], window.horizon)]
        width = len(next(part[1] for part in parts))
        columns = [np.concatenate([part[1][i] for part in parts])[at] for i in range(width)]
        yhat, lower, upper = columns if len(columns) == 3 else columns * 3
        return Forecast(yhat, lower, upper, solver=Solver.OUTSIDE, fits=0)

    def _require(self, window: Window, days: Days, origin: int) -> None:
        model, series = f"external model {self._name!r}", "/".join(window.series)
        if not days.size:
            raise ForecastError(f"{model}: no rows for {series} with origin {_date(origin)}")
        missing = np.setdiff1d(window.horizon, days)
        if missing.size:
            raise ForecastError(
                f"{model}: {series} with origin {_date(origin)} misses {missing.size:,} of {counted(window.horizon.size, 'day')}, "
                f"first {_date(int(missing[0]))}"
            )


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


def build(name: str, settings: ForecastSettings) -> ExternalModel:
    """The external model of that name of a run."""
    return ExternalModel(name, files_of(name, settings))
