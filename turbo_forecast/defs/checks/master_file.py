"""The master file holds the champions' stored rows with the planned changes, all of them and nothing else."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import FORECAST_PARQUET
from turbo_forecast.storage.planned_rows import planned_rows

ROUNDING_PERCENT = 1e-4
"""Percentage points: ten times the last digit of single precision at 100."""

SAME_ROWS = Expectation(
    name="is_the_champions_forecast",
    description="the file's rows are the champions' stored rows, with calibrated bounds ([0, 100] on days like none observed) and "
    "the changes that planned_loads has of the day, no more and no less",
    parameters={"planned": planned_rows("unplanned", "{cutoff}"), "rounding_percent": str(ROUNDING_PERCENT)},
    items="rows",
)

checks = [month_check(SAME_ROWS, FORECAST_PARQUET)]
