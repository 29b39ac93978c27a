"""The standings are complete, in finite numbers; and earlier forecasts are scored on what was observed since."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import FORECAST_ACCURACY, TOURNAMENT_STANDINGS

COMPLETE = Expectation(
    name="everyone_stands_everywhere",
    description="every entrant, and what was published, stands in every resource and month, on all series with a backtest",
    items="rows of the standings",
)
FINITE = Expectation(
    name="standings_are_finite",
    description="standings are finite and possible: shares in [0, 1], ranks from 1, intervals in order",
    items="rows of the standings",
)
JUDGED = Expectation(
    name="earlier_forecasts_are_judged",
    description="every earlier complete month's forecast, of every entrant, is judged on each month observed since",
    items="observed months of an entrant's earlier forecasts",
)

checks = [
    *(month_check(expectation, TOURNAMENT_STANDINGS) for expectation in (COMPLETE, FINITE)),
    month_check(JUDGED, FORECAST_ACCURACY),
]
