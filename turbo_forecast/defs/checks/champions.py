"""Every series with a forecast has exactly one champion, who has that forecast and was not clearly worse than the fallback."""

from turbo_forecast.defs.checks.expectations import Expectation
from turbo_forecast.defs.checks.month_checks import month_check
from turbo_forecast.schemas import CHAMPIONS

ONE_CHAMPION = Expectation(
    name="exactly_one_champion_per_series",
    description="every series with a forecast has exactly one champion, and the champion has a forecast of it",
    items="series",
)
NOT_WORSE = Expectation(
    name="no_champion_is_clearly_worse_than_the_fallback",
    description="over a series' folds, the champion's log error is not above the fallback's by more than one standard error",
    items="series",
)

checks = [month_check(expectation, CHAMPIONS) for expectation in (ONE_CHAMPION, NOT_WORSE)]
