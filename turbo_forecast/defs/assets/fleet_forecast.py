"""`fleet_forecast` and what comes with it: every entrant's forecast of every series of a month, and its folds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import polars as pl

from turbo_forecast.defs.held import held
from turbo_forecast.defs.partitions import MONTHS, WAREHOUSE_POOL, month_of
from turbo_forecast.defs.plots import outcome_bars
from turbo_forecast.defs.reporting import (
    Metadata,
    counts,
    mean_weights,
    plain_errors,
    say_to,
    spec,
    stage_metadata,
)
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.defs.selection import recorded
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.run import FleetRun, run_fleet
from turbo_forecast.fleet.scratch import unfinished
from turbo_forecast.fleet.store import write_store
from turbo_forecast.models.registry import check_entrants
from turbo_forecast.schemas import (
    BASE_TABLE,
    COMBINATION_WEIGHTS,
    FLEET_FORECAST,
    FOLD_FORECAST,
    RUN_AUDIT,
    SERIES_OUTCOMES,
)
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.months import FLEET_STEP, MonthOfRun
from turbo_forecast.storage.versions import require_usable_tables
from turbo_forecast.storage.warehouse import replace_audit, replace_partition, series_histories, transaction
from turbo_forecast.tables import Table
from turbo_forecast.windows import cutoff_of, require_complete, run_windows

LAZY = dg.PythonObjectDagsterType(pl.LazyFrame, name="LazyFrame")


def out(table: Table, dagster_type: Any) -> dg.AssetOut:
    """One of the tables that the run makes of the base table."""
    return dg.AssetOut.from_spec(spec(table, deps=[]), dagster_type=dagster_type, is_required=False)


@dg.multi_asset(
    outs={
        FLEET_FORECAST.name: out(FLEET_FORECAST, LAZY),
        FOLD_FORECAST.name: out(FOLD_FORECAST, LAZY),
        COMBINATION_WEIGHTS.name: out(COMBINATION_WEIGHTS, dg.Nothing),
        SERIES_OUTCOMES.name: out(SERIES_OUTCOMES, dg.Nothing),
        RUN_AUDIT.name: out(RUN_AUDIT, dg.Nothing),
    },
    deps=[BASE_TABLE.name],
    name="fleet_forecast",
    partitions_def=MONTHS,
    can_subset=True,  # all five are always made; the UI asks red questions of what cannot be chosen one by one
    pool=WAREHOUSE_POOL,
)
def fleet_forecast(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> Iterator[dg.MaterializeResult[Any]]:
    """A pool of processes over all series of the month."""
    with plain_errors():
        month, settings, say = month_of(context), forecast.settings(), say_to(context)
        work = forecast_month(month, settings, warehouse, folder, context.run.run_id, say)
        with held(context, work) as (run, timer):
            with timer.stage("merge chunks"):
                yield from recorded(context, [dg.MaterializeResult(FOLD_FORECAST.name, value=run.rows.folds)], folder)
            told = forecast_metadata(run, timer)
            result = dg.MaterializeResult(FLEET_FORECAST.name, value=run.rows.forecast, metadata=told)
            with timer.stage("merge chunks"):
                yield from recorded(context, [result], folder)
    yield from recorded(context, [dg.MaterializeResult(name, metadata=told) for name, told in told_of(run, timer)])


def forecast_metadata(run: FleetRun, timer: AuditTimer) -> Metadata:
    """What the forecast's materialisation shows, beside what the I/O manager adds; the stages are those before it stores."""
    series, stages = len(run.outcomes), stage_metadata(timer)
    return {
        "outcomes": counts(run.outcomes, "outcome"),
        "outcomes by resource": outcome_bars(run.outcomes),
        "series": series,
        "series per second, all stages": round(series / max(stages["seconds in stages"], 0.001), 1),
        **stages,
    }


def told_of(run: FleetRun, timer: AuditTimer) -> Iterator[tuple[str, Metadata]]:
    """What the materialisation of each table in the warehouse shows."""
    weights = {"mean weight in the forecast, over series": mean_weights(run.weights)}
    yield COMBINATION_WEIGHTS.name, {"dagster/row_count": len(run.weights), **weights}
    yield SERIES_OUTCOMES.name, {"dagster/row_count": len(run.outcomes)}
    yield RUN_AUDIT.name, {"stages": timer.seconds}


@contextmanager
def forecast_month(
    month: str,
    settings: ForecastSettings,
    warehouse: Warehouse,
    folder: DataFolder,
    run_id: str,
    say: Callable[[str], None],
) -> Iterator[tuple[FleetRun, AuditTimer]]:
    """Forecast a month's series; the block stores their rows; then store outcomes, weights and audit in one transaction.

    The warehouse is closed while the workers work and while the rows are stored, so that others may read it meanwhile.
    The month is called incomplete before the block begins: should another run have replaced the base table, the month's
    files of before are still whole when that is found out.
    """
    check_entrants(settings)
    cutoff, timer = cutoff_of(month), AuditTimer()
    log = StatusLog(say, about=f"{cutoff:%Y-%m}")
    window = run_windows(cutoff, settings)
    work = MonthOfRun(cutoff, settings.config_hash(), run_id)
    with (
        timer.stage("read histories"),
        log.working("reading the histories of all series"),
        warehouse.get_connection() as con,
        transaction(con),
    ):
        require_usable_tables(con)  # now, and not when everything has been forecast
        histories, last = series_histories(con, window.history_start, cutoff)
        require_complete(last, cutoff, settings)
        digest = work.announce(con)
    with unfinished(folder.scratch(month)) as scratch:
        with timer.stage("write series store"), log.working("storing the series for the workers"):
            store = write_store(histories, scratch / "series.arrow")
        run = run_fleet(store, window, settings, scratch=scratch, timer=timer, say=say)
        with warehouse.get_connection() as con, transaction(con):
            work.begin(con, digest)
        yield run, timer
        with warehouse.get_connection() as con, transaction(con):
            work.require_same(con)
            with timer.stage("store outcomes"), log.working("storing the outcomes"):
                replace_partition(con, SERIES_OUTCOMES, cutoff, run.outcomes)
                replace_partition(con, COMBINATION_WEIGHTS, cutoff, run.weights)
            replace_audit(con, timer.frame(FLEET_FORECAST.name, cutoff, settings, run_id))
            work.record_stored(con, FLEET_STEP)
