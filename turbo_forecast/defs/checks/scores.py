"""Every window is scored, over all the days that were observed, in finite numbers."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import TOURNAMENT_SCORES

SCORED = Property(
    name="every_window_is_scored",
    sentence="every entrant's backtest and folds of a series are scored on all their observed days, and nothing else is",
    items="windows of a series and an entrant",
)
FINITE_SCORES = Property(
    name="scores_are_finite",
    sentence="scores are finite and possible: errors not negative, coverage and sMAPE in [0, 1], RMSE at least MAE",
    items="rows of scores",
)

checks = [month_check(prop, TOURNAMENT_SCORES) for prop in (SCORED, FINITE_SCORES)]
