"""Entrants of Nixtla's statsforecast (the extra `statsforecast`): ETS, optimised Theta, ARIMA, and MSTL.

Belongs here: a window as statsforecast takes it, a forecast as the tournament does. Only these entrants import the
package, and only in a worker.
Does not belong here: any change of what statsforecast computes.
"""

import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from turbo_forecast.errors import SettingsError
from turbo_forecast.models.protocol import Forecast, ForecastError, Values, Window
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.types import Solver

WEEK, YEAR = 7, 365
MIN_DAYS = 2 * WEEK
"""Fewer than two seasons hold no seasonality, and some of these models fail on them in riddles."""

if find_spec("statsforecast") is None:  # here, so that naming such an entrant is an error before any work
    raise SettingsError(
        "entrants: auto_ets, optimized_theta, auto_arima and mstl need an extra: "
        "pip install turbo-forecast[statsforecast]"
    )


class Nixtla:
    """One of statsforecast's models, a new one for each window."""

    def __init__(self, model: str, interval_width: float) -> None:
        self._model = model
        self._level = 100 * interval_width

    def forecast(self, window: Window) -> Forecast:
        """Forecast from the whole calendar up to the day before the first one of the horizon.

        Raises ForecastError if it has fewer than 14 days, and whatever statsforecast raises.
        """
        started = time.perf_counter()
        y = calendar_values(window)
        if y.size < MIN_DAYS:
            raise ForecastError(f"{self._model} needs {MIN_DAYS} days of history, the window has {y.size}")
        steps = window.horizon - window.horizon[0]
        found = self._build(y.size).forecast(y, int(steps[-1]) + 1, level=[self._level])
        return Forecast(
            yhat=np.asarray(found["mean"])[steps],
            lower=np.asarray(found[f"lo-{self._level}"])[steps],
            upper=np.asarray(found[f"hi-{self._level}"])[steps],
            solver=Solver.STATSFORECAST,
            fit_seconds=time.perf_counter() - started,
        )

    def _build(self, size: int) -> Any:
        model = getattr(import_module("statsforecast.models"), self._model)
        if self._model == "MSTL" and size >= 2 * YEAR:
            return model(season_length=[WEEK, YEAR])
        return model(season_length=WEEK)


def calendar_values(window: Window) -> Values:
    """A value for each day from the first observed one to the day before the horizon's first.

    Gaps are filled by linear interpolation; the last value is carried to the end.
    """
    days = np.arange(window.days[0], window.horizon[0])
    return np.interp(days, window.days, window.y)


def auto_ets(settings: ForecastSettings) -> Nixtla:
    """The entrant `auto_ets`: exponential smoothing, its form chosen by AICc."""
    return Nixtla("AutoETS", settings.interval_width)


def optimized_theta(settings: ForecastSettings) -> Nixtla:
    """The entrant `optimized_theta`: the dynamic optimised Theta model."""
    return Nixtla("DynamicOptimizedTheta", settings.interval_width)


def auto_arima(settings: ForecastSettings) -> Nixtla:
    """The entrant `auto_arima`: seasonal ARIMA, its orders chosen by AICc."""
    return Nixtla("AutoARIMA", settings.interval_width)


def mstl(settings: ForecastSettings) -> Nixtla:
    """The entrant `mstl`: week (and year, from two years on) by repeated STL, the trend by ETS."""
    return Nixtla("MSTL", settings.interval_width)
