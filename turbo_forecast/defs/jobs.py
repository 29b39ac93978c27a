"""The monthly job and its schedule."""

import dagster as dg

monthly_forecast = dg.define_asset_job(
    "monthly_forecast",
    selection=dg.AssetSelection.all(),
    description="Everything for a month (or a range of months, in one run): base table, forecasts, tournament, files.",
    # one process: a process per step costs 2 s each, and these assets are light beside their own worker pool
    executor_def=dg.in_process_executor,
)

monthly_schedule = dg.build_schedule_from_partitioned_job(
    monthly_forecast,
    name="monthly_forecast_schedule",
    day_of_month=1,
    hour_of_day=6,
    description="The month just ended, on the 1st at 06:00. Stopped until switched on.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
