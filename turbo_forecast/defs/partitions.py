"""The month partitions, and what every partitioned asset shares."""

import dagster as dg

from turbo_forecast.errors import PartitionError
from turbo_forecast.month_keys import first_month
from turbo_forecast.settings import current_environment


def configured_first_month() -> str:
    """The first month that has a partition, as environment, settings file and data folder have it. Raises SettingsError."""
    environment = current_environment()
    return first_month(environment.first_month, environment.settings().deployment.first_month, environment.data)


def month_partitions(first: str) -> dg.TimeWindowPartitionsDefinition:
    """A partition `YYYY-MM` for each month from `first` on that is over."""
    return dg.MonthlyPartitionsDefinition(start_date=first, fmt="%Y-%m")


MONTHS = month_partitions(configured_first_month())
"""Read when the code location is loaded: a month that becomes earlier than it is there after the next load."""

WAREHOUSE_POOL = "duckdb_writer"
"""DuckDB allows one process at a time; dagster.yaml limits this pool to one step, across runs."""


def month_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> str:
    """The key of the run's month. Raises PartitionError for a run of none, or of several.

    No asset has a backfill policy: Dagster then starts one run a month, tagged with its partition. With any policy it tags
    a range, be it of one month, and evaluations of checks lose their partition.
    """
    keys = context.partition_keys if context.has_partition_key or context.has_partition_key_range else []
    if len(keys) > 1:
        raise PartitionError("a run is of one month: start one run for each month of the range")
    if not keys:
        raise PartitionError("this run is of no month: materialise it for a partition, such as 2025-12")
    return str(keys[0])
