"""An entrant that brings a defect into the process of the run: a writer that loses a series."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from turbo_forecast.fleet import run
from turbo_forecast.models.protocol import Say
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.files import write_parquet
from turbo_forecast_tests.fleet.entrants import Naive

LOST = "beta"


def losing(batches: Iterable[pa.Table], schema: pa.Schema, path: Path) -> int:
    """Write all rows but those of one host."""
    return write_parquet((batch.filter(pc.field("host_id") != LOST) for batch in batches), schema, path)


def prepare(settings: ForecastSettings, say: Say) -> None:
    run.write_parquet = losing


def build(settings: ForecastSettings) -> Naive:
    return Naive()
