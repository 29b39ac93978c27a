"""What planned changes make of a forecast: each load as a weighted sum of loads as they were forecast, and its rows.

Belongs here: the composition of several changes, and the published rows that follow. Does not belong here: whom a plan
concerns (`plans.py`).

A load on a day is Σ weight · forecast + shift, over its own forecast and those of hosts whose load came to it. A change adds
to the shift; a factor multiplies all of it; a move adds all of one load to another, and leaves nothing; retirement leaves
nothing. Only the sum is clamped to [0, 100]: what exceeds a host's capacity before more capacity is added was never lost.

An interval's bounds are summed like the forecasts: a factor scales how uncertain a load is, and the uncertainty of loads
that come together adds up, as for errors that go the same way. Of a group, hosts' loads that come or go move the whole
interval by what is forecast of them, and its width stays the group's own.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from turbo_forecast.outlook.levels import Floats, Integers
from turbo_forecast.outlook.plans import APPLIED
from turbo_forecast.outlook.rows import BASELINE, SERIES
from turbo_forecast.schemas import PLANNED_LOADS
from turbo_forecast.settings import ENVELOPE
from turbo_forecast.types import Change, Phase

Source = tuple[str, str]
"""Kind, and host or group."""
Load = tuple[dict[Source, float], float]
"""Weights of forecasts, and points that are added."""
NOTHING: Load = ({}, 0.0)
SERIES_KEY = ("host_id", "resource")
VALUES = ("yhat", "yhat_lower", "yhat_upper")
BOUNDS, WIDTH = ("lower", "upper"), "interval_width"
"""What a plan shifts of a row of FORECAST_INTERVALS; and the column that distinguishes the intervals of a day."""


def composed(changes: pl.DataFrame, horizon_end: date) -> pl.DataFrame:
    """Rows of PLANNED_LOADS that follow from those of PLANNED_CHANGES; horizon_end: the forecast's last day."""
    rows = []
    for (cutoff, scenario), own in changes.filter(effect=APPLIED).group_by("cutoff", "scenario", maintain_order=True):
        stretches = _stretches(own)
        for (kind, host, resource), loads in sorted(stretches.items()):
            ends = [*(start - timedelta(days=1) for start in list(loads)[1:]), horizon_end]
            for (start, (weights, shift)), end in zip(loads.items(), ends, strict=True):
                for source, weight in sorted({(kind, host): 0.0, **weights}.items()):
                    added = shift if source == (kind, host) else 0.0
                    rows.append((cutoff, scenario, kind, host, resource, start, end, *source, weight, added))
    return pl.DataFrame(rows, schema=PLANNED_LOADS.polars_schema, orient="row").sort(PLANNED_LOADS.key)


def _stretches(changes: pl.DataFrame) -> dict[tuple[str, str, str], dict[date, Load]]:
    """Each changed load by kind, host or group, and resource: what it is from which day on."""
    loads: dict[tuple[str, str, str], dict[date, Load]] = {}

    def load(kind: str, host: str, resource: str) -> Load:
        known = loads.get((kind, host, resource))
        return next(reversed(known.values())) if known else ({(kind, host): 1.0}, 0.0)

    for _, plan in changes.sort("from_ds", "file_row", maintain_order=True).group_by("file_row", maintain_order=True):
        steps = list(plan.select("kind", "host_id", "resource", "other", "from_ds", "what", "amount").iter_rows())
        before = {(other, resource): load(SERIES, other, resource) for _, _, resource, other, *_ in steps}
        for kind, host, resource, other, day, what, amount in steps:
            changed = _changed(load(kind, host, resource), Change(what), amount or 0.0, before[other, resource])
            loads.setdefault((kind, host, resource), {})[day] = changed
    return loads


def _changed(load: Load, what: Change, amount: float, other: Load) -> Load:
    """A load after one change. other: the load that comes or goes, as it was before."""
    weights, shift = load
    if what is Change.CHANGE:
        return weights, shift + amount
    if what in (Change.FACTOR, Change.ADD_HOSTS):
        return {source: amount * weight for source, weight in weights.items()}, amount * shift
    if what in (Change.MOVE_FROM, Change.SHARE):
        both = {source: weights.get(source, 0.0) + amount * other[0].get(source, 0.0) for source in weights | other[0]}
        return both, shift + amount * other[1]
    return NOTHING  # moved away, or retired


def of_scenario(loads: pl.DataFrame, scenario: str = BASELINE, kind: str = SERIES) -> pl.DataFrame:
    """The loads of one scenario, of series or of groups."""
    return loads.filter(scenario=scenario, kind=kind)


def effective(loads: pl.DataFrame) -> pl.DataFrame:
    """The loads without stretches that say the same as what is before them: a change by 0, a factor of 1, two that cancel out.

    loads: rows of PLANNED_LOADS. Before its first stretch a load is the own forecast as it is.
    """
    if loads.is_empty():
        return loads
    series = ["cutoff", "scenario", "kind", *SERIES_KEY]
    parts = pl.struct("source_kind", "source", "weight", pl.col("shift") + 0.0)  # no zero is negative
    plain = pl.struct(source_kind="kind", source="host_id", weight=1.0, shift=0.0)
    is_counted = (pl.col("weight") != 0) | (pl.col("shift") != 0)
    stretches = (
        loads.sort(PLANNED_LOADS.key)
        .group_by(*series, "from_ds", maintain_order=True)
        .agg(parts.filter(is_counted).struct.json_encode().str.join("\n").alias("load"), pl.col("until_ds").first())
    )
    before = pl.coalesce(pl.col("load").shift().over(series), plain.struct.json_encode())
    kept = stretches.filter(pl.col("load") != before)
    following = pl.col("from_ds").shift(-1).over(series) - timedelta(days=1)
    ends = stretches.group_by(series).agg(pl.col("until_ds").max())
    kept = kept.drop("until_ds", "load").join(ends, on=series).with_columns(until_ds=pl.coalesce(following, "until_ds"))
    own = loads.drop("until_ds").join(kept, on=[*series, "from_ds"], maintain_order="left")
    return own.select(loads.columns)


def shifted_intervals(rows: pl.LazyFrame, loads: pl.DataFrame) -> pl.LazyFrame:
    """Rows of FORECAST_INTERVALS with planned changes, as `shifted` has those of the master file. loads: of series."""
    return shifted(rows, loads, values=BOUNDS, beside=[WIDTH])


def shifted(
    rows: pl.LazyFrame,
    loads: pl.DataFrame,
    sources: pl.LazyFrame | None = None,
    *,
    values: Sequence[str] = VALUES,
    beside: Sequence[str] = (),
) -> pl.LazyFrame:
    """Forecasts with planned changes: the same rows in the same order, and those without a change as they are.

    rows: `host_id, resource, ds, phase, yhat, yhat_lower, yhat_upper` and any others, as they are without plans, of hosts
    or of groups; loads: PLANNED_LOADS of one scenario and kind; sources: the rows of all hosts, where `rows` are not.
    values: the columns that are shifted, where they are others; beside: the further key columns of the rows of a series and day.
    Few rows are held at once: those of hosts whose load moves, and one of each series that is changed.
    """
    if loads.is_empty():
        return rows
    schema = rows.collect_schema()
    is_own = (pl.col("source") == pl.col("host_id")) & (pl.col("source_kind") == pl.col("kind"))
    own = loads.filter(is_own).sort("from_ds").group_by(SERIES_KEY, maintain_order=True)
    stretches = own.agg(starts="from_ds", weights="weight", shifts="shift")
    weight, shift = _value_on_day(stretches, "weights", 1.0), _value_on_day(stretches, "shifts", 0.0)
    incoming = _incoming(
        rows if sources is None else sources,
        loads.filter(~is_own),
        values,
        spread=loads["kind"][0] == SERIES,
        beside=beside,
    )
    on = [*SERIES_KEY, "ds", "phase", *beside]
    return (
        rows.join(stretches.lazy(), on=SERIES_KEY, how="left", maintain_order="left")
        .join(incoming, on=on, how="left", maintain_order="left")
        .with_columns(planned_weight=weight, planned_shift=shift)
        .with_columns(
            (
                pl.col("planned_weight") * pl.col(name).cast(pl.Float64)
                + pl.col("planned_shift")
                + pl.col(f"{name}_incoming").fill_null(0.0)
            )
            .clip(*ENVELOPE)
            .cast(schema[name])
            .alias(name)
            for name in values
        )
        .select(schema.names())
    )


def _value_on_day(stretches: pl.DataFrame, name: str, default: float) -> pl.Expr:
    """What holds on a row's day, of a column with a list of what holds from each start on."""
    longest = int(stretches["starts"].list.len().max())  # type: ignore[arg-type]
    found = pl.lit(default, pl.Float64)
    for place in range(longest):
        is_reached = pl.col("ds") >= pl.col("starts").list.get(place, null_on_oob=True)
        known = pl.col(name).list.get(place, null_on_oob=True)
        found = pl.when((pl.col("phase") == Phase.FORECAST) & is_reached).then(known).otherwise(found)
    return found


def _incoming(
    sources: pl.LazyFrame, loads: pl.DataFrame, values: Sequence[str], *, spread: bool, beside: Sequence[str]
) -> pl.LazyFrame:
    """What is added to each load by day: its key, and for each of `values` a column `<name>_incoming`.

    spread: whether the bounds come too; else what is forecast is added to all three.
    """
    taken = loads.select(*SERIES_KEY, "from_ds", "until_ds", "source", "weight").lazy()
    added = [
        (pl.col("weight") * pl.col(name if spread else "yhat").cast(pl.Float64)).sum().alias(f"{name}_incoming")
        for name in values
    ]
    return (
        sources.filter(pl.col("phase") == Phase.FORECAST)
        .select(pl.col("host_id").alias("source"), "resource", "ds", "phase", *beside, *values)
        .join(taken, on=["source", "resource"])
        .filter(pl.col("ds").is_between("from_ds", "until_ds"))
        .group_by(*SERIES_KEY, "ds", "phase", *beside)
        .agg(added)
    )


def by_day(loads: pl.DataFrame, names: pl.DataFrame, cutoff: date, days: int) -> tuple[Integers, Floats]:
    """(n, h) the number of the stretch that each day after the cutoff is in, from 0; and how much of forecasts it consists of.

    loads: as for `shifted`; names: `host_id, resource` of n series. Before any change all of the own forecast counts, 1; of a
    group only the own forecast does, whose width it keeps.
    """
    stretch, weight = np.zeros((len(names), days), np.int64), np.ones((len(names), days))
    counted = loads.filter((pl.col("source_kind") == pl.col("kind")) | (pl.col("kind") == SERIES))
    starts = (
        counted.group_by(*SERIES_KEY, "from_ds")
        .agg(pl.col("weight").sum())
        .join(names.with_row_index("place"), on=SERIES_KEY)
        .sort("place", "from_ds")
        .select("place", (pl.col("from_ds") - cutoff).dt.total_days() - 1, "weight")
    )
    for place, day, share in starts.iter_rows():
        stretch[place, day:] += 1
        weight[place, day:] = share
    return stretch, weight
