"""An entrant that brings the end of the run's process: between two steps, as when the machine goes down."""

import os
import signal

import polars as pl

from turbo_forecast.defs import monthly
from turbo_forecast.models.protocol import Log
from turbo_forecast.schemas import CALIBRATION
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.tables import Table
from turbo_forecast_tests.fleet.entrants import Naive

made = monthly.Month.made


def end(month: monthly.Month, table: Table) -> pl.LazyFrame:
    if table is CALIBRATION:
        os.kill(os.getpid(), signal.SIGKILL)
    return made(month, table)


def prepare(settings: ForecastSettings, say: Log) -> None:
    monthly.Month.made = end  # type: ignore[method-assign]


def build(settings: ForecastSettings) -> Naive:
    return Naive()
