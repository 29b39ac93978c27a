"""A month's fleet forecast as Dagster runs it: inputs are read, the run is started, its results are stored.

Belongs here: the order in which a month is begun, forecast, published and committed, and which months' rows go then. Does
not belong here: the run itself (`fleet/`), and its metadata (`assets/fleet_forecast.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial

import duckdb

from turbo_forecast.defs.resources import DataFolder, Warehouse
from turbo_forecast.defs.stored_data import exchange_of, upload_ahead
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.checkpoint import checkpoint_folder
from turbo_forecast.fleet.exchange import Exchange, SharedFolder
from turbo_forecast.fleet.executors.choice import check_executor
from turbo_forecast.fleet.run import FleetRun, run_fleet
from turbo_forecast.fleet.store import write_store
from turbo_forecast.models.registry import check_entrants, first_day_needed
from turbo_forecast.schemas import COMBINATION_WEIGHTS, FLEET_FORECAST, MODEL_RUNS, SERIES_OUTCOMES
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.histories import last_observed, store_histories
from turbo_forecast.storage.months import FLEET_STEP, MonthOfRun
from turbo_forecast.storage.retention import describe, outdated, remove_rows, without
from turbo_forecast.storage.versions import require_usable_tables
from turbo_forecast.storage.warehouse import replace_audit, replace_partition, transaction
from turbo_forecast.windows import cutoff_of, require_complete, run_windows


@dataclass(slots=True)
class MonthsRun:
    """A month's run, and what became of it when it was stored. removed: cutoffs of months whose rows went."""

    fleet: FleetRun
    timer: AuditTimer
    removed: Sequence[date] = field(default_factory=list)


@contextmanager
def forecast_month(
    month: str,
    settings: ForecastSettings,
    warehouse: Warehouse,
    folder: DataFolder,
    run_id: str,
    log: Callable[[str], None],
) -> Iterator[MonthsRun]:
    """Forecast a month's series; the block stores their rows; then store the run's tables and audit in one transaction.

    The warehouse is closed while the workers work and while the rows are stored, so that others may read it meanwhile.
    The month is called incomplete before the block begins: should another run have replaced the base table, the month's
    files of before are still whole when that is found out.

    Where the results lie on object storage, the run's files reach other machines through it until the month is stored there
    (`storage/objects/uploading.py`), which may be long after this: should this machine die in between, another one goes on.
    """
    exchange: Exchange = exchange_of(folder.store, month) or SharedFolder()
    check_entrants(settings)
    check_executor(settings.executor)
    cutoff, timer = cutoff_of(month), AuditTimer()
    status, window = StatusLog(log, about=f"{cutoff:%Y-%m}"), run_windows(cutoff, settings)
    work = MonthOfRun(cutoff, settings.config_hash(), run_id)
    with (
        timer.stage("look at base table"),
        status.working("looking at the base table"),
        warehouse.get_connection() as con,
        transaction(con),
    ):
        require_usable_tables(con)  # now, and not when everything has been forecast
        require_complete(last_observed(con, cutoff), cutoff, settings)
    with checkpoint_folder(folder.scratch(month)) as scratch:
        store = scratch / "series.arrow"
        with (
            timer.stage("write series store"),
            status.working("storing the series for the workers"),
            warehouse.get_connection() as con,
            transaction(con),
        ):
            digest = work.announce(con)
            since = first_day_needed(settings, window.history_start)
            write = partial(write_store, path=store, history_start=window.history_start)
            store_histories(con, since, cutoff, write)
        fleet = run_fleet(store, window, settings, checkpoint=scratch, timer=timer, log=log, exchange=exchange)
        run = MonthsRun(fleet, timer)
        with warehouse.get_connection() as con, transaction(con):
            work.begin(con, digest)
        with timer.stage("publish rows"):
            yield run
        with warehouse.get_connection() as con, transaction(con):
            work.require_same(con)
            with timer.stage("store outcomes"), status.working("storing the outcomes"):
                store_tables(con, cutoff, run.fleet)
            run.removed = outdated(folder.root, settings.rows_months, cutoff)
            if run.removed:
                without(con, folder.root, run.removed)
            replace_audit(con, timer.frame(FLEET_FORECAST.name, cutoff, settings, run_id))
            work.record_stored(con, FLEET_STEP)
        if run.removed:
            remove_rows(folder.root, run.removed)
            status(describe(run.removed, settings.rows_months))
    upload_ahead(folder.store)  # and not at the month's end alone: the rows are most of what is put


def store_tables(con: duckdb.DuckDBPyConnection, cutoff: date, run: FleetRun) -> None:
    """Replace the month's rows of the run's tables. The caller holds the transaction."""
    for table, rows in (
        (SERIES_OUTCOMES, run.outcomes),
        (MODEL_RUNS, run.model_runs),
        (COMBINATION_WEIGHTS, run.weights),
    ):
        replace_partition(con, table, cutoff, rows)
