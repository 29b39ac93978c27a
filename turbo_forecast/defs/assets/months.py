"""`months`: which months are complete. The last step of a run: it finds everything stored and checked, and says so."""

from datetime import date

import dagster as dg
import duckdb

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.checks.month_checks import BLOCKING
from turbo_forecast.defs.month_markdown import closing_metadata
from turbo_forecast.defs.month_table import month_asset
from turbo_forecast.defs.partitions import month_of
from turbo_forecast.defs.reporting import Metadata, plain_errors
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.defs.run_warnings import warnings_so_far
from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST, FORECAST_INTERVALS, FORECAST_PARQUET, MONTHS
from turbo_forecast.storage.base_table import utc_now
from turbo_forecast.storage.datasets import require_whole
from turbo_forecast.storage.months import STEPS, MonthOfRun
from turbo_forecast.storage.warehouse import month_rows, transaction
from turbo_forecast.windows import cutoff_of

NOT_PASSED_TAG = "turbo_forecast/checks_not_passed"
"""On a run that made its month complete: how many of its checks did not pass, all of them such as only warn."""


@dg.asset(**month_asset(MONTHS, Place("publication", Stored.TABLE), deps=list(STEPS)))
def months(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> dg.MaterializeResult[None]:
    """Call the run's month complete."""
    needed = {(asset, name) for asset, name in BLOCKING if asset != MONTHS.name}
    with plain_errors(), warehouse.get_connection(keep_duckdb=True) as con, transaction(con):
        key = month_of(context)
        require_files(folder, key)
        work = MonthOfRun(cutoff_of(key), forecast.settings().config_hash(), context.run.run_id)
        work.complete(con, needed, utc_now())
        metadata = metadata_of(con, work.cutoff, context)
    return dg.MaterializeResult(metadata=metadata)


def metadata_of(con: duckdb.DuckDBPyConnection, cutoff: date, context: dg.AssetExecutionContext) -> Metadata:
    """The month's state, and the report of what was not known yet when its master file was made."""
    row = month_rows(con, MONTHS, cutoff).row(0, named=True)
    warnings = warnings_so_far(context.instance, context.run.run_id, con, cutoff)
    if warnings:  # else a run of which checks warned is "Success" in the list of runs, like any other
        context.instance.add_run_tags(context.run.run_id, {NOT_PASSED_TAG: str(len(warnings))})
    metadata = {"dagster/row_count": 1, "month": row["month"], "state": row["state"]}
    return {**metadata, **closing_metadata(con, cutoff, warnings)}


def require_files(folder: DataFolder, key: str) -> None:
    """Raises StorageError where one of the month's files is not there, or has a part that is not whole."""
    for table in (FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET, FORECAST_INTERVALS):
        path = folder.parquet(table.name, key)
        if not path.exists():
            raise StorageError(f"month {key} is not complete: {path} is not there: run the month again")
        require_whole(path)
