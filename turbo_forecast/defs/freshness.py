"""The sensor that starts the check of the latest month: every day, and whenever such a month becomes complete.

Belongs here: the sensor that starts the check. Does not belong here: whether a month is due (`checks/latest_month.py`).
"""

from datetime import UTC, datetime

import dagster as dg

from turbo_forecast.defs.checks.latest_month import due_month
from turbo_forecast.defs.jobs import latest_month_check
from turbo_forecast.defs.partitions import MONTHS
from turbo_forecast.schemas import MONTHS as MONTHS_TABLE
from turbo_forecast.windows import cutoff_of


@dg.sensor(
    job=latest_month_check,
    name="latest_month_sensor",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Checks every day, and after each run that completes the latest month, whether the month just ended is "
        "published. Stopped until switched on."
    ),
)
def latest_month_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """A run of the check, where today (in UTC) none has been asked for since a month that counts was last completed."""
    now = datetime.now(UTC)
    seen = f"{now.date()} {last_completion(context.instance, now)}"
    if context.cursor == seen:
        return dg.SkipReason("checked today already, and no month that counts has been completed since")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=seen)], cursor=seen)


def last_completion(instance: dg.DagsterInstance, now: datetime) -> int:
    """The last event by which the due month, or a later one, became complete; 0 where there is none."""
    keys = MONTHS.get_partition_keys(current_time=now)
    counting = [key for key in keys[-2:] if cutoff_of(key) >= due_month(now.date())]
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(MONTHS_TABLE.name), asset_partitions=counting)
    records = instance.fetch_materializations(wanted, limit=1).records
    return records[0].storage_id if records else 0
