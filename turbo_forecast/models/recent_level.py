"""The recent level: the median of the last weeks, with their weekday profile. Never fails.

`recent_level` looks back 28 days, `recent_quarter` 91. Point forecast: the median of what was observed in these
calendar days before the horizon's first day, plus, for a weekday, the median of its own observations minus that
median. If nothing was observed in them: the last observation. Both are shown series without their cycle by day of the month
(`month_cycle.py`).

Interval: yhat - sqrt(q1^2 + z^2 c^2 h / n) to yhat + sqrt(q2^2 + z^2 c^2 h / n), where q1, q2 are the empirical
quantiles of the deviations from this fit (times sqrt(T / (T - K)) for the K weekday levels fitted to T values), c^2
is the mean square change of the median from one n-day span to the next in the past year, h days ahead: a random walk
of the level around which days scatter. If there are no two spans, c^2 is the deviations' mean square.
Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.5 (residual standard
deviation corrected for parameters; the naive method's interval growing with sqrt(h)).
Does not belong here: the loops (`level_kernels.py`).
"""

from statistics import NormalDist

import numpy as np

from turbo_forecast.models.level_kernel_set import abandon as abandon
from turbo_forecast.models.level_kernel_set import begin as begin
from turbo_forecast.models.level_kernel_set import prepare as prepare
from turbo_forecast.models.month_cycle import MonthCycle
from turbo_forecast.models.protocol import Entrant, Forecast, Window
from turbo_forecast.settings import ENVELOPE, ForecastSettings
from turbo_forecast.types import Solver

MONTH, QUARTER = 28, 91


class RecentLevel:
    """The median of the last `span` days and its weekdays."""

    def __init__(self, interval_width: float, span: int) -> None:
        from turbo_forecast.models.level_kernels import compile_kernels, recent  # numba: in workers only

        compile_kernels()
        self._kernel = recent
        self._interval = (1 - interval_width) / 2, NormalDist().inv_cdf(0.5 + interval_width / 2)
        self._span = span

    def forecast(self, window: Window) -> Forecast:
        """Level, profile and interval. One lone value says nothing about its spread: anything is possible."""
        yhat, lower, upper = np.empty((3, window.horizon.size))
        # copies, for the kernel is compiled for writable arrays, and a store's are not
        days, y, horizon = np.array(window.days), np.array(window.y), np.array(window.horizon)
        self._kernel(days, y, horizon, self._span, self._interval, yhat, lower, upper)
        if y.size == 1:
            lower[:], upper[:] = ENVELOPE
        return Forecast(yhat, lower, upper, solver=Solver.CLOSED_FORM, fits=0)


def month(settings: ForecastSettings) -> Entrant:
    """The entrant `recent_level`: four weeks."""
    return MonthCycle(RecentLevel(settings.interval_width, MONTH))


def quarter(settings: ForecastSettings) -> Entrant:
    """The entrant `recent_quarter`: thirteen weeks."""
    return MonthCycle(RecentLevel(settings.interval_width, QUARTER))
