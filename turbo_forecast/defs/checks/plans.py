"""Planned changes: each has an effect, and the loads that follow from them are whole, from the first change to the last day."""

import dagster as dg

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import PLANNED_CHANGES, PLANNED_LOADS

EFFECTIVE = Property(
    name="plans_of_the_forecast_have_an_effect",
    sentence="every planned change of a day within the forecast changes at least one series",
    blocking=False,
    severity=dg.AssetCheckSeverity.WARN,
    items="planned changes",
    remedy="See the column effect for the reason, and correct the file of plans",
)
WHOLE = Property(
    name="loads_are_whole",
    sentence="the stretches of every series or group with an applied change follow each other from the first change's day to the "
    "forecast's last, each begins on a change's day, and each has finite weights and one row of the own forecast",
    items="series and groups with changes, by scenario",
)

checks = [month_check(EFFECTIVE, PLANNED_CHANGES), month_check(WHOLE, PLANNED_LOADS)]
