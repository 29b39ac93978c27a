"""Every series with a forecast has exactly one champion, who has that forecast and was not clearly worse than the fallback."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import CHAMPIONS

ONE_CHAMPION = Property(
    name="exactly_one_champion_per_series",
    sentence="every series with a forecast has exactly one champion, and the champion has a forecast of it",
    items="series",
)
NOT_WORSE = Property(
    name="no_champion_is_clearly_worse_than_the_fallback",
    sentence="over a series' folds, the champion's log error is not above the fallback's by more than one standard error",
    items="series",
)

checks = [month_check(prop, CHAMPIONS) for prop in (ONE_CHAMPION, NOT_WORSE)]
