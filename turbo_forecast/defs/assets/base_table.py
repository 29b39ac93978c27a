"""`base_table` and `base_table_rejects`: raw telemetry to one value per series and day."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from turbo_forecast.defs.partitions import WAREHOUSE_POOL
from turbo_forecast.defs.plots import fleet_by_month
from turbo_forecast.defs.reporting import Metadata, plain_errors, say_to, spec
from turbo_forecast.defs.resources import TelemetryResource, Warehouse
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_REJECTS
from turbo_forecast.storage.base_table import current_digest, replace_base_table
from turbo_forecast.storage.telemetry.report import TelemetryReport


@dg.multi_asset(
    specs=[spec(BASE_TABLE, kinds={"duckdb"}), spec(BASE_TABLE_REJECTS, kinds={"duckdb"})],
    group_name="telemetry",
    pool=WAREHOUSE_POOL,
)
def base_table(
    context: dg.AssetExecutionContext, telemetry: TelemetryResource, warehouse: Warehouse
) -> Iterator[dg.MaterializeResult[None]]:
    """Read telemetry once and replace both tables in one transaction."""
    with plain_errors(), warehouse.get_connection() as con:
        report = replace_base_table(con, telemetry.settings(), today=date.today(), run_id=context.run.run_id)
        chart, digest = fleet_by_month(con), current_digest(con)
    say_to(context)(report.describe())
    told = {
        **_told(report),
        "digest": digest,
        "warehouse": dg.MetadataValue.path(warehouse.database),
        "utilisation": chart,
    }
    # the same rows are the same version: what was made of them is not out of date
    yield dg.MaterializeResult(asset_key=BASE_TABLE.name, metadata=told, data_version=dg.DataVersion(digest))
    yield dg.MaterializeResult(
        asset_key=BASE_TABLE_REJECTS.name,
        metadata={"dagster/row_count": sum(report.rejects.values()), "by reason": report.rejects},
    )


def _told(report: TelemetryReport) -> Metadata:
    return {
        "dagster/row_count": report.rows_kept,
        "series": report.series,
        "first day": str(report.first_day),
        "last day": str(report.last_day),
        "guessed columns": report.guesses,
        "columns left out": report.left_out,
        "names changed": report.names_changed,
        "hosts that look alike": report.look_alikes[:20],
        "clipped values": report.clipped,
        "seconds of reading": report.seconds,
    }
