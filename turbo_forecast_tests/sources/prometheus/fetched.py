"""What tests ask of a source, and in which form they look at it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa

from turbo_forecast.sources.prometheus.settings import PrometheusOptions
from turbo_forecast.sources.prometheus.source import PrometheusSource
from turbo_forecast.sources.protocol import ROWS, Window

MARCH = Window.of_days(date(2025, 3, 1), date(2025, 3, 31), "UTC")
FEBRUARY = Window.of_days(date(2025, 2, 1), date(2025, 2, 28), "UTC")


def source(address: str = "http://metrics.test:9090", **options: Any) -> PrometheusSource:
    """A source named fleet, which gives up soon."""
    return PrometheusSource.configured(
        "fleet", PrometheusOptions.model_validate({"address": address, "patience_seconds": 20.0, **options})
    )


def gauges(*names: str) -> dict[str, str]:
    """Queries of gauges of the fleet, by resource: {name}_percent, averaged over each step."""
    return {name: f"avg_over_time({name}_percent{{$hosts}}[$step])" for name in names}


def rows(asked: PrometheusSource, window: Window = MARCH) -> pl.DataFrame:
    """The window's rows by host, resource and time."""
    batches = list(asked.fetch(window))
    assert all(batch.schema == ROWS and batch.num_rows for batch in batches)
    return frame(pa.Table.from_batches(batches, ROWS))


def frame(table: pa.Table) -> pl.DataFrame:
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found.sort("host_id", "resource", "timestamp")


def hours(day: date, count: int) -> Window:
    """The first hours of a day."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Window(start, start + timedelta(hours=count))
