"""A month's run that forecasts nothing: what a run leaves, made up, for tests of how it is stored; and what they ask."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import numpy as np
import polars as pl

from turbo_forecast import schemas
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.outlook.learning import FLEET, PRIOR, OutlookModel
from turbo_forecast.outlook.regression import KNOTS, sigmoid
from turbo_forecast.outlook.signals import GRID
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.datasets import part_name
from turbo_forecast.storage.frames import write_frame
from turbo_forecast.storage.results import Results
from turbo_forecast.tables import Table
from turbo_forecast.types import Outcome, Phase, Status
from turbo_forecast.windows import BACKTEST, FORECAST, Windows, date_of, window_name
from turbo_forecast_tests.defs.conftest import MONTH, Place
from turbo_forecast_tests.one_duckdb import opened

MODELS = ("weighted", "seasonal_naive")
CHAMPION = MODELS[0]
PER_PART = 2
"""Series of each part file."""


def filled(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """The table's columns: the frame's, and for the others null where that may be, else 1 or 'x' throughout."""
    given = {column.name for column in table.columns} & set(frame.columns)
    others = [
        pl.lit(None if column.nullable else "x" if column.dtype == pl.String else 1)
        .cast(column.dtype)
        .alias(column.name)
        for column in table.columns
        if column.name not in given
    ]
    return frame.with_columns(others).pipe(table.conform)


def product(**columns: object) -> pl.DataFrame:
    """Every combination of the columns' values, the last column's changing first."""
    whole = pl.DataFrame({"": [0]})
    for name, values in columns.items():
        whole = whole.join(pl.DataFrame({name: values}), how="cross")
    return whole.drop("")


def made_up_run(
    store_path: Path,
    windows: Windows,
    settings: ForecastSettings,
    *,
    checkpoint: Path,
    timer: AuditTimer,
    log: Callable[[str], None],
    exchange: object = None,
) -> SimpleNamespace:
    """What `run_fleet` leaves: every series at 50 %, by two entrants, the first of whom is the champion everywhere."""
    series = pl.DataFrame(SeriesStore(store_path).names().to_pylist(), schema=["host_id", "resource"], orient="row")
    cutoff, folder = windows.cutoff, checkpoint / "made"
    results = Results(folder / "results")
    for table, frame in _results(series, cutoff, windows).items():
        results.write(getattr(schemas, table.upper()), frame)
    rows = _rows(windows)
    own = rows.filter(pl.col("model") == CHAMPION).with_columns(outcome=pl.lit(Outcome.FORECAST.value))
    write_parts(schemas.FLEET_FORECAST, series, rows, folder / "rows")
    write_parts(schemas.FOLD_FORECAST, series, _folds(windows), folder / "folds")
    write_parts(
        schemas.FORECAST_INTERVALS, series, _intervals(own, settings), results.parts_of(schemas.FORECAST_INTERVALS)
    )
    write_parts(schemas.FORECAST_PARQUET, series, own, results.parts_of(schemas.FORECAST_PARQUET))
    timer.series = len(series)
    with timer.stage("make it up"):
        return SimpleNamespace(
            rows_folder=folder / "rows",
            folds_folder=folder / "folds",
            results_folder=results.folder,
            outcomes=_of_series(schemas.SERIES_OUTCOMES, series, cutoff=cutoff, outcome=Outcome.FORECAST.value),
            model_runs=_of_series(
                schemas.MODEL_RUNS,
                series.join(_models_and_windows(windows), how="cross"),
                cutoff=cutoff,
                status=Status.OK.value,
            ),
            weights=_of_series(
                schemas.COMBINATION_WEIGHTS, series.join(product(member=list(MODELS)), how="cross"), cutoff=cutoff
            ),
        )


def write_parts(table: Table, series: pl.DataFrame, rows: pl.DataFrame, folder: Path) -> None:
    """Every series with the same rows, in files of PER_PART series."""
    for lo in range(0, len(series), PER_PART):
        part = series[lo : lo + PER_PART]
        path = folder / part_name(lo, lo + len(part))
        write_frame(filled(table, part.join(rows, how="cross", maintain_order="left_right")), path)


def _of_series(table: Table, series: pl.DataFrame, **constant: object) -> pl.DataFrame:
    return filled(table, series.with_columns(**{name: pl.lit(value) for name, value in constant.items()}))


def _models_and_windows(windows: Windows) -> pl.DataFrame:
    numbers = [FORECAST, BACKTEST, *(fold.number for fold in windows.folds)]
    return product(model=list(MODELS), window_name=[window_name(number) for number in numbers])


def _rows(windows: Windows) -> pl.DataFrame:
    """Every entrant's rows of one series."""
    parts = [
        product(model=list(MODELS), phase=[phase.value], ds=[date_of(int(day)) for day in days]).with_columns(
            cutoff=pl.lit(windows.cutoff), y=pl.lit(y, pl.Float64), yhat=50.0, yhat_lower=40.0, yhat_upper=60.0
        )
        for phase, days, y in (
            (Phase.BACKTEST, windows.backtest_days, 50.0),
            (Phase.FORECAST, windows.forecast_days, None),
        )
    ]
    return pl.concat(parts).sort("model", "phase", "ds", descending=[True, False, False])


def _intervals(own: pl.DataFrame, settings: ForecastSettings) -> pl.DataFrame:
    """As wide, in points, as they are meant to hold percent of the days."""
    widths = pl.DataFrame({"interval_width": settings.extra_widths})
    reach = pl.col("interval_width") * 50
    return widths.join(own, how="cross", maintain_order="left_right").with_columns(
        lower=pl.col("yhat") - reach, upper=pl.col("yhat") + reach
    )


def _folds(windows: Windows) -> pl.DataFrame:
    parts = [
        product(model=list(MODELS), fold=[fold.number], ds=[date_of(int(day)) for day in fold.days]).with_columns(
            cutoff=pl.lit(windows.cutoff), y=50.0, yhat=50.0, yhat_lower=40.0, yhat_upper=60.0
        )
        for fold in windows.folds
    ]
    return pl.concat(parts).sort("model", "fold", "ds", descending=[True, False, False])


def _results(series: pl.DataFrame, cutoff: date, windows: Windows) -> dict[str, pl.DataFrame]:
    """The run's small tables, by name."""
    scored = _models_and_windows(windows).filter(pl.col("window_name") != Phase.FORECAST.value)
    reach = pl.concat(
        product(phase=[phase], horizon_month=list(range(1, months + 1)))
        for phase, months in (("backtest", 4), ("forecast", 6))
    )
    ranked = product(resource=["cpu", "memory", "all"], horizon_month=list(range(5)), model=[*MODELS, "champion"])
    of_series = {
        "tournament_scores": series.join(scored, how="cross"),
        "champions": series.with_columns(model=pl.lit(CHAMPION)),
        "calibration": series.join(reach, how="cross"),
        "tournament_standings": ranked,
    }
    of_series["outlook_series"] = series.join(product(phase=["backtest", "forecast"]), how="cross").with_columns(
        pl.lit(50.0).alias(name) for name in schemas.OUTLOOK_SERIES.names[4:]
    )
    of_series["outlook_calibration"] = product(phase=["backtest", "forecast"]).join(
        _unfitted_model().to_frame(), how="cross"
    )
    return {name: _of_series(getattr(schemas, name.upper()), frame, cutoff=cutoff) for name, frame in of_series.items()}


def _unfitted_model() -> OutlookModel:
    """What is believed before any window has ended."""
    return OutlookModel(
        (FLEET,),
        np.tile(PRIOR, (1, GRID.size, 1)),
        np.tile(sigmoid(KNOTS), (1, 2, 1)),
        np.zeros(1, np.int64),
    )


def run(
    place: Place, *assets: str, others: list[dg.AssetsDefinition] | None = None, month: str = MONTH
) -> dg.ExecuteInProcessResult:
    """Materialise assets, without their checks."""
    base = place.definitions()
    job = dg.define_asset_job("some", selection=dg.AssetSelection.assets(*assets).without_checks())
    definitions = dg.Definitions(assets=[*(base.assets or ()), *(others or ())], jobs=[job], resources=base.resources)
    return definitions.resolve_job_def("some").execute_in_process(
        instance=place.instance, partition_key=month, raise_on_error=False
    )


def said(result: dg.ExecuteInProcessResult) -> str:
    """What the failed step said."""
    (failed,) = [event.step_failure_data for event in result.get_step_failure_events()]
    assert failed.user_failure_data is not None, failed.error
    return str(failed.user_failure_data.description)


def told(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, object]]:
    events = [event.step_materialization_data for event in result.all_events if event.is_step_materialization]
    return {
        event.materialization.asset_key.to_user_string(): {
            k: v.value for k, v in event.materialization.metadata.items()
        }
        for event in events
    }


def rows(place: Place, table: str) -> pl.DataFrame:
    with opened(place.data / "warehouse.duckdb") as con:
        found = pl.from_arrow(con.sql(f"FROM {table} ORDER BY ALL").to_arrow_table())
    assert isinstance(found, pl.DataFrame)
    return found
