"""Intervals beside the main one: every published day has them, and a wider one contains each narrower one.

Belongs here: intervals of further widths. Does not belong here: how often intervals hold (`calibration.py`).
"""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.master_file import ROUNDING_PERCENT
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import FORECAST_INTERVALS

COMPLETE = Expectation(
    name="every_day_has_its_intervals",
    description="every published day of a calibrated phase has an interval of each of interval_widths but the main one, and there "
    "are no others",
    items="intervals of a series and phase",
)
NESTED = Expectation(
    name="intervals_are_nested",
    description="0 <= lower <= yhat <= upper <= 100, and of a day's intervals, the master file's among them, a wider one contains "
    "each narrower one",
    parameters={"rounding_percent": str(ROUNDING_PERCENT)},
    items="rows",
)

checks = [month_check(expectation, FORECAST_INTERVALS) for expectation in (COMPLETE, NESTED)]
