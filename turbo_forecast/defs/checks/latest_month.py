"""The month that is due is published, whatever else was materialised lately.

Belongs here: which month is due on a day, and whether it (or a later one) is complete. Does not belong here: when that
is looked at (`freshness.py`).

Dagster's FreshnessPolicy asks when the asset was last materialised, of whatever partition: forecasting an old month
makes it fresh. Its freshness checks of partitions ask whether the partition was ever materialised, not whether the
month is complete; and both look at the instance only, which may be newer than the data folder, or serve several.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from turbo_forecast.defs.partitions import WAREHOUSE_POOL
from turbo_forecast.defs.reporting import plain_errors
from turbo_forecast.defs.resources import DataFolder, Warehouse
from turbo_forecast.schemas import FORECAST_PARQUET, MONTHS
from turbo_forecast.storage.months import COMPLETE, month_states
from turbo_forecast.windows import shift_month_end

DEADLINE_DAY = 5
"""Day of a month, in UTC, up to which the month just ended may be missing; from the next day on it is due."""

NAME = "latest_month_is_published"
KEY = dg.AssetCheckKey(dg.AssetKey(FORECAST_PARQUET.name), NAME)


def due_month(today: date) -> date:
    """The last day of the month that must have been forecast by now: the one just ended, once DEADLINE_DAY is over."""
    return shift_month_end(today, -1 if today.day > DEADLINE_DAY else -2)


def due_since(month: date) -> date:
    """The first day on which the month that ends so is due."""
    return month + timedelta(days=DEADLINE_DAY + 1)


@dataclass(frozen=True, slots=True)
class Published:
    """What is published on a day. due, latest: last days of months; latest: None where no month is published.

    fault: what the due month itself lacks, where it is there in part.
    """

    due: date
    latest: date | None
    fault: str = ""

    @property
    def is_up_to_date(self) -> bool:
        """Whether the due month is published, or a later one."""
        return self.latest is not None and self.latest >= self.due

    def describe(self) -> str:
        """Which month is due and which is the latest there, then what to do."""
        due, latest = f"{self.due:%Y-%m}", f"{self.latest:%Y-%m}" if self.latest else "none"
        first = f"the month due is {due}, and the latest published is {latest}"
        if self.is_up_to_date:
            following = shift_month_end(self.due, 1)
            return f"{first}; {following:%Y-%m} is due from {due_since(following)} on"
        return (
            f"{first}{f' ({self.fault})' if self.fault else ''}. {due} has been due since {due_since(self.due)}: give "
            f"telemetry up to {self.due}, and run the job monthly_forecast for {due}."
        )


def published(today: date, states: Mapping[date, str], files: Collection[date]) -> Published:
    """What is published on this day.

    states: of the table `months`, by the month's last day. files: months whose master file is there.
    """
    due = due_month(today)
    there = [month for month, state in states.items() if state == COMPLETE and month in files]
    return Published(due, max(there, default=None), _fault(due, states.get(due), due in files))


def _fault(month: date, state: str | None, has_file: bool) -> str:
    """What keeps a month that was begun from being published; empty where nothing does, or it was never begun."""
    if state not in (None, COMPLETE):
        return f"the state of {month:%Y-%m} is {state}"
    return f"the master file of {month:%Y-%m} is not there" if state and not has_file else ""


def utc_today() -> date:
    """The day in UTC, in which the partitions end."""
    return datetime.now(UTC).date()


@dg.asset_check(
    asset=FORECAST_PARQUET.name,
    name=NAME,
    description=f"the month just ended is published by its following {DEADLINE_DAY}th, whatever else was made lately",
    additional_deps=[MONTHS.name],  # in a run that makes the month, it is complete only then
    pool=WAREHOUSE_POOL,
)
def latest_month_is_published(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse, folder: DataFolder
) -> dg.AssetCheckResult:
    """Of no partition: it is about the calendar. A warning, because nothing that is stored is wrong."""
    with plain_errors(), warehouse.get_connection(keep_duckdb=True) as con:
        states = month_states(con)
    found = published(utc_today(), states, folder.masters(FORECAST_PARQUET.name))
    return dg.AssetCheckResult(
        passed=found.is_up_to_date,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.describe(),
        metadata={
            "due month": f"{found.due:%Y-%m}",
            "due since": str(due_since(found.due)),
            "latest published month": f"{found.latest:%Y-%m}" if found.latest else "none",
        },
    )


checks = [latest_month_is_published]
