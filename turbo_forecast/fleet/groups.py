"""Groups as series of their own: their daily level from their hosts' values, and a run over them as over any fleet.

Belongs here: the frames and folders around `outlook/groups.py` and `run.py`. Does not belong here: how a level is found, and
which hosts a group has.

A group's run knows nothing of the fleet's: its series are in none of the fleet's tables, and count in none of its figures.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.run import run_fleet
from turbo_forecast.fleet.store import write_store
from turbo_forecast.models.registry import first_day_needed
from turbo_forecast.outlook.groups import GroupDays, group_days
from turbo_forecast.schemas import CALIBRATION, FORECAST_PARQUET, GROUP_FORECAST, GROUP_HISTORY
from turbo_forecast.settings import ENVELOPE, ExecutorSettings, ForecastSettings
from turbo_forecast.storage.results import Results
from turbo_forecast.windows import Windows

CELLS = 9_000_000
"""Days of hosts that are worked on at once, of all groups together: some 100 MB, 8,192 hosts of three years."""
SERIES_OF_A_WORKER = 100
"""Group series that are worth the start of one more process."""
FEW_SERIES = 20
"""Fewer group series than that take the fleet's interval offsets, in units of the series' own errors."""

Values = Callable[[pl.DataFrame], pl.DataFrame]
"""From `slot, host_id, resource` to the hosts' daily values, `slot, day, y` (`storage/groups.py`)."""


def group_history(members: pl.DataFrame, values: Values, first: date, cutoff: date) -> pl.DataFrame:
    """Rows of GROUP_HISTORY of every group and resource that has a host at the cutoff, from its first host's first value on.

    members: rows of GROUP_MEMBERS; hosts without a value in the history months count nowhere. values: of the days from `first`
    to the cutoff.
    """
    key = ["group_name", "resource"]
    alive = members.filter(pl.col("observations") > 0, (pl.col("present") == 1).any().over(key)).sort(*key, "host_id")
    parts = [pl.DataFrame(schema=GROUP_HISTORY.polars_schema)]
    days = (cutoff - first).days + 1
    for batch in _batches(alive.partition_by(key, maintain_order=True), CELLS // days):
        parts += _levels(batch, values, first, days, cutoff)
    return pl.concat(parts).sort(GROUP_HISTORY.key)


def first_day(settings: ForecastSettings, history_start: date, earliest: Callable[[], date | None]) -> date:
    """The day from which a group's level is asked for: where the history months begin, or where its hosts' values do.

    earliest: asked where an entrant sees all history (`registry.sees_all_history`); None where there are no values.
    """
    since = first_day_needed(settings, history_start)
    return since if since == history_start else min(earliest() or history_start, history_start)


def _batches(groups: list[pl.DataFrame], slots: int) -> Iterator[list[pl.DataFrame]]:
    """Groups in their order, as many at a time as have so many hosts together; a larger one alone."""
    held: list[pl.DataFrame] = []
    for group in groups:
        if held and sum(map(len, held)) + len(group) > slots:
            yield held
            held = []
        held.append(group)
    if held:
        yield held


def _levels(groups: list[pl.DataFrame], values: Values, first: date, days: int, cutoff: date) -> Iterator[pl.DataFrame]:
    """Rows of GROUP_HISTORY of some groups."""
    slots = pl.concat(groups).with_row_index("slot").with_columns(pl.col("slot").cast(pl.Int32))
    cells = values(slots.select("slot", "host_id", "resource"))
    matrix = np.full((len(slots), days), np.nan)
    matrix[cells["slot"].to_numpy(), cells["day"].to_numpy()] = cells["y"].to_numpy()
    at = 0
    for group in groups:
        found = group_days(matrix[at : at + len(group)].T, group["capacity"].to_numpy())
        at += len(group)
        yield _history(found, group.row(0, named=True), first, cutoff)


def _history(found: GroupDays, names: dict[str, str], first: date, cutoff: date) -> pl.DataFrame:
    began = int(np.argmax(found.hosts > 0))
    rows = {
        "ds": pl.date_range(first + timedelta(days=began), cutoff, eager=True),
        "y": pl.Series(found.level[began:]).fill_nan(None),
        "hosts": found.hosts[began:],
        "observed_hosts": found.observed[began:],
        "observed_capacity": found.observed_capacity[began:],
    }
    naming = {"cutoff": cutoff, "host_id": names["group_name"], "resource": names["resource"]}
    return GROUP_HISTORY.conform(
        pl.DataFrame(rows).with_columns(**{name: pl.lit(each) for name, each in naming.items()})
    )


@dataclass(frozen=True, slots=True)
class GroupRun:
    """A run over groups: rows of GROUP_FORECAST, and the folder of the small tables that it has left (`storage/results.py`)."""

    rows: pl.DataFrame
    results: Results


def forecast_groups(
    history: pl.DataFrame,
    calibration: pl.DataFrame,
    windows: Windows,
    settings: ForecastSettings,
    *,
    checkpoint: Path,
    timer: AuditTimer,
    log: Callable[[str], None],
) -> GroupRun:
    """Forecast every group of GROUP_HISTORY's rows as a series of its own, with its own folds, champion and interval.

    calibration: the fleet's rows of CALIBRATION, which few groups' intervals rest on. The rest is as for `run_fleet`.
    """
    table = (
        history.filter(pl.col("y").is_not_null())
        .group_by("host_id", "resource")
        .agg(days=pl.col("ds").cast(pl.Int32).sort(), y=pl.col("y").sort_by("ds"))
        .sort("host_id", "resource")
    )
    store = write_store(table.to_arrow(), checkpoint / "groups.arrow", windows.history_start)
    run = run_fleet(store, windows, group_settings(settings, len(table)), checkpoint=checkpoint, timer=timer, log=log)
    results = Results(run.results_folder)
    rows = results.read(FORECAST_PARQUET).collect()
    if len(table) < FEW_SERIES:
        rows = with_fleet_offsets(rows, results.read(CALIBRATION).collect(), calibration)
    return GroupRun(GROUP_FORECAST.conform(rows), results)


def group_settings(settings: ForecastSettings, series: int) -> ForecastSettings:
    """The fleet's settings for a run over so many groups: few processes of this machine, and no model that runs elsewhere, which knows hosts only."""
    entrants = [name for name in settings.entrants if name not in settings.external]
    workers = min(settings.worker_count, -(-series // SERIES_OF_A_WORKER) or 1)
    return settings.model_copy(
        update={"entrants": entrants or [settings.fallback], "external": {}, "workers": workers, "chunk_size": 0}
        | {"executor": ExecutorSettings()}
    )


def with_fleet_offsets(rows: pl.DataFrame, own: pl.DataFrame, fleet: pl.DataFrame) -> pl.DataFrame:
    """The groups' published rows with bounds as far from yhat as the fleet's are, in units of a series' errors.

    rows: of FORECAST_PARQUET; own, fleet: of CALIBRATION. A fleet's series of a resource have much the same offsets in units of
    their `scale`: the median of them, times a group's own scale. Where the fleet has none, and where a day like it was
    never observed (its interval is [0, 100]), bounds stay as they are.
    """
    key = ["phase", "resource", "horizon_month"]
    usual = (
        fleet.filter(pl.col("scale") > 0)
        .group_by(key)
        .agg(*((pl.col(side) / pl.col("scale")).median().alias(side) for side in ("lower", "upper")))
    )
    offsets = own.select(*key, "host_id", "scale").join(usual, on=key)
    month = pl.lit(0, pl.Int32) + 12 * pl.col("ds").dt.year() + pl.col("ds").dt.month().cast(pl.Int32)
    joined = rows.with_columns(at=month).with_columns(
        horizon_month=(1 + pl.col("at") - pl.col("at").min().over("host_id", "resource", "phase")).cast(pl.Int32)
    )
    joined = joined.join(offsets, on=[*key, "host_id"], how="left", maintain_order="left")
    low, high = ENVELOPE
    kept = ((pl.col("yhat_lower") <= low) & (pl.col("yhat_upper") >= high)) | pl.col("scale").is_null()
    yhat = pl.col("yhat").cast(pl.Float64)
    lower = (yhat + pl.col("scale") * pl.col("lower")).clip(low, yhat)
    upper = (yhat + pl.col("scale") * pl.col("upper")).clip(yhat, high)
    return joined.with_columns(
        yhat_lower=pl.when(kept).then("yhat_lower").otherwise(lower.cast(pl.Float32)),
        yhat_upper=pl.when(kept).then("yhat_upper").otherwise(upper.cast(pl.Float32)),
    ).select(rows.columns)
