"""Projections stay in [0, 100], in order, and finite."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET

INSIDE = Expectation(
    name="projections_stay_in_the_envelope", description="0 <= yhat_lower <= yhat <= yhat_upper <= 100", items="rows"
)
FINITE = Expectation(
    name="projections_are_finite",
    description="yhat and its bounds are finite numbers, y a finite number or absent",
    items="rows",
)

checks = [
    month_check(expectation, table)
    for table in (FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET)
    for expectation in (INSIDE, FINITE)
]
