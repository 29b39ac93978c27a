"""The run's own series, refitted by stock Prophet: nowhere does stock find a higher posterior."""

import dagster as dg
import duckdb
import numpy as np
import polars as pl

from turbo_forecast.defs.checks.expectations import Expectation, Validation
from turbo_forecast.defs.checks.month_checks import MonthValidation, month_check, month_to_check, record
from turbo_forecast.defs.checks.statements import shared
from turbo_forecast.defs.reporting import Metadata
from turbo_forecast.defs.resources import DataFolder, Warehouse
from turbo_forecast.models.prophet_tuned import VARIANTS, tuned
from turbo_forecast.schemas import FLEET_FORECAST, MODEL_RUNS
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.months import MonthOfRun
from turbo_forecast.storage.warehouse import query, transaction
from turbo_forecast.types import Solver
from turbo_forecast.windows import cutoff_of, day_number, run_windows

PROPHET = "prophet"
AGREES = Expectation(
    name="turbo_agrees_with_stan",
    description="turbo's log posterior is at least stock Prophet's, on a random sample of this run's series",
    items="series that turbo alone had solved",
    remedy="Stock Prophet is better there: set `engine: stan` for this run, and please report the series",
)
PROPHET = "prophet"
HISTORY = "SELECT ds, y FROM base_table WHERE host_id = ? AND resource = ? AND ds BETWEEN ? AND ? ORDER BY ds"

COMPARED = {
    "host_id": pl.String,
    "resource": pl.String,
    "holds": pl.Boolean,
    "turbo_minus_stan": pl.Float64,
    "turbo_seconds": pl.Float64,
    "stan_seconds": pl.Float64,
}


def validated(
    context: dg.AssetCheckExecutionContext, settings: ForecastSettings, warehouse: Warehouse, folder: DataFolder
) -> MonthValidation:
    """Compare a sample of the month; the metadata has differences and speed. The warehouse is closed meanwhile."""
    with warehouse.get_connection(keep_duckdb=True) as con, transaction(con):
        asked = month_to_check(context, con)
        month = MonthOfRun(cutoff_of(asked.key), settings.config_hash(), context.run.run_id)
        drawn = sample(con, month, settings)
    compared = _compared(drawn, settings)
    validation = Validation(len(compared), compared.filter(~pl.col("holds")))
    with warehouse.get_connection(keep_duckdb=True) as con, transaction(con):
        month.require_same(con)
        record(con, month, FLEET_FORECAST.name, AGREES, passed=validation.passes(AGREES.tolerance))
    return MonthValidation(AGREES, asked, validation, _shown(compared))


Histories = list[tuple[str, str, str, pl.DataFrame]]
"""Host, resource, the Prophet entrant that turbo solved, days and values."""


def sample(con: duckdb.DuckDBPyConnection, month: MonthOfRun, settings: ForecastSettings) -> Histories:
    """Up to `agreement_sample` series of which turbo delivered a Prophet in this month, with their history windows."""
    month.require_same(con)
    month.require_stored(con, MODEL_RUNS.name)
    cutoff = month.cutoff
    window = run_windows(cutoff, settings)
    solved = query(
        con, shared("solved_by_turbo"), cutoff=cutoff, models=[PROPHET, *VARIANTS], solver=Solver.TURBO.value
    )
    drawn = solved.sample(min(settings.agreement_sample, len(solved)), seed=settings.seed + day_number(cutoff))
    return [
        (host, resource, name, query(con, HISTORY, host, resource, window.history_start, cutoff))
        for host, resource, name in drawn.iter_rows()
    ]


def _compared(histories: Histories, settings: ForecastSettings) -> pl.DataFrame:
    from turbo_forecast.models.agreement import compare  # with numba: 0.7 s of each process that has definitions

    rows = []
    for host, resource, entrant, history in histories:
        days = history["ds"].cast(pl.Int32).to_numpy().astype(np.int64)
        found = compare(days, history["y"].to_numpy(), tuned(entrant, settings))
        rows.append((host, resource, found.holds, found.turbo - found.stan, found.turbo_seconds, found.stan_seconds))
    return pl.DataFrame(rows, schema=COMPARED, orient="row")


def _shown(rows: pl.DataFrame) -> Metadata:
    if rows.is_empty():
        return {"compared": "no series of this run was solved by turbo"}
    ratio = float(rows.select(pl.col("stan_seconds").sum() / pl.col("turbo_seconds").sum()).item())
    return {
        "nats above stock, smallest": rows["turbo_minus_stan"].min(),
        "nats above stock, largest": rows["turbo_minus_stan"].max(),
        "fit speed, times stock, all compared together": round(ratio, 1),
    }


checks = [month_check(AGREES, FLEET_FORECAST, validated)]
