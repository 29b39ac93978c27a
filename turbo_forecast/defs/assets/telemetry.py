"""`telemetry`: the monitoring system's export, which others make; what a run found in it is recorded as an observation."""

import dagster as dg

from turbo_forecast.defs.catalog import TELEMETRY, long_text, presented
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.text import shown_location

KINDS = ("parquet", "csv", "duckdb")

telemetry = dg.AssetSpec(TELEMETRY, description=long_text(TELEMETRY), **presented("telemetry", KINDS))

SHOWN = 20
"""Names of files that are shown; the count is of all."""


def observed(report: TelemetryReport, location: str) -> dg.AssetObservation:
    """What a run has read, for the telemetry's own page. location: as configured; a URL's key is not shown."""
    return dg.AssetObservation(
        TELEMETRY,
        metadata={
            "location": shown_location(location),
            "files": len(report.sources),
            "names of files": [shown_location(name) for name in report.sources[:SHOWN]],
            "layout": report.layout,
            "dagster/row_count": report.rows_read,
            "values": report.values_read,
            "values rejected": sum(report.rejects.values()),
            "first day": str(report.first_day),
            "last day": str(report.last_day),
        },
    )
