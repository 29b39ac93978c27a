"""Every entrant's forecast of a series covers every day asked for, and no other."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FLEET_FORECAST, FORECAST_PARQUET

COMPLETE = Property(
    name="horizon_is_complete",
    sentence="every forecast covers each day of the horizon, every backtest each day of its window",
    items="forecasts",
)

checks = [month_check(COMPLETE, table) for table in (FLEET_FORECAST, FORECAST_PARQUET)]
