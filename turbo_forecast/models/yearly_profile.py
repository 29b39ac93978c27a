"""The yearly profile: the level reverting to its mean, on top of how each day of the year has differed. Never fails.

The profile is learnt from all history before the window, however long: weekdays off (means of deviations from the centred
week), then three times: the 365-day centred mean of what is left without the profile is the level, deviations from it are
clipped at three times their mean size, and their mean by day of the year, a year counting 0.8 of the one after it, smoothed by
two 15-day means round the year, is the profile. Of it a share is expected again, as far as each year was predicted by the
others (the slope of a year on the profile of the rest, raised to that of the profile of all); it is 0 with less than a year and a
half. What is left of the last 36 months is forecast by `reverting_level`, and the profile put back.
Sources: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 3.4 (classical decomposition), with
backfitting (Hastie & Tibshirani 1990, Generalized Additive Models); James & Stein (1961) for the share.
Does not belong here: the loops and their constants (`cycle_kernels.py`).
"""

from dataclasses import replace

import numpy as np

from turbo_forecast.models.cycle_calendar import CALENDAR_DAYS, days_of_year
from turbo_forecast.models.level_kernel_set import abandon as abandon
from turbo_forecast.models.level_kernel_set import begin as begin
from turbo_forecast.models.level_kernel_set import prepare as prepare
from turbo_forecast.models.month_cycle import MonthCycle
from turbo_forecast.models.protocol import Days, Entrant, Forecast, Values, Window
from turbo_forecast.models.reverting_level import NO_SEASON, RevertingLevel
from turbo_forecast.settings import ForecastSettings

SEES_ALL_HISTORY = True
"""This module's entrant is shown everything before the window, not the run's history months alone."""
LEVEL_DAYS = 1096
"""The level is fitted to as many days: 36 months."""
YEAR_DAYS = 365


class YearlyProfile:
    """A profile by day of the year from all history, around a level from the latest."""

    def __init__(self, interval_width: float) -> None:
        from turbo_forecast.models.cycle_kernels import compile_kernels, year_profile  # numba: in workers only

        compile_kernels()
        self._kernel = year_profile
        self._day_of_year = days_of_year()
        self._level = RevertingLevel(interval_width, NO_SEASON)

    def forecast(self, window: Window) -> Forecast:
        """The level's own answer where no profile shows."""
        profile = self.profile(window.days, window.y)
        late = slice(int(np.searchsorted(window.days, window.days[-1] - LEVEL_DAYS, side="right")), None)
        days, ahead = window.days[late], self._on(window.horizon, profile)
        answer = self._level.forecast(replace(window, days=days, y=window.y[late] - self._on(days, profile)))
        return replace(answer, yhat=answer.yhat + ahead, lower=answer.lower + ahead, upper=answer.upper + ahead)

    def profile(self, days: Days, y: Values) -> Values:
        """(365,) percentage points that each day of the year is expected above the year around it.

        days, y: (n,) observations, n >= 1.
        """
        profile = np.zeros(YEAR_DAYS)
        self._kernel(np.array(days), np.array(y), self._day_of_year, profile)  # copies: the kernel takes writable ones
        return profile

    def _on(self, days: Days, profile: Values) -> Values:
        found: Values = profile[self._day_of_year[days % CALENDAR_DAYS]]
        return found


def build(settings: ForecastSettings) -> Entrant:
    """The entrant `yearly_profile`."""
    return MonthCycle(YearlyProfile(settings.interval_width))
