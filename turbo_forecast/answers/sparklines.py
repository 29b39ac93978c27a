"""The last half-year and the forecast of many series at a glance, by week: what a table's small lines are drawn of.

Belongs here: weekly means of the series that a page lists. Does not belong here: lines (`charts/sparkline.py`).

One page's series are read from the sorted files each time, until all of a version are cached in memory (`cache_all`, for who shows many
pages): 8,000 series are some 7 MB.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from turbo_forecast.answers.group_rows import group_forecast, usable_share
from turbo_forecast.answers.names import resources_by_name
from turbo_forecast.outlook.loads import of_scenario
from turbo_forecast.outlook.rows import GROUP, SERIES
from turbo_forecast.schemas import FORECAST_PARQUET, GROUP_FORECAST, GROUP_HISTORY, PLANNED_LOADS
from turbo_forecast.storage.datasets import rows as rows_of
from turbo_forecast.storage.published.layout import history_folder
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.tables import Table
from turbo_forecast.types import Phase

Floats = NDArray[np.float32]
Key = tuple[str, str, str]
WEEK = 7
WEEKS_BEFORE = 26
CACHED_VERSIONS = 4
"""Versions whose series are cached in memory, those read last."""
NAMES = ["kind", "host_id", "resource"]
_FORECAST = ["yhat", "yhat_lower", "yhat_upper"]
_VALUES = ["y", *_FORECAST]


@dataclass(frozen=True, slots=True)
class WeeklyLevels:
    """Weekly means of n series, percent, NaN where there is nothing. Weeks are counted from the cutoff, so none is half forecast.

    history: (n, 26) the weeks up to the cutoff. forecast, lower, upper: (n, f) those after it, the last one of the days that are left.
    thresholds: (n,) in percent of all capacity, as the levels are.
    """

    history: Floats
    forecast: Floats
    lower: Floats
    upper: Floats
    thresholds: Floats


@dataclass(frozen=True, slots=True)
class _CachedLevels:
    """All series of a version. rows: the row of each one in its levels."""

    rows: dict[Key, int]
    levels: WeeklyLevels


_cache: dict[tuple[PublishedMonth, str], _CachedLevels] = {}


def weekly_levels(published: Published, month: PublishedMonth, rows: pl.DataFrame) -> WeeklyLevels:
    """Of the series and groups of some rows, in their order. rows: `kind, host_id, resource, threshold`, such as an outlook's.

    Raises StorageError where the files cannot be read.
    """
    cached = _cache.get(_key(published, month))
    own = rows if cached is None else rows.filter(pl.col("kind") == GROUP)
    found = _levels(month, own, _weeks(published, month, own))
    if cached is not None:
        found = _selected(cached, found, rows)
    return replace(found, thresholds=_of_all_capacity(month, rows))


def cache_all(published: Published, month: PublishedMonth) -> None:
    """Read all series of the version into memory, so that no page waits: a second or so for 8,000 of three years."""
    key = _key(published, month)
    if key in _cache:
        return
    names = (
        resources_by_name(month, "series")
        .with_columns(kind=pl.lit(SERIES), threshold=pl.lit(0.0))
        .select(*NAMES, "threshold")
    )
    weeks = _of_series(published, month, None, engine="streaming")
    _cache[key] = _CachedLevels(
        {name: row for row, name in enumerate(names.select(NAMES).iter_rows())}, _levels(month, names, weeks)
    )
    for oldest in list(_cache)[:-CACHED_VERSIONS]:
        _cache.pop(oldest, None)  # another thread may have been faster


def _key(published: Published, month: PublishedMonth) -> tuple[PublishedMonth, str]:
    history = published.history()
    return month, history.file if history else ""


def _selected(cached: _CachedLevels, groups: WeeklyLevels, rows: pl.DataFrame) -> WeeklyLevels:
    """The rows' own out of all series and out of the rows' groups; NaN for a name that the month does not have."""
    every = len(cached.rows)
    is_group = (rows["kind"] == GROUP).to_numpy()
    indices = np.array([cached.rows.get(row, -1) for row in rows.select(NAMES).iter_rows()], dtype=np.int64)
    indices[is_group] = every + np.arange(is_group.sum())

    def of(series: Floats, own: Floats) -> Floats:
        whole = np.concatenate([series, own, np.full((1, series.shape[1]), np.nan, np.float32)])
        selected: Floats = whole[indices]  # the last row stands for names that are not there
        return selected

    ours = cached.levels
    return WeeklyLevels(
        of(ours.history, groups.history),
        of(ours.forecast, groups.forecast),
        of(ours.lower, groups.lower),
        of(ours.upper, groups.upper),
        groups.thresholds,
    )


def _levels(month: PublishedMonth, rows: pl.DataFrame, weeks: pl.DataFrame) -> WeeklyLevels:
    """Weekly values in the rows' order; thresholds are not known yet."""
    named = rows.select(NAMES).with_row_index("row")
    found = named.join(weeks, on=NAMES)
    ahead = -(-(month.windows.horizon_end - month.cutoff).days // WEEK)
    history = _table(found, "y", len(rows), range(-WEEKS_BEFORE, 0))
    forecast, lower, upper = (_table(found, name, len(rows), range(ahead)) for name in _FORECAST)
    return WeeklyLevels(history, forecast, lower, upper, thresholds=np.full(len(rows), np.nan, np.float32))


def _table(found: pl.DataFrame, name: str, rows: int, weeks: range) -> Floats:
    """(rows, weeks) a value by row and week."""
    values = np.full((rows, len(weeks)), np.nan, np.float32)
    inside = found.filter(pl.col("week").is_between(weeks[0], weeks[-1]), pl.col(name).is_not_null())
    values[inside["row"].to_numpy(), inside["week"].to_numpy() - weeks[0]] = inside[name].to_numpy()
    return values


def _weeks(published: Published, month: PublishedMonth, rows: pl.DataFrame) -> pl.DataFrame:
    """`kind, host_id, resource, week, y, yhat, yhat_lower, yhat_upper` of the rows' hosts and groups: week -1 ends with the cutoff."""
    hosts, groups = (rows.filter(pl.col("kind") == kind)["host_id"].unique() for kind in (SERIES, GROUP))
    parts = [_of_series(published, month, hosts)] if len(hosts) else []
    parts += [_of_groups(month, groups)] if len(groups) else []
    return pl.concat(parts) if parts else _by_week([], month.cutoff, SERIES)


def _of_series(
    published: Published,
    month: PublishedMonth,
    hosts: pl.Series | None,
    engine: Literal["auto", "streaming"] = "auto",
) -> pl.DataFrame:
    """Of some hosts, or of all."""
    parts = [month.read(FORECAST_PARQUET).filter(pl.col("phase") == Phase.FORECAST)]
    history = published.history()
    if history:
        observed = rows_of(history_folder(published.data) / history.file)
        parts.append(observed.filter(pl.col("ds") > _first(month.cutoff), pl.col("ds") <= month.cutoff))
    if hosts is not None:
        parts = [part.filter(pl.col("host_id").is_in(hosts.implode())) for part in parts]
    return _by_week(parts, month.cutoff, SERIES, engine)


def _first(cutoff: date) -> date:
    """The day before the first week."""
    return cutoff - timedelta(days=WEEK * WEEKS_BEFORE)


def _by_week(
    parts: list[pl.LazyFrame], cutoff: date, kind: str, engine: Literal["auto", "streaming"] = "auto"
) -> pl.DataFrame:
    """Means of the values that each part has, in one frame."""
    week = ((pl.col("ds") - pl.lit(cutoff)).dt.total_days() - 1).floordiv(WEEK).cast(pl.Int32).alias("week")
    schema = {"host_id": pl.String, "resource": pl.String, "week": pl.Int32, **dict.fromkeys(_VALUES, pl.Float32)}
    found = [pl.DataFrame(schema=schema)]
    for part in parts:
        columns = _FORECAST if "yhat" in part.collect_schema().names() else ["y"]
        means = part.group_by("host_id", "resource", week).agg(pl.col(columns).mean().cast(pl.Float32))
        found.append(means.collect(engine=engine))
    return pl.concat(found, how="diagonal").select(pl.lit(kind).alias("kind"), *schema)


def _of_groups(month: PublishedMonth, groups: pl.Series) -> pl.DataFrame:
    """Of groups, with planned changes."""
    forecast = _rows(month, GROUP_FORECAST, groups)
    planned = of_scenario(month.frame(PLANNED_LOADS), kind=GROUP) if month.has(PLANNED_LOADS) else None
    changed = [] if planned is None else [name for name in groups if (planned["host_id"] == name).any()]
    if changed:
        with_plans = [group_forecast(month, name)[0] for name in changed]
        forecast = pl.concat([forecast.filter(~pl.col("host_id").is_in(changed)), *with_plans])
    history = _rows(month, GROUP_HISTORY, groups).filter(pl.col("ds") > _first(month.cutoff))
    ahead = forecast.filter(pl.col("phase") == Phase.FORECAST)
    return _by_week([ahead.lazy(), history.lazy()], month.cutoff, GROUP)


def _rows(month: PublishedMonth, table: Table, names: pl.Series) -> pl.DataFrame:
    if not month.has(table):
        return pl.DataFrame(schema=table.polars_schema)
    return month.read(table).filter(pl.col("host_id").is_in(names.implode())).collect()


def _of_all_capacity(month: PublishedMonth, rows: pl.DataFrame) -> Floats:
    """(n,) thresholds; those of groups are stated in percent of what is usable."""
    usable = {name: usable_share(month, name) for name in rows.filter(pl.col("kind") == GROUP)["host_id"].unique()}
    shares = [
        usable.get(name, {}).get(resource, 1.0) if kind == GROUP else 1.0
        for kind, name, resource in rows.select(NAMES).iter_rows()
    ]
    thresholds: Floats = (rows["threshold"].to_numpy() * np.array(shares)).astype(np.float32)
    return thresholds
