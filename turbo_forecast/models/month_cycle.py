"""A cycle by day of the month, where the history shows one: taken off before a forecaster looks, put back afterwards.

A day has up to four places: its number from the month's first day (1 to 28) or its last (7), and among its working days
from the first (5) or the last (5). Each value is measured from the mean of the 61 days around it and from its weekday.
The place whose deviations (clipped) lie most standard errors from those of all days, five at least, is taken off, and
the search begins again (matching pursuit: Mallat & Zhang 1993, doi:10.1109/78.258082). Its effect is the median of its latest
twelve occurrences, minus the median of all days.
Belongs here: the wrapper that an entrant may have. Does not belong here: the loops and their constants (`cycle_kernels.py`).
"""

from dataclasses import replace
from functools import cache

import numpy as np

from turbo_forecast.models.cycle_calendar import CALENDAR_DAYS, PLACES, month_places
from turbo_forecast.models.former_names import with_forecast
from turbo_forecast.models.protocol import Days, Entrant, Forecast, Values, Window


class CycleSearch:
    """Finds cycles. It keeps its last answer, for several entrants look at the same window one after the other."""

    def __init__(self) -> None:
        from turbo_forecast.models.cycle_kernels import compile_kernels, month_effects  # numba: in workers only

        compile_kernels()
        self._kernel = month_effects
        self._places = month_places()
        self._days: Days = np.empty(0, np.int64)
        self._y: Values = np.empty(0)
        self._effects: Values | None = None

    def __call__(self, days: Days, y: Values) -> Values | None:
        """(PLACES + 1,) percentage points that each place lies above the days around it; None where there is no cycle.

        days, y: (n,) observations, n >= 1. The last entry is 0, that of no place.
        """
        if not (np.array_equal(y, self._y) and np.array_equal(days, self._days)):
            self._days, self._y = np.array(days), np.array(y)  # copies: the kernel is compiled for writable arrays
            effects = np.zeros(PLACES + 1)
            found = self._kernel(self._days, self._y, self._places, effects)
            self._effects = effects if found else None
        return self._effects

    def on(self, days: Days, effects: Values) -> Values:
        """(n,) the effects of each day's places, added up."""
        total: Values = effects[self._places[days % CALENDAR_DAYS]].sum(axis=1)
        return total


@cache
def cycle_search() -> CycleSearch:
    """This process's own."""
    return CycleSearch()


class MonthCycle:
    """An entrant that is shown series without their cycle by day of the month, and whose forecast gets it back."""

    def __init__(self, entrant: Entrant) -> None:
        self._entrant = with_forecast(entrant)
        self._search = cycle_search()

    def forecast(self, window: Window) -> Forecast:
        """The entrant's forecast with the cycle put back; where there is none, the entrant's own."""
        effects = self._search(window.days, window.y)
        if effects is None:
            return self._entrant.forecast(window)
        answer = self._entrant.forecast(replace(window, y=window.y - self._search.on(window.days, effects)))
        ahead = self._search.on(window.horizon, effects)
        return replace(answer, yhat=answer.yhat + ahead, lower=answer.lower + ahead, upper=answer.upper + ahead)
