"""The reverting level: where a series stands now, drawn back to its year's mean as fast as its past says. Never fails.

The weekday profile of the last 364 days (medians, centred) is taken off. h days after the last observation the forecast
is mu + phi^h (level - mu): mu the mean of the last 364 days, the level an exponential smoothing (a first-order
autoregression of the level around the mean). `reverting_season` adds gamma s(t - 364) - gamma phi^h s(origin - 364):
s, the anomaly, is the 21-day centred mean minus the 365-day centred mean; where t - 364 lies beyond the history, 0.
All combinations of alpha (6), phi (5) and gamma (4) are cross-validated on the series itself, by absolute errors at six
leads from rolling origins every 5 days, an origin discounted by 0.998 per day of its age; the forecast is their average
weighted with (lowest cost / cost)^40.
Interval: per lead, the weighted quantiles of the best combination's signed errors from the same origins, interpolated
between leads and constant before the first and beyond the last. They were chosen in sample, and on a short history from
few origins, so they are narrow: the interval is on each side at least as wide as `recent_quarter`'s, whose level walks
as it did from quarter to quarter.
Both are shown series without their cycle by day of the month (`month_cycle.py`).
Sources: Gardner & McKenzie (1985), Forecasting trends in time series (damping); Hyndman & Athanasopoulos, Forecasting:
Principles and Practice, 3rd ed., sections 5.10 (rolling origins), 8.1 (exponential smoothing), 9.3 (autoregression).
Does not belong here: the loops and their constants (`level_kernels.py`).
"""

from statistics import NormalDist

import numpy as np

from turbo_forecast.models.level_kernel_set import abandon as abandon
from turbo_forecast.models.level_kernel_set import begin as begin
from turbo_forecast.models.level_kernel_set import prepare as prepare
from turbo_forecast.models.month_cycle import MonthCycle
from turbo_forecast.models.protocol import Entrant, Forecast, Window
from turbo_forecast.models.recent_level import QUARTER
from turbo_forecast.settings import ENVELOPE, ForecastSettings
from turbo_forecast.types import Solver

NO_SEASON = (0.0,)
SEASON_SHARES = (0.0, 0.25, 0.5, 0.75)


class RevertingLevel:
    """The level reverting to the year's mean, with shares of last year's anomaly among the combinations."""

    def __init__(self, interval_width: float, gammas: tuple[float, ...]) -> None:
        from turbo_forecast.models.level_kernels import compile_kernels, recent, reverting  # numba: in workers only

        compile_kernels()
        self._kernel, self._walk = reverting, recent
        self._tail = (1 - interval_width) / 2
        self._z = NormalDist().inv_cdf(0.5 + interval_width / 2)
        self._gammas = np.array(gammas)

    def forecast(self, window: Window) -> Forecast:
        """Forecast and interval. One lone value says nothing about its spread: anything is possible."""
        yhat, lower, upper = np.empty((3, window.horizon.size))
        # copies, for the kernel is compiled for writable arrays, and a store's are not
        days, y, horizon = np.array(window.days), np.array(window.y), np.array(window.horizon)
        self._kernel(days, y, horizon, self._gammas, self._tail, yhat, lower, upper)
        at, low, high = np.empty((3, horizon.size))
        self._walk(days, y, horizon, QUARTER, (self._tail, self._z), at, low, high)
        lower, upper = np.minimum(lower, yhat - (at - low)), np.maximum(upper, yhat + (high - at))
        if y.size == 1:
            lower[:], upper[:] = ENVELOPE
        return Forecast(yhat, lower, upper, solver=Solver.CLOSED_FORM, fits=0)


def level(settings: ForecastSettings) -> Entrant:
    """The entrant `reverting_level`."""
    return MonthCycle(RevertingLevel(settings.interval_width, NO_SEASON))


def season(settings: ForecastSettings) -> Entrant:
    """The entrant `reverting_season`."""
    return MonthCycle(RevertingLevel(settings.interval_width, SEASON_SHARES))
