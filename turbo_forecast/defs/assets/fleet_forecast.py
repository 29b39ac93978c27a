"""`fleet_forecast` and what comes with it: every entrant's forecast of every series of a month, and its folds."""

from collections.abc import Callable, Iterator

import dagster as dg

from turbo_forecast.defs.partitions import MONTHS, WAREHOUSE_POOL, month_of
from turbo_forecast.defs.plots import outcome_bars
from turbo_forecast.defs.reporting import (
    Metadata,
    counts,
    mean_weights,
    plain_errors,
    recorded,
    say_to,
    spec,
    stage_metadata,
)
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.run import FleetRun, run_fleet
from turbo_forecast.fleet.scratch import unfinished
from turbo_forecast.fleet.store import write_store
from turbo_forecast.fleet.windows import cutoff_of, require_complete, run_windows
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


@dg.multi_asset(
    specs=[
        spec(FLEET_FORECAST, deps=[BASE_TABLE.name]),
        spec(FOLD_FORECAST, deps=[BASE_TABLE.name]),
        spec(COMBINATION_WEIGHTS, deps=[BASE_TABLE.name]),
        spec(SERIES_OUTCOMES, deps=[BASE_TABLE.name]),
        spec(RUN_AUDIT, deps=[BASE_TABLE.name]),
    ],
    name="fleet_forecast",
    partitions_def=MONTHS,
    can_subset=True,  # all five are always made; the UI asks red questions of what cannot be chosen one by one
    pool=WAREHOUSE_POOL,
)
def fleet_forecast(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> Iterator[dg.MaterializeResult[None]]:
    """A pool of processes over all series of the month."""
    with plain_errors():
        month, say = month_of(context), say_to(context)
        run, timer = forecast_month(month, forecast.settings(), warehouse, folder, context.run.run_id, say)
    told = told_of(run, timer)
    yield from recorded(context, [dg.MaterializeResult(asset_key=name, metadata=told[name]) for name in told])


def told_of(run: FleetRun, timer: AuditTimer) -> dict[str, Metadata]:
    """What each table's materialisation shows."""
    series, stages = len(run.outcomes), stage_metadata(timer)
    outcomes = {"outcomes": counts(run.outcomes, "outcome"), "outcomes by resource": outcome_bars(run.outcomes)}
    pace = {
        "series": series,
        "series per second, all stages": round(series / max(stages["seconds in stages"], 0.001), 1),
    }
    return {
        FLEET_FORECAST.name: {"dagster/row_count": run.rows, **outcomes, **pace, **stages},
        FOLD_FORECAST.name: {"dagster/row_count": run.fold_rows},
        COMBINATION_WEIGHTS.name: {
            "dagster/row_count": len(run.weights),
            "mean weight in the forecast, over series": mean_weights(run.weights),
        },
        SERIES_OUTCOMES.name: {"dagster/row_count": len(run.outcomes)},
        RUN_AUDIT.name: {"stages": timer.seconds},
    }


def forecast_month(
    month: str,
    settings: ForecastSettings,
    warehouse: Warehouse,
    folder: DataFolder,
    run_id: str,
    say: Callable[[str], None],
) -> tuple[FleetRun, AuditTimer]:
    """Forecast a month's series into its Parquet files, then store outcomes, weights and audit in one transaction.

    The warehouse is closed while the workers work, so that others may read it meanwhile. Should another run replace the
    base table then, the month's files of before are still whole when that is found out.
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

        def before_replacing() -> None:
            with warehouse.get_connection() as con, transaction(con):
                work.begin(con, digest)

        run = run_fleet(
            store,
            window,
            settings,
            scratch=scratch,
            files=folder.run_files(month),
            timer=timer,
            say=say,
            before_replacing=before_replacing,
        )
        with warehouse.get_connection() as con, transaction(con):
            work.require_same(con)
            with timer.stage("store outcomes"), log.working("storing the outcomes"):
                replace_partition(con, SERIES_OUTCOMES, cutoff, run.outcomes)
                replace_partition(con, COMBINATION_WEIGHTS, cutoff, run.weights)
            replace_audit(con, timer.frame(FLEET_FORECAST.name, cutoff, settings, run_id))
            work.record_stored(con, FLEET_STEP)
    return run, timer
