"""`base_table` and `base_table_rejects`: raw telemetry to one value per series and day."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb

from turbo_forecast.defs.asset_selection import recorded
from turbo_forecast.defs.assets.telemetry import observed
from turbo_forecast.defs.catalog import LANDING, TELEMETRY, Place, Stored
from turbo_forecast.defs.partition_migration import migrate_partitions
from turbo_forecast.defs.partitions import WAREHOUSE_POOL
from turbo_forecast.defs.plots import fleet_by_month
from turbo_forecast.defs.reporting import Metadata, log_to, plain_errors, spec
from turbo_forecast.defs.resources import ForecastResource, TelemetryResource, Warehouse
from turbo_forecast.defs.stored_data import stored_in
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_REJECTS
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.settings import current_environment as environment
from turbo_forecast.storage.base_readings import Reading
from turbo_forecast.storage.base_table import current_digest, last_day_up_to, update_base_table
from turbo_forecast.storage.landed import landed_months
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.warehouse import transaction
from turbo_forecast.windows import cutoff_of, require_complete


@dg.multi_asset(
    specs=[
        spec(table, Place("telemetry", Stored.TABLE), deps=[TELEMETRY, LANDING])
        for table in (BASE_TABLE, BASE_TABLE_REJECTS)
    ],
    can_subset=True,  # both are always made; the UI asks red questions of what cannot be chosen one by one
    pool=WAREHOUSE_POOL,
)
def base_table(
    context: dg.AssetExecutionContext, telemetry: TelemetryResource, forecast: ForecastResource, warehouse: Warehouse
) -> Iterator[dg.MaterializeResult[None]]:
    """Read what has changed of the telemetry, and replace both tables, or months of them, in one transaction."""
    log, data = log_to(context), Path(warehouse.database).absolute().parent
    with plain_errors():
        migrate_partitions(context.instance, data, log)
        settings, landed = telemetry.settings(), landed_months(data)
    with plain_errors(), warehouse.get_connection() as con:
        with transaction(con):
            reading = update_base_table(con, settings, landed, today=date.today(), run_id=context.run.run_id, say=log)
            _require_month(con, context.partition_key if context.has_partition_key else None, forecast.settings())
        chart, digest = fleet_by_month(con), current_digest(con)
    log(reading.describe())
    if reading.of_files:
        context.log_event(observed(reading.of_files, telemetry.telemetry))
    metadata = {**_metadata(reading), "digest": digest, "warehouse": dg.MetadataValue.path(warehouse.database)}
    # the same rows are the same version: what was made of them is not out of date
    version = dg.DataVersion(digest)
    base = dg.MaterializeResult[None](
        BASE_TABLE.name, metadata={**metadata, "utilisation": chart}, data_version=version
    )
    yield from recorded(
        context, [base, dg.MaterializeResult(BASE_TABLE_REJECTS.name, metadata=_rejected(reading.report))]
    )


def _rejected(report: TelemetryReport) -> Metadata:
    return {"dagster/row_count": sum(report.rejects.values()), "by reason": report.rejects}


def _require_month(con: duckdb.DuckDBPyConnection, month: str | None, settings: ForecastSettings) -> None:
    """Raises PartitionError where the run is of a month that the telemetry does not reach; nothing is replaced then."""
    if month:
        cutoff = cutoff_of(month)
        require_complete(last_day_up_to(con, cutoff), cutoff, settings)


def _metadata(reading: Reading) -> Metadata:
    report = reading.report
    return {
        **stored_in(environment().store),
        "telemetry": "read" if reading.is_new else "unchanged",
        "read by run": reading.run_id,
        "read at": f"{reading.read_at:%Y-%m-%d %H:%M} UTC",
        "dagster/row_count": report.rows_kept,
        "series": report.series,
        "hosts": report.hosts,
        "values rejected": sum(report.rejects.values()),
        "first day": str(report.first_day),
        "last day": str(report.last_day),
        "guessed columns": report.guesses,
        "columns left out": report.left_out,
        "names changed": report.names_changed,
        "hosts that look alike": report.look_alikes[:20],
        "clipped values": report.clipped,
        "landed months read": reading.months_read,
        "landed months as they were": reading.months_standing,
        "days that files have, too": report.days_in_both,
        "seconds of reading, all stages": round(sum(report.seconds.values()), 3),
        "seconds of reading": report.seconds,
    }
