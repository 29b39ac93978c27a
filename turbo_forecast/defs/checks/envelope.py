"""Projections stay in [0, 100], in order, and finite."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET, TOURNAMENT_RESULTS

_ROW = "host_id, resource, model, ds, yhat, yhat_lower, yhat_upper"

INSIDE = Property(
    name="projections_stay_in_the_envelope",
    sentence="0 <= yhat_lower <= yhat <= yhat_upper <= 100",
    judged="SELECT count(*) FROM {stored}",
    offenders=f"""
        SELECT {_ROW} FROM {{stored}}
        WHERE NOT coalesce(0 <= yhat_lower AND yhat_lower <= yhat AND yhat <= yhat_upper AND yhat_upper <= 100, false)
        ORDER BY ALL
    """,
    items="rows",
)
FINITE = Property(
    name="projections_are_finite",
    sentence="yhat and its bounds are finite numbers, y a finite number or absent",
    judged="SELECT count(*) FROM {stored}",
    offenders=f"""
        SELECT {_ROW}, y FROM {{stored}}
        WHERE NOT coalesce(isfinite(yhat) AND isfinite(yhat_lower) AND isfinite(yhat_upper), false)
           OR NOT coalesce(isfinite(y), true)
        ORDER BY ALL
    """,
    items="rows",
)

checks = [
    month_check(prop, table)
    for table in (FLEET_FORECAST, FOLD_FORECAST, TOURNAMENT_RESULTS, FORECAST_PARQUET)
    for prop in (INSIDE, FINITE)
]
