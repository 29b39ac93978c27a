"""Projections stay in [0, 100], in order, and finite."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET

INSIDE = Property(
    name="projections_stay_in_the_envelope", sentence="0 <= yhat_lower <= yhat <= yhat_upper <= 100", items="rows"
)
FINITE = Property(
    name="projections_are_finite",
    sentence="yhat and its bounds are finite numbers, y a finite number or absent",
    items="rows",
)

checks = [
    month_check(prop, table) for table in (FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET) for prop in (INSIDE, FINITE)
]
