"""Folds are held for everyone or for no one, on the right days, with what was observed, and before the backtest.

Expectations follow from the base table (who had enough training before a fold, and something to score in it) and from
what happened to each fit.
"""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import FOLD_FORECAST

HELD = Expectation(
    name="every_fold_is_held_by_everyone",
    description="every entrant of a series has all days of every fold the series' history allows, and no others",
    items="folds of series",
)
OBSERVED = Expectation(
    name="folds_end_before_the_backtest",
    description="every row is of this month, lies inside its fold and before the backtest, and y is the base table's",
    items="rows",
)

checks = [month_check(expectation, FOLD_FORECAST) for expectation in (HELD, OBSERVED)]
