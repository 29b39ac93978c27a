"""One month of one asset: in one transaction, timed and reported.

Belongs here: what a step may ask of its month, and what becomes of its transaction. Does not belong here: what any one
asset stores (`assets/`), and how assets are made of their functions (`month_table.py`).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date

import dagster as dg
import duckdb
import polars as pl

from turbo_forecast.defs.kept_open import kept_open
from turbo_forecast.defs.partitions import month_of
from turbo_forecast.defs.reporting import Metadata, log_to, plain_errors, stage_metadata
from turbo_forecast.defs.resources import DataFolder, ForecastResource, OutlookResource, Warehouse
from turbo_forecast.defs.run_warnings import warnings_so_far
from turbo_forecast.defs.settings_hashes import settings_hash
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.outlook_statements import Statements
from turbo_forecast.schemas import FORECAST_PARQUET
from turbo_forecast.settings import ForecastSettings, OutlookSettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.datasets import require_whole, rows
from turbo_forecast.storage.months import MonthOfRun, resting_on
from turbo_forecast.storage.results import Results
from turbo_forecast.storage.warehouse import replace_audit, transaction
from turbo_forecast.tables import Table
from turbo_forecast.windows import cutoff_of, run_windows


@dataclass(frozen=True, slots=True)
class MonthOptions:
    """What a step was launched with: how months are forecast, and what is said of capacity."""

    forecast: ForecastResource
    outlook: OutlookResource


@dataclass(slots=True)
class Month:
    """One month of one asset: an open transaction, a timer, and the metadata of its materialisation.

    context: of the step; folder: all that is stored. The rest is the month's: key (YYYY-MM), cutoff, the run's settings.
    outlook: what the outlook is about, which may differ from what it was when the month was forecast.
    """

    context: dg.AssetExecutionContext
    key: str
    settings: ForecastSettings
    outlook: OutlookSettings
    con: duckdb.DuckDBPyConnection
    folder: DataFolder
    timer: AuditTimer
    metadata: Metadata = field(default_factory=dict)

    @property
    def cutoff(self) -> date:
        """The month's last day."""
        return cutoff_of(self.key)

    @property
    def results(self) -> Results:
        """What the run that forecast the month has made of its tournament."""
        return Results(self.folder.results(self.key))

    def made(self, table: Table) -> pl.LazyFrame:
        """The table as the month's run made it. Raises StorageError, which says what to run, where it is not there."""
        return self.results.read(table)

    @property
    def published(self) -> pl.LazyFrame:
        """The month's master file. Raises StorageError where it is not there, or of another version."""
        path = self.folder.parquet(FORECAST_PARQUET.name, self.key)
        require_whole(path, FORECAST_PARQUET.names)
        return rows(path)

    @property
    def statements(self) -> Statements:
        """What makes the month's statements about thresholds, of what its run has left."""
        return Statements(self.results, run_windows(self.cutoff, self.settings), self.outlook)

    def warnings(self) -> list[str]:
        """A sentence for every check that has not passed so far, of this run or of the month."""
        return warnings_so_far(self.context.instance, self.context.run.run_id, self.con, self.cutoff)

    def result(self) -> dg.MaterializeResult[None]:
        """What an asset yields that has stored its rows itself: the month's metadata, and its seconds by stage."""
        return dg.MaterializeResult(metadata={**self.metadata, **stage_metadata(self.timer)})

    def result_of(self, rows: pl.DataFrame | pl.LazyFrame) -> dg.MaterializeResult[pl.LazyFrame]:
        """What an asset yields that the I/O manager stores; when the asset goes on, the file is there."""
        return dg.MaterializeResult(value=rows.lazy(), metadata={**self.metadata, **stage_metadata(self.timer)})


def one_month(
    context: dg.AssetExecutionContext,
    table: Table,
    options: MonthOptions,
    warehouse: Warehouse,
    folder: DataFolder,
    *,
    as_file: bool,
) -> AbstractContextManager[Month]:
    """A month's transaction: the asset's rows, its audit, and that the month is incomplete now are committed together.

    as_file: whether the rows become a file, which is there at once: then the month is called incomplete before, in a
    transaction of its own, once what the file is made of is known to be there. Every transaction asks whether the base
    table and the settings are those the month was forecast with; what a transaction reads, stays. A frame that is yielded
    within is stored within; should that fail, nothing is committed, and a complete month whose table is as it was stays
    complete.
    """
    return kept_open(context, _month(context, table, options, warehouse, folder, as_file=as_file))


@contextmanager
def _month(
    context: dg.AssetExecutionContext,
    table: Table,
    options: MonthOptions,
    warehouse: Warehouse,
    folder: DataFolder,
    *,
    as_file: bool,
) -> Iterator[Month]:
    settings, outlook = options.forecast.settings(), options.outlook.settings()
    timer, run_id, asset = AuditTimer(), context.run.run_id, table.name
    with plain_errors():
        key = month_of(context)
    log = StatusLog(log_to(context), about=key)
    with plain_errors(), log.working(f"making {asset}"), warehouse.get_connection(keep_duckdb=True) as con:
        month = Month(context, key, settings, outlook, con, folder, timer)
        work = MonthOfRun(month.cutoff, settings.config_hash(), run_id)
        if as_file:
            with transaction(con), month.results.reading():
                work.begin_step(con, asset)
                month.made(table)
        with transaction(con):
            if as_file:
                work.require_same(con)
            else:
                work.begin_step(con, asset)
                # what rests on it would be old, and could not be made again: better the month stays as it is
                if resting_on(asset):
                    month.results.require_there()
            with month.results.reading():
                yield month
            own_hash = pl.lit(settings_hash(table, settings, outlook)).alias("config_hash")
            replace_audit(con, timer.frame(asset, month.cutoff, settings, run_id).with_columns(own_hash))
            work.record_stored(con, [asset])


@contextmanager
def month_beside(
    context: dg.AssetExecutionContext,
    asset: str,
    options: MonthOptions,
    warehouse: Warehouse,
    folder: DataFolder,
    *,
    rests_on: Table,
) -> Iterator[Month]:
    """A transaction for an asset that is no part of a month: it may be made again at any time, and the month stays as it is.

    rests_on: the part that must be stored. Raises as `MonthOfRun.require_same` and `require_stored`.
    """
    settings, outlook = options.forecast.settings(), options.outlook.settings()
    timer, run_id = AuditTimer(), context.run.run_id
    with plain_errors():
        key = month_of(context)
    log = StatusLog(log_to(context), about=key)
    opened = warehouse.get_connection(keep_duckdb=True)
    with plain_errors(), log.working(f"making {asset}"), opened as con, transaction(con):
        month = Month(context, key, settings, outlook, con, folder, timer)
        work = MonthOfRun(month.cutoff, settings.config_hash(), run_id)
        work.require_same(con)
        work.require_stored(con, rests_on.name)
        with month.results.reading(), timer.stage("make"):
            yield month
        replace_audit(con, timer.frame(asset, month.cutoff, settings, run_id))
