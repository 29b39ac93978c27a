"""Groups of hosts: their daily utilisation and their forecast."""

import polars as pl

from turbo_forecast.schemas.columns import CUTOFF, RESOURCE
from turbo_forecast.schemas.forecast import FLEET_FORECAST
from turbo_forecast.schemas.members import GROUP_MEMBERS
from turbo_forecast.schemas.telemetry import BASE_TABLE
from turbo_forecast.schemas.tournament import FORECAST_PARQUET
from turbo_forecast.tables import Column, Table

GROUP = Column("host_id", pl.String, "the group's name")

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
    "Each group's backtest and forecast: a series of its own, with its own champion and calibrated bounds, without "
    "planned changes, which the outlook adds; columns as in the master file.",
    (GROUP, *FORECAST_PARQUET.columns[1:]),
    key=FORECAST_PARQUET.key,
    made_from=(FLEET_FORECAST, GROUP_HISTORY),
)
