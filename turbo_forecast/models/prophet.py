"""The entrant `prophet`: Facebook's model at the run's settings, solved by the run's engine.

Belongs here: which engine answers, and the rule for windows that have no finite MAP whatever the engine.
Does not belong here: an engine's own code (`prophet_stan.py`).
"""

from importlib import import_module
from typing import Protocol

import numpy as np

from turbo_forecast.models.protocol import Entrant, Forecast, ForecastError, Log, Window
from turbo_forecast.settings import NEGLIGIBLE_PERCENT, ForecastSettings
from turbo_forecast.turbo_prophet.cache import KERNELS
from turbo_forecast.types import Solver

ENGINES = {"turbo": "turbo_forecast.models.prophet_turbo", "stan": "turbo_forecast.models.prophet_stan"}
MIN_POINTS = 2
"""Prophet needs two observations to place a trend."""


class Engine(Protocol):
    """Fits Prophet on a window and forecasts its horizon."""

    def forecast(self, window: Window) -> Forecast:
        """As `Entrant.forecast`, for a window of at least two points that are not all equal."""
        ...


class ProphetEntrant:
    """Prophet by one engine, with the rule for constant windows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def forecast(self, window: Window) -> Forecast:
        """Forecast the window.

        A constant window is fitted exactly by any straight line, so its posterior grows without bound as sigma
        goes to zero: its forecast is the constant itself, and says so.
        """
        if window.days.size < MIN_POINTS:
            raise ForecastError(f"Prophet needs {MIN_POINTS} observations, the window has {window.days.size}")
        if np.ptp(window.y) <= NEGLIGIBLE_PERCENT:
            level = float(np.median(window.y))
            constant = np.full(window.horizon.size, level)
            note = f"the value never changes ({level:g} %) in the days given to Prophet, so its forecast is that value"
            return Forecast(constant, constant, constant, solver=Solver.CONSTANT, fits=0, note=note)
        return self._engine.forecast(window)


def build(settings: ForecastSettings) -> Entrant:
    """The prophet entrant of a run, on the engine its settings name."""
    engine: Engine = import_module(ENGINES[settings.engine]).build(settings)
    return ProphetEntrant(engine)


def begin(settings: ForecastSettings) -> None:
    """Start in the background what `prepare` waits for."""
    if settings.engine == "turbo":
        KERNELS.begin()


def abandon(settings: ForecastSettings) -> None:
    """End what `begin` started and nobody waited for."""
    KERNELS.abandon()


def prepare(settings: ForecastSettings, log: Log) -> None:
    """What the run's engine must do once, in the parent, before workers start."""
    if settings.engine == "turbo":
        KERNELS.ensure(log)
