"""Groups of hosts: who they consist of, their daily utilisation, their forecast."""

import polars as pl

from turbo_forecast.schemas.columns import CUTOFF, RESOURCE
from turbo_forecast.schemas.forecast import FLEET_FORECAST, SERIES_OUTCOMES
from turbo_forecast.schemas.telemetry import BASE_TABLE
from turbo_forecast.schemas.tournament import FORECAST_PARQUET
from turbo_forecast.tables import Column, Table

GROUP = Column("host_id", pl.String, "the group's name")

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

GROUP_HISTORY = Table(
    "group_history",
    "Each group's daily utilisation up to the cutoff, expressed for the hosts it has today, and how many of its hosts are "
    "behind each value.",
    (
        CUTOFF,
        GROUP,
        RESOURCE,
        Column("ds", pl.Date, "the day"),
        Column(
            "y",
            pl.Float64,
            "capacity-weighted mean of the hosts, percent; hosts that come and go do not move it; null where less than half of "
            "the capacity was observed",
            nullable=True,
        ),
        Column("hosts", pl.Int64, "hosts the group had that day"),
        Column("observed_hosts", pl.Int64, "of these, hosts with a value"),
        Column("observed_capacity", pl.Float64, "share of the day's capacity that the observed hosts have, in [0, 1]"),
    ),
    key=("cutoff", "host_id", "resource", "ds"),
    made_from=(BASE_TABLE, GROUP_MEMBERS),
)

GROUP_FORECAST = Table(
    "group_forecast",
    "Each group's backtest and forecast: a series of its own, with its own champion and calibrated bounds; columns as in "
    "the master file.",
    (GROUP, *FORECAST_PARQUET.columns[1:]),
    key=FORECAST_PARQUET.key,
    made_from=(FLEET_FORECAST, GROUP_HISTORY),
)
