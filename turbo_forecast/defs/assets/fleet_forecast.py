"""`fleet_forecast` and what comes with it: all that a month's run makes of its series, and what happened on the way."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from turbo_forecast.defs.asset_selection import recorded
from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.fleet_month import MonthsRun, forecast_month
from turbo_forecast.defs.kept_open import kept_open
from turbo_forecast.defs.partitions import MONTHS, WAREHOUSE_POOL, month_of
from turbo_forecast.defs.plots import outcome_bars
from turbo_forecast.defs.reporting import (
    Metadata,
    counts,
    log_to,
    mean_weights,
    plain_errors,
    spec,
    stage_metadata,
)
from turbo_forecast.defs.resources import DataFolder, ForecastResource, Warehouse
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.run import FleetRun
from turbo_forecast.schemas import (
    BASE_TABLE,
    COMBINATION_WEIGHTS,
    FLEET_FORECAST,
    FOLD_FORECAST,
    MODEL_RUNS,
    RUN_AUDIT,
    SERIES_OUTCOMES,
)
from turbo_forecast.storage.datasets import MadeRows
from turbo_forecast.storage.results import Results
from turbo_forecast.tables import Table

MADE_ROWS = dg.PythonObjectDagsterType(MadeRows)
PARTS = Place("forecast", Stored.PARTS, ("prophet",))
TABLE = Place("forecast", Stored.TABLE)


def out(table: Table, place: Place = TABLE) -> dg.AssetOut:
    """One of the tables that the run makes of the base table."""
    kind = MADE_ROWS if place is PARTS else dg.Nothing
    return dg.AssetOut.from_spec(spec(table, place, deps=[]), dagster_type=kind, is_required=False)


@dg.multi_asset(
    outs={
        **{table.name: out(table, PARTS) for table in (FLEET_FORECAST, FOLD_FORECAST)},
        **{table.name: out(table) for table in (COMBINATION_WEIGHTS, SERIES_OUTCOMES, MODEL_RUNS, RUN_AUDIT)},
    },
    deps=[BASE_TABLE.name],
    name="fleet_forecast",
    partitions_def=MONTHS,
    can_subset=True,  # all six are always made; the UI asks red questions of what cannot be chosen one by one
    pool=WAREHOUSE_POOL,
)
def fleet_forecast(
    context: dg.AssetExecutionContext, forecast: ForecastResource, warehouse: Warehouse, folder: DataFolder
) -> Iterator[dg.MaterializeResult[Any]]:
    """A pool of processes over all series of the month."""
    with plain_errors():
        month, settings, log = month_of(context), forecast.settings(), log_to(context)
        work = forecast_month(month, settings, warehouse, folder, context.run.run_id, log)
        with kept_open(context, work) as run:
            Results(run.fleet.results_folder).publish(folder.results(month))
            yield from recorded(context, rows_of(run), folder)
    yield from recorded(
        context, [dg.MaterializeResult(name, metadata=metadata) for name, metadata in metadata_of_tables(run)]
    )


def rows_of(run: MonthsRun) -> Iterator[dg.MaterializeResult[MadeRows]]:
    """The run's rows, to be published; their metadata has the stages until then."""
    yield dg.MaterializeResult(FOLD_FORECAST.name, value=MadeRows(run.fleet.folds_folder))
    rows = MadeRows(run.fleet.rows_folder)
    yield dg.MaterializeResult(FLEET_FORECAST.name, value=rows, metadata=forecast_metadata(run.fleet, run.timer))


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


def metadata_of_tables(run: MonthsRun) -> Iterator[tuple[str, Metadata]]:
    """The metadata of each table in the warehouse, by its name."""
    fleet = run.fleet
    weights = {"mean weight in the forecast, over series": mean_weights(fleet.weights)}
    yield COMBINATION_WEIGHTS.name, {"dagster/row_count": len(fleet.weights), **weights}
    yield SERIES_OUTCOMES.name, {"dagster/row_count": len(fleet.outcomes)}
    yield (
        MODEL_RUNS.name,
        {"dagster/row_count": len(fleet.model_runs), "runs by status": counts(fleet.model_runs, "status")},
    )
    removed = {"months whose rows were removed": ", ".join(f"{month:%Y-%m}" for month in run.removed) or "none"}
    yield RUN_AUDIT.name, {"stages": run.timer.seconds, **removed}
