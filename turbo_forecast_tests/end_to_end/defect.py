"""An entrant that brings a defect into the process of the run: a merging of chunks that loses a series."""

import polars as pl

from turbo_forecast.fleet import run
from turbo_forecast.fleet.combine import Weights
from turbo_forecast.fleet.merge import Finished
from turbo_forecast.models.protocol import Say
from turbo_forecast.settings import ForecastSettings
from turbo_forecast_tests.fleet.entrants import Naive

LOST = "beta"


class Losing(Finished):
    """All rows of the forecast but those of one host; folds are whole."""

    def rows(self, weights: Weights | None) -> pl.LazyFrame:
        return super().rows(weights).filter(pl.col("host_id") != LOST)


def prepare(settings: ForecastSettings, say: Say) -> None:
    run.Finished = Losing  # type: ignore[misc]


def build(settings: ForecastSettings) -> Naive:
    return Naive()
