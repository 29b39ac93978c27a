"""The members of groups, which their own tables and planned changes rest on."""

import polars as pl

from turbo_forecast.schemas.columns import CUTOFF, RESOURCE
from turbo_forecast.schemas.forecast import SERIES_OUTCOMES
from turbo_forecast.tables import Column, Table

GROUP_MEMBERS = Table(
    "group_members",
    "Which hosts each group consists of, by resource, and with what weight: those of the file of groups that have telemetry.",
    (
        CUTOFF,
        Column("group_name", pl.String, "the group"),
        RESOURCE,
        Column("host_id", pl.String, "the host; it may be in several groups"),
        Column(
            "capacity", pl.Float64, "its weight in the group, in whatever unit the file states capacity; 1 without one"
        ),
        Column("observations", pl.Int64, "days with a value in the history window"),
        Column("first_ds", pl.Date, "first day with a value in the history window", nullable=True),
        Column("last_ds", pl.Date, "last day with a value in the history window", nullable=True),
        Column(
            "present", pl.Int32, "1 where the group has it at the cutoff: it had a value in the 28 days before; else 0"
        ),
    ),
    key=("cutoff", "group_name", "resource", "host_id"),
    made_from=(SERIES_OUTCOMES,),
)
