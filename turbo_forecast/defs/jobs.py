"""The monthly jobs, the schedule, and the job of the one check that is of no month."""

import dagster as dg

from turbo_forecast.defs.checks.latest_month import KEY as LATEST_MONTH
from turbo_forecast.defs.links import CHECKS_JOB
from turbo_forecast.defs.partitions import MONTHS
from turbo_forecast.schemas import GROUP_MEMBERS

OF_THE_CALENDAR = dg.AssetSelection.checks(LATEST_MONTH)
"""What belongs to no month: forecasting an earlier month on purpose should not warn that the latest is missing."""

monthly_forecast = dg.define_asset_job(
    "monthly_forecast",
    selection=dg.AssetSelection.all() - OF_THE_CALENDAR,
    description="Everything for a month: base table, forecasts, tournament, files, checks. A range is one run a month.",
)

monthly_outlook = dg.define_asset_job(
    "monthly_outlook",
    selection=dg.AssetSelection.assets(GROUP_MEMBERS.name).downstream() - OF_THE_CALENDAR,
    description="What thresholds, groups and planned changes decide of a month, made again after they have changed: the groups, "
    "the master file, the outlook and all that rests on them, with their checks. No series is forecast, and the month is "
    "complete afterwards.",
)

monthly_checks = dg.define_asset_job(
    CHECKS_JOB,
    selection=dg.AssetSelection.all_asset_checks() - OF_THE_CALENDAR,
    # of a job without assets, Dagster forgets a partitions_def of its own; with it in the config, the UI offers the months
    config=dg.PartitionedConfig(partitions_def=MONTHS, run_config_for_partition_key_fn=lambda _: {}),
    description="All checks of a month again, on what is stored; nothing is forecast or changed.",
)

latest_month_check = dg.define_asset_job(
    "latest_month_check",
    selection=OF_THE_CALENDAR,
    description="Whether the month just ended is published: one check, and nothing is materialised.",
)

monthly_schedule = dg.build_schedule_from_partitioned_job(
    monthly_forecast,
    name="monthly_forecast_schedule",
    day_of_month=1,
    hour_of_day=6,
    description="The month just ended, on the 1st at 06:00. Stopped until switched on.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
