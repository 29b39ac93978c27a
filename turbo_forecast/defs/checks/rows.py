"""Every row is about this month, from an entrant that takes part, and has what was observed, no more."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import FLEET_FORECAST, FORECAST_PARQUET, TOURNAMENT_RESULTS

OBSERVED = Expectation(
    name="rows_tell_what_was_observed",
    description="y is the base table's in the backtest, and absent after the cutoff",
    items="rows",
)
OF_THIS_MONTH = Expectation(
    name="rows_belong_to_this_month",
    description="every row names its series, an entrant that takes part, a phase, a day, and this month's cutoff",
    items="rows",
)

checks = [
    *(month_check(OBSERVED, table) for table in (FLEET_FORECAST, FORECAST_PARQUET)),
    *(month_check(OF_THIS_MONTH, table) for table in (FLEET_FORECAST, TOURNAMENT_RESULTS, FORECAST_PARQUET)),
]
