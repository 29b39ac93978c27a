"""An entrant that brings a defect into the workers of the run: parts that lose a series."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from turbo_forecast.fleet import combining
from turbo_forecast.schemas import FLEET_FORECAST
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.tables import Table
from turbo_forecast_tests.fleet.entrants import Naive

LOST = "beta"
whole = combining.row_tables


def losing(*arguments: object) -> Iterator[pa.Table]:
    """All rows of the forecast but those of one host; folds are whole."""
    for rows in whole(*arguments):  # type: ignore[arg-type]
        kind = arguments[-1]
        assert isinstance(kind, Table)
        yield rows.filter(pc.field("host_id") != LOST) if kind == FLEET_FORECAST else rows


def build(settings: ForecastSettings) -> Naive:
    combining.row_tables = losing
    return Naive()
