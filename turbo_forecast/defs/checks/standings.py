"""Everyone stands in the standings, everywhere, in finite numbers; and earlier forecasts are judged on what has arrived."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FORECAST_ACCURACY, TOURNAMENT_STANDINGS

COMPLETE = Property(
    name="everyone_stands_everywhere",
    sentence="every entrant, and what was published, stands in every resource and month, on all series with a backtest",
    items="rows of the standings",
)
FINITE = Property(
    name="standings_are_finite",
    sentence="standings are finite and possible: shares in [0, 1], ranks from 1, intervals in order",
    items="rows of the standings",
)
JUDGED = Property(
    name="earlier_forecasts_are_judged",
    sentence="every earlier complete month's forecast, of every entrant, is judged on each month observed since",
    items="observed months of an entrant's earlier forecasts",
)

checks = [
    *(month_check(prop, TOURNAMENT_STANDINGS) for prop in (COMPLETE, FINITE)),
    month_check(JUDGED, FORECAST_ACCURACY),
]
