"""The seasonal naive forecaster: each weekday's last observed value. Also the fallback: it never fails.

Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., sections 5.2 and 5.5
(method, and its interval: sigma * sqrt(k + 1), k full seasons since the last observation).
"""

from statistics import NormalDist

import numpy as np

from turbo_forecast.models.protocol import Forecast, Values, Window
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.types import Solver

SEASON = 7
MEMORY_DAYS = 8 * SEASON
"""A weekday not observed for longer than this takes the last observed value instead."""


class SeasonalNaive:
    """Each day of the horizon repeats the last observed value of its weekday (the last value, if that weekday is stale)."""

    def __init__(self, interval_width: float) -> None:
        self._z = NormalDist().inv_cdf(0.5 + interval_width / 2)

    def forecast(self, window: Window) -> Forecast:
        """Point forecast from the last week's profile; interval from the in-sample seasonal differences."""
        last_day = int(window.days[-1])
        profile = np.full(SEASON, window.y[-1])
        recent = window.days > last_day - MEMORY_DAYS
        profile[window.days[recent] % SEASON] = window.y[recent]  # the latest assignment of a weekday stands
        yhat = profile[window.horizon % SEASON]
        seasons = (window.horizon - last_day - 1) // SEASON
        spread = self._z * self._sigma(window) * np.sqrt(seasons + 1.0)
        return Forecast(yhat, yhat - spread, yhat + spread, solver=Solver.CLOSED_FORM, fits=0)

    @staticmethod
    def _sigma(window: Window) -> float:
        """Root mean squared seasonal difference; with no pair a season apart, the values' own spread.

        One lone value says nothing about its spread: infinite, which the envelope turns into [0, 100].
        """
        differences = seasonal_differences(window)
        if differences.size:
            return float(np.sqrt(np.mean(differences**2)))
        return float(np.std(window.y)) if window.y.size > 1 else float("inf")


def seasonal_differences(window: Window) -> Values:
    """y(day) - y(day - 7) for each pair of observed days a season apart."""
    before = np.searchsorted(window.days, window.days - SEASON)
    paired = window.days[before] == window.days - SEASON
    differences: Values = window.y[paired] - window.y[before[paired]]
    return differences


def build(settings: ForecastSettings) -> SeasonalNaive:
    """The seasonal naive entrant of a run."""
    return SeasonalNaive(settings.interval_width)
