"""`forecast_fleet`: the pipeline's own fleet run as a function, without Dagster or a warehouse."""

import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Unpack, cast

import numpy as np
import polars as pl
import pyarrow as pa

from turbo_forecast.errors import SettingsError, writing
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.executors.choice import check_executor
from turbo_forecast.fleet.outlook_statements import Statements
from turbo_forecast.fleet.planned_statements import PlannedStatements, month_statements
from turbo_forecast.fleet.run import FleetRun, run_fleet
from turbo_forecast.fleet.store import write_store
from turbo_forecast.leftovers import temporary_folder
from turbo_forecast.library.base_frame import base_rows, cutoff_day
from turbo_forecast.library.groups import group_month, groups_from
from turbo_forecast.library.keywords import taking_forecast_options
from turbo_forecast.library.plans import plan_frames, plans_from, require_possible
from turbo_forecast.library.result import Context, FleetResult
from turbo_forecast.library.termination import terminated_in_order
from turbo_forecast.models.registry import check_entrants, first_day_needed
from turbo_forecast.option_rules import shown
from turbo_forecast.outlook.loads import of_scenario, shifted, shifted_intervals
from turbo_forecast.outlook.plans import scenarios
from turbo_forecast.outlook.rows import with_urgency
from turbo_forecast.outlook.track_record import outlook_accuracy, outlook_reliability
from turbo_forecast.schemas import (
    CALIBRATION,
    CHAMPIONS,
    FORECAST_INTERVALS,
    FORECAST_PARQUET,
    TOURNAMENT_SCORES,
    TOURNAMENT_STANDINGS,
)
from turbo_forecast.settings import OutlookSettings, forecast_settings, outlook_settings
from turbo_forecast.settings.keywords import ForecastOptions, OutlookOptions
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.datasets import rows as rows_of
from turbo_forecast.storage.results import Results
from turbo_forecast.windows import require_complete, run_windows


@taking_forecast_options
def forecast_fleet(
    base: object,
    cutoff: date | str | np.datetime64,
    *,
    groups: object = None,
    plans: object = None,
    log: Callable[[str], None] | None = None,
    client: object = None,
    outlook: OutlookSettings | OutlookOptions | None = None,
    **options: Unpack[ForecastOptions],
) -> FleetResult:
    """Forecast every series of `base` as of `cutoff`, the last day of a month, and hold the tournament.

    Parameters
    ----------
    base : columns `host_id, resource, ds (date), y (percent, 0 to 100)`, one row per series and day, in any order; a
        Polars or pandas frame, a LazyFrame, an Arrow table or a DuckDB relation. Of a `ds` that is a time, its own
        calendar date counts, whatever its zone; other columns are named and left out.
    cutoff : a date, or what means one: ISO text ("2025-12" is the month's last day), a datetime, a pandas Timestamp, a
        NumPy datetime64. Nothing after it is read.
    groups : groups of hosts to be forecast as series of their own: columns `host_id, group`, optional `capacity` (the
        host's weight) and `resource`, as a frame or as the path of a CSV or Parquet file.
    plans : planned changes, with the columns of the file of plans (`date, host_id` or `group`, and one of `change`, `factor`,
        `move_to`, `retire`, `add_hosts`), as a frame or as the path of a CSV or Parquet file.
    log : called with progress lines, which begin with the month, one at a time; by default they go to standard error.
        Those that break a long silence come from another thread.
    client : a `dask.distributed.Client`, whose cluster works the series and which stays open; workers of other machines must
        see the system's temporary folder (TMPDIR) under the same path.
    outlook : what the outlook is about: `OutlookSettings`, or its fields by name, such as `{"thresholds": [80, 90]}`.
    options : the fields of `ForecastSettings`, by name, each listed below.

    Raises
    ------
    TelemetryError, SettingsError, PartitionError : before any work, with one sentence that says what is wrong.
    StorageError : the system's temporary folder (TMPDIR) cannot be written.
    TurboForecastError : a Dask cluster cannot be reached, is lost, or has no worker that can take part.

    SIGTERM ends the workers and removes the temporary folder before it ends the process (where the main thread calls,
    and has no handler of its own); what a killed call leaves, the next one removes.
    """
    former_log = _former_log(options)
    settings = forecast_settings(**options)
    about = _about(outlook)
    check_entrants(settings)
    check_executor(settings.executor)
    wanted = groups_from(groups if groups is not None else about.groups or None)
    planned = plans_from(plans if plans is not None else about.plans)
    cutoff = cutoff_day(cutoff)
    windows = run_windows(cutoff, settings)
    log = log or former_log or (lambda line: print(line, file=sys.stderr))
    timer, status = AuditTimer(), StatusLog(log, about=f"{cutoff:%Y-%m}")
    with terminated_in_order(), _own_folder() as folder:
        with timer.stage("read"), status.working("reading the base table"):
            rows = base_rows(base, status).filter(pl.col("ds") <= cutoff)
            require_complete(rows["ds"].max(), cutoff, settings)  # type: ignore[arg-type]
            require_possible(planned, rows, wanted, windows)
            since = first_day_needed(settings, windows.history_start)
            write_store(series_table(rows, since), folder / "series.arrow", windows.history_start)
        run = run_fleet(
            folder / "series.arrow", windows, settings, checkpoint=folder, timer=timer, log=log, client=client
        )
        with timer.stage("read results"), status.working("reading the results"):
            made = {name: frame.collect() for name, frame in _results(run).items()}
        with timer.stage("make the outlook"), status.working("making the outlook"):
            statements = Statements(Results(run.results_folder), windows, about)
            of_groups = group_month(wanted, rows, run.outcomes, statements, settings, folder / "groups", log)
            made |= of_groups.frames
            made |= plan_frames(planned, made | {"outcomes": run.outcomes}, windows)
            stated = month_statements(statements, of_groups.statements, made["planned_loads"], scenarios(planned))
            made |= _outlook(statements, stated, of_groups.backtest())
            context = Context(
                windows, settings, about, _observed(rows), _planned_groups(stated, made["group_forecast"])
            )
    audit = timer.frame("fleet_forecast", cutoff, settings, "library")
    own = {"outcomes": run.outcomes, "model_runs": run.model_runs, "weights": run.weights, "audit": audit}
    return FleetResult(**made, **own, _context=context)


def _former_log(options: ForecastOptions) -> Callable[[str], None] | None:
    """Take `say`, which `log` was called before, out of the options, with a DeprecationWarning; None where it is not given."""
    given = cast(dict[str, Any], options)
    if "say" in given:
        warnings.warn("forecast_fleet: say is called log now", DeprecationWarning, stacklevel=3)
    return cast(Callable[[str], None] | None, given.pop("say", None))


def _about(outlook: object) -> OutlookSettings:
    """The outlook's settings, from whatever was given for them. Raises SettingsError."""
    if isinstance(outlook, OutlookSettings):
        return outlook
    if outlook is None:
        return OutlookSettings()
    if not isinstance(outlook, Mapping) or not all(isinstance(name, str) for name in outlook):
        raise SettingsError(
            f"outlook must be OutlookSettings, or its fields by name such as {{'thresholds': [80, 90]}}, not {shown(outlook)}"
        )
    return outlook_settings(**outlook)


def _results(run: FleetRun) -> dict[str, pl.LazyFrame]:
    """The rest of the run's tables, by the result's field, from the files it has left."""
    results = Results(run.results_folder)
    return {
        "forecasts": rows_of(run.rows_folder),
        "published": results.read(FORECAST_PARQUET),
        "intervals": results.read(FORECAST_INTERVALS),
        "champions": results.read(CHAMPIONS),
        "scores": results.read(TOURNAMENT_SCORES),
        "standings": results.read(TOURNAMENT_STANDINGS),
        "calibration": results.read(CALIBRATION),
    }


def _outlook(
    statements: Statements, stated: list[PlannedStatements], groups_backtest: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """The published rows with the planned changes, and the outlook's tables, by the result's field."""
    unplanned, loads = statements.results.read(FORECAST_PARQUET), of_scenario(stated[0].loads)
    backtest = pl.concat([statements.backtest(unplanned), groups_backtest])
    return {
        "published": shifted(unplanned, loads).collect(),
        "intervals": shifted_intervals(statements.results.read(FORECAST_INTERVALS), loads).collect(),
        "outlook": with_urgency(pl.concat([each.every() for each in stated])),
        "outlook_backtest": backtest,
        "outlook_accuracy": outlook_accuracy(backtest),
        "outlook_reliability": outlook_reliability(backtest),
    }


def _planned_groups(stated: list[PlannedStatements], group_forecast: pl.DataFrame) -> pl.DataFrame:
    """Rows of GROUP_FORECAST with the planned changes."""
    for each in stated[1:]:
        return shifted(each.unplanned, of_scenario(each.loads, kind=each.stated.kind), each.hosts).collect()
    return group_forecast


def _observed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of BASE_TABLE as one row for each series, with lists of its days and values: a quarter of the memory."""
    return rows.sort("host_id", "resource", "ds").group_by("host_id", "resource", maintain_order=True).agg("ds", "y")


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A temporary folder of this call. Raises StorageError where none can be made."""
    with ExitStack() as stack:
        with writing(Path(tempfile.gettempdir())):
            folder = stack.enter_context(temporary_folder("turbo-forecast-"))
        yield folder


def series_table(rows: pl.DataFrame, since: date) -> pa.Table:
    """Rows of BASE_TABLE as a table of the store: one row per series, its days from `since` on in order."""
    inside = pl.col("ds") >= since
    return (
        rows.sort("host_id", "resource", "ds")
        .group_by("host_id", "resource", maintain_order=True)
        .agg(days=pl.col("ds").filter(inside).cast(pl.Int32), y=pl.col("y").filter(inside))
        .to_arrow()
    )
