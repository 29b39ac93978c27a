"""Where nothing like a day was ever observed, its published forecast stays near what the series has shown.

The backtest cannot see such days: on them there is nothing to compare with. Expectations are derived from the base table.
"""

import dagster as dg

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import FORECAST_PARQUET

MARGIN_PERCENT = 10
"""How far, in percentage points, such a forecast may leave what was observed, or where the observed days' trend leads."""
RECENT_DAYS = 182
"""Days before a series' last one whose straight line counts as its recent trend."""

RESTS = Expectation(
    name="forecasts_rest_on_observations",
    description=(
        "on weekdays, in months and in stretches of the year that a series was never observed on, its forecast is within "
        f"{MARGIN_PERCENT} points of what was observed or of where the observed days' trend leads"
    ),
    parameters={"margin_percent": str(MARGIN_PERCENT), "recent_days": str(RECENT_DAYS)},
    items="rows of such days",
    # one series gone astray is shown in red, but must not keep the others from being compared
    blocking=False,
    severity=dg.AssetCheckSeverity.ERROR,
)

checks = [month_check(RESTS, FORECAST_PARQUET)]
