"""An entrant that behaves, unless the environment says at which series it shall not, and how.

Belongs here: misbehaviour of an entrant. Its forecasts are the last observed value, whatever it was told to do before, so that
a run in which it misbehaves once gives the same bytes as one in which it never does.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from turbo_forecast.models.protocol import Forecast, Window
from turbo_forecast.settings import ForecastSettings

NAME = "benchmarks.faults.entrants:build"
HOW, WHERE, ONCE = "TURBO_FORECAST_FAULT", "TURBO_FORECAST_FAULT_SERIES", "TURBO_FORECAST_FAULT_ONCE"
"""Environment: what to do; at which series (host/resource); a file that is made when it has been done and need not be again."""
PACE = "TURBO_FORECAST_FAULT_PACE"
"""Environment: seconds that each forecast takes, where a fleet is so small that it would be done before anything can happen."""
MUCH_MB = 3000
FOR_EVER = 600.0


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang() -> None:
    time.sleep(FOR_EVER)


def _grow() -> None:
    held = []
    for _ in range(MUCH_MB // 100):  # not at once: a small machine must not be the one that ends it
        held.append(np.ones(100 << 20, np.uint8))
        time.sleep(0.1)
    time.sleep(FOR_EVER)
    held.clear()


WAYS: dict[str, Callable[[], None]] = {"die": _die, "hang": _hang, "grow": _grow}


class Wayward:
    """Does as the environment says, then forecasts the last observed value."""

    def __init__(self) -> None:
        self._way, self._where = WAYS.get(os.environ.get(HOW, "")), os.environ.get(WHERE, "")
        self._once = os.environ.get(ONCE, "")
        self._pace = float(os.environ.get(PACE, "0"))

    def forecast(self, window: Window) -> Forecast:
        """The last value, flat."""
        if self._way and "/".join(window.series) == self._where and not (self._once and Path(self._once).exists()):
            if self._once:
                Path(self._once).touch()
            self._way()
        time.sleep(self._pace)
        flat = np.full(window.horizon.size, window.y[-1])
        return Forecast(flat, flat - 10, flat + 10, solver="closed_form", fits=0)


def build(settings: ForecastSettings) -> Wayward:
    """The entrant."""
    return Wayward()
