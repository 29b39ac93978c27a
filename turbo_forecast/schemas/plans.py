"""Planned changes of the fleet: what the file of plans means for each series, and what its load then consists of."""

import polars as pl

from turbo_forecast.schemas.columns import CUTOFF, HOST, RESOURCE
from turbo_forecast.schemas.forecast import SERIES_OUTCOMES
from turbo_forecast.schemas.members import GROUP_MEMBERS
from turbo_forecast.tables import Column, Table

PLANNED_SCENARIO = Column(
    "scenario",
    pl.String,
    "baseline, which is what is published; or a scenario of the file of plans: the baseline's changes and its own",
)
PLANNED_KIND = Column("kind", pl.String, "series, or group: then host_id is the group's name")

PLANNED_CHANGES = Table(
    "planned_changes",
    "What each row of the file of plans means for each series and group that it concerns, and whether it has an effect.",
    (
        CUTOFF,
        PLANNED_SCENARIO,
        Column("file_row", pl.Int64, "row of the file of plans, from 1, the header not counted"),
        PLANNED_KIND,
        HOST,
        RESOURCE,
        Column("other", pl.String, "the host that load moves to or comes from; empty where there is none"),
        Column("from_ds", pl.Date, "the first day that is changed"),
        Column("what", pl.String, "change, factor, move_to, move_from, retire, add_hosts; of a group also share"),
        Column(
            "amount",
            pl.Float64,
            "of change: points added; of factor and add_hosts: what the load is multiplied by; of move_to, move_from and "
            "share: what becomes of a point of the other host's load; null where it is retired",
            nullable=True,
        ),
        Column("effect", pl.String, "applied, or 'no effect: ' and why"),
        Column(
            "plan",
            pl.String,
            "the row as the file of plans states it, as JSON: day, host_id, group, resource, what, amount, target; null in months of "
            "earlier versions",
            nullable=True,
        ),
    ),
    key=("cutoff", "scenario", "file_row", "kind", "host_id", "resource", "other"),
    made_from=(SERIES_OUTCOMES, GROUP_MEMBERS),
)

PLANNED_LOADS = Table(
    "planned_loads",
    "What the forecast of each series or group with planned changes consists of, stretch by stretch: the weighted sum of "
    "forecasts as they were without plans, and points that are added.",
    (
        CUTOFF,
        PLANNED_SCENARIO,
        PLANNED_KIND,
        HOST,
        RESOURCE,
        Column("from_ds", pl.Date, "first day of the stretch"),
        Column("until_ds", pl.Date, "its last day"),
        Column("source_kind", pl.String, "series or group: what is counted"),
        Column(
            "source", pl.String, "whose forecast is counted: the own host or group, or a host whose load came or went"
        ),
        Column("weight", pl.Float64, "how much of it; 0 where nothing is left of the series' own"),
        Column("shift", pl.Float64, "percentage points that are added, beside the series' own forecast; else 0"),
    ),
    key=("cutoff", "scenario", "kind", "host_id", "resource", "from_ds", "source_kind", "source"),
    made_from=(PLANNED_CHANGES,),
)
