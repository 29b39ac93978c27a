"""Folds are held for everyone or for no one, on the right days, with what was observed, and before the backtest.

Expectations follow from the base table (who had enough training before a fold, and something to score in it) and from
what happened to each fit.
"""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FOLD_FORECAST

HELD = Property(
    name="every_fold_is_held_by_everyone",
    sentence="every entrant of a series has all days of every fold the series' history allows, and no others",
    items="folds of series",
)
OBSERVED = Property(
    name="folds_end_before_the_backtest",
    sentence="every row is of this month, lies inside its fold and before the backtest, and y is the base table's",
    items="rows",
)

checks = [month_check(prop, FOLD_FORECAST) for prop in (HELD, OBSERVED)]
