"""The base table: telemetry in, both tables replaced in one transaction, or nothing changed at all."""

from datetime import date

import duckdb

from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.reading import read_telemetry
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.warehouse import publish_table, stage_table, transaction


def replace_base_table(con: duckdb.DuckDBPyConnection, settings: TelemetrySettings, *, today: date) -> TelemetryReport:
    """Read telemetry into the base table and its rejects.

    Raises TelemetryError or SettingsError, in one sentence, with both tables as they were.
    """
    with transaction(con):
        base, rejects = stage_table(con, BASE_TABLE), stage_table(con, BASE_TABLE_REJECTS)
        report = read_telemetry(con, settings, today=today, base_table=base, rejects_table=rejects)
        publish_table(con, BASE_TABLE)
        publish_table(con, BASE_TABLE_REJECTS)
    return report
