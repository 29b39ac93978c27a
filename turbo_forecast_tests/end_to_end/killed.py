"""An entrant that brings the end of the run's process: between two steps, as when the machine goes down."""

import os
import signal

from turbo_forecast.defs.assets import calibration
from turbo_forecast.models.protocol import Say
from turbo_forecast.settings import ForecastSettings
from turbo_forecast_tests.fleet.entrants import Naive


def end(*arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def prepare(settings: ForecastSettings, say: Say) -> None:
    calibration.calibrate_month = end  # type: ignore[assignment]


def build(settings: ForecastSettings) -> Naive:
    return Naive()
