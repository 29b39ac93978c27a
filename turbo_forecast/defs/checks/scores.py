"""Every window is scored, over all the days that were observed, in finite numbers."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import TOURNAMENT_SCORES

SCORED = Expectation(
    name="every_window_is_scored",
    description="every entrant's backtest and folds of a series are scored on all their observed days, and nothing else is",
    items="windows of a series and an entrant",
)
FINITE_SCORES = Expectation(
    name="scores_are_finite",
    description="scores are finite and possible: errors not negative, coverage and sMAPE in [0, 1], RMSE at least MAE",
    items="rows of scores",
)

checks = [month_check(expectation, TOURNAMENT_SCORES) for expectation in (SCORED, FINITE_SCORES)]
