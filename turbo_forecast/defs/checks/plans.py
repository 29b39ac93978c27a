"""Planned changes: each has an effect, the loads that follow are whole, and scenarios are compared with what the outlook says.

The table of scenarios is no part of a month, so none of its checks blocks one.
"""

import dagster as dg

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.keys import NAME
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import PLANNED_CHANGES, PLANNED_LOADS, SCENARIO_OUTLOOK

EFFECTIVE = Expectation(
    name="plans_of_the_forecast_have_an_effect",
    description="every planned change of a day within the forecast changes at least one series",
    blocking=False,
    severity=dg.AssetCheckSeverity.WARN,
    items="planned changes",
    remedy="See the column effect for the reason, and correct the file of plans",
)
WHOLE = Expectation(
    name="loads_are_whole",
    description="the stretches of every series or group with an applied change follow each other from the first change's day to the "
    "forecast's last, each begins on a change's day, and each has finite weights and one row of the own forecast",
    items="series and groups with changes, by scenario",
)

KEY = Expectation(
    name="each_threshold_is_compared_once",
    sql=NAME,
    description=f"no two rows share {', '.join(SCENARIO_OUTLOOK.key)}",
    parameters={"key": ", ".join(SCENARIO_OUTLOOK.key)},
    blocking=False,
    items="rows",
)
COMPARED = Expectation(
    name="scenarios_are_compared_as_they_stand",
    description="days gained are those between the two likely days, and states and probabilities say the same as these days",
    blocking=False,
    items="statements",
)

checks = [
    month_check(EFFECTIVE, PLANNED_CHANGES),
    month_check(WHOLE, PLANNED_LOADS),
    *(month_check(expectation, SCENARIO_OUTLOOK) for expectation in (KEY, COMPARED)),
]
