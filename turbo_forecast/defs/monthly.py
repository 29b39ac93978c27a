"""What the partitioned assets share: one month at a time, in one transaction, timed and reported.

Does not belong here: what any one asset stores.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from turbo_forecast.defs.catalog import described, presented
from turbo_forecast.defs.held import held
from turbo_forecast.defs.partitions import MONTHS, WAREHOUSE_POOL, month_of
from turbo_forecast.defs.reporting import Metadata, plain_errors, say_to, schema_metadata, stage_metadata
from turbo_forecast.defs.resources import ForecastResource, Warehouse
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.months import MonthOfRun
from turbo_forecast.storage.warehouse import replace_audit, transaction
from turbo_forecast.tables import Table
from turbo_forecast.windows import cutoff_of

HISTORY = "SELECT host_id, resource, ds, y FROM base_table WHERE ds BETWEEN ? AND ?"
"""The base table's rows from a first to a last day."""


@dataclass(slots=True)
class Month:
    """One month of one asset: an open transaction, a timer, and what will be told of it."""

    key: str
    cutoff: date
    settings: ForecastSettings
    con: duckdb.DuckDBPyConnection
    timer: AuditTimer
    told: Metadata = field(default_factory=dict)

    def result(self) -> dg.MaterializeResult[None]:
        """What the asset returns: all that is told of the month, and its seconds by stage."""
        return dg.MaterializeResult(metadata={**self.told, **stage_metadata(self.timer)})

    def result_of(self, frame: pl.DataFrame) -> dg.MaterializeResult[pl.DataFrame]:
        """What an asset yields that the I/O manager stores; when the asset goes on, the file is there."""
        return dg.MaterializeResult(value=frame, metadata={**self.told, **stage_metadata(self.timer)})


def month_asset(table: Table, *, deps: list[Table]) -> dict[str, Any]:
    """Arguments of `dg.asset` for a month-partitioned asset that stores `table`.

    deps: what it is made from, other than the Parquet assets that its function takes as arguments.
    """
    return {
        "name": table.name,
        "deps": [dep.name for dep in deps],
        "description": described(table),
        "metadata": schema_metadata(table),
        **presented(table.name),
        "partitions_def": MONTHS,
        "pool": WAREHOUSE_POOL,
    }


def one_month(
    context: dg.AssetExecutionContext, asset: str, forecast: ForecastResource, warehouse: Warehouse
) -> AbstractContextManager[Month]:
    """A month's transaction: the asset's rows and its audit are committed together.

    The month is called incomplete before that, in a transaction of its own: a master file is there at once. Both ask
    whether the base table and the settings are those the month was forecast with; what a transaction reads, stays.
    A frame that is yielded within is stored within; should that fail, nothing is committed.
    """
    return held(context, _month(context, asset, forecast, warehouse))


@contextmanager
def _month(
    context: dg.AssetExecutionContext, asset: str, forecast: ForecastResource, warehouse: Warehouse
) -> Iterator[Month]:
    settings, timer, run_id = forecast.settings(), AuditTimer(), context.run.run_id
    with plain_errors():
        key = month_of(context)
    log = StatusLog(say_to(context), about=key)
    with plain_errors(), log.working(f"making {asset}"), warehouse.get_connection() as con:
        month = Month(key, cutoff_of(key), settings, con, timer)
        work = MonthOfRun(month.cutoff, settings.config_hash(), run_id)
        with transaction(con):
            work.begin_step(con, asset)
        with transaction(con):
            work.require_same(con)
            yield month
            replace_audit(con, timer.frame(asset, month.cutoff, settings, run_id))
            work.record_stored(con, [asset])
