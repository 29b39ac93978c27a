"""An entrant that brings a defect into the process of the run: a writer that loses a series."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from turbo_forecast.fleet import run
from turbo_forecast.models.protocol import Say
from turbo_forecast.schemas import FLEET_FORECAST
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.files import ParquetStream, parquet_stream
from turbo_forecast_tests.fleet.entrants import Naive

LOST = "beta"


@contextmanager
def losing(path: Path, schema: pa.Schema) -> Iterator[ParquetStream]:
    """A stream that writes all rows of the forecast but those of one host; folds are whole."""
    with parquet_stream(path, schema) as stream:
        if schema.names == FLEET_FORECAST.names:
            whole = stream.append
            stream.append = lambda table: whole(table.filter(pc.field("host_id") != LOST))  # type: ignore[method-assign]
        yield stream


def prepare(settings: ForecastSettings, say: Say) -> None:
    run.parquet_stream = losing  # type: ignore[assignment]


def build(settings: ForecastSettings) -> Naive:
    return Naive()
