"""Every group that has been observed has a forecast, and every host of the file's groups is behind its group's level."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import CAPACITY_OUTLOOK, GROUP_FORECAST, GROUP_HISTORY

WHOLE = Expectation(
    name="every_group_has_its_days",
    description="every group with a host at the cutoff has a day for each day since its first, and as many hosts on the last day "
    "as are present",
    items="groups by resource",
)
FORECAST = Expectation(
    name="every_group_has_its_rows",
    description="every group that was observed in the backtest months has a forecast of each day of the horizon, with bounds around "
    "it inside [0, 100], and no other group has",
    items="groups by resource",
)
STATED = Expectation(
    name="every_group_has_its_statements",
    description="in every scenario, each group with a forecast has one statement for each of its thresholds",
    items="thresholds of groups",
)

checks = [
    month_check(WHOLE, GROUP_HISTORY),
    month_check(FORECAST, GROUP_FORECAST),
    month_check(STATED, CAPACITY_OUTLOOK),
]
