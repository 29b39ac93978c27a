"""Every entrant's forecast of a series covers every day asked for, and no other."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import FLEET_FORECAST, FORECAST_PARQUET

COMPLETE = Expectation(
    name="horizon_is_complete",
    description="every forecast covers each day of the horizon, every backtest each day of its window",
    items="forecasts",
)

checks = [month_check(COMPLETE, table) for table in (FLEET_FORECAST, FORECAST_PARQUET)]
