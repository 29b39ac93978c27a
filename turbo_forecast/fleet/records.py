"""What happened to each series and each fit, as the run's tables: SERIES_OUTCOMES, MODEL_RUNS, seconds by stage.

Belongs here: pieces of all chunks into frames. Does not belong here: recording (`series_forecaster.py`).
"""

import polars as pl

from turbo_forecast.fleet.audit import AuditTimer, Stage
from turbo_forecast.fleet.blocks import Pieces
from turbo_forecast.fleet.decisions import frame_of
from turbo_forecast.fleet.pieces import OUTCOMES, RUNS
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.schemas import MODEL_RUNS, SERIES_OUTCOMES
from turbo_forecast.storage.arrow_arrays import empty_table
from turbo_forecast.types import Phase
from turbo_forecast.windows import BACKTEST, FORECAST, Windows, window_name


def series_outcomes(folder: RunFolder, store: SeriesStore, windows: Windows, timer: AuditTimer) -> pl.DataFrame:
    """One row of SERIES_OUTCOMES per series; how long workers fitted and predicted goes to the timer."""
    pieces = Pieces(folder.forecast, len(store), "outcomes")
    merged = pl.concat([frame_of(empty_table(OUTCOMES)), *map(frame_of, pieces.tables("outcomes"))])
    fit, predict, everything = merged.select(pl.col("fit_seconds", "predict_seconds", "milliseconds").sum()).row(0)
    rest = everything / 1000 - fit - predict
    for name, seconds in (("fit", fit), ("predict", predict), ("rest of the forecasting", rest)):
        timer.stages.append(Stage(name, seconds, clock="worker"))
    timer.fits = int(merged["fits"].sum())
    named = frame_of(store.names()).hstack(merged)
    return SERIES_OUTCOMES.conform(
        named.with_columns(pl.lit(windows.cutoff).alias("cutoff"), pl.col("first_ds", "last_ds").cast(pl.Date))
    )


def model_runs(folder: RunFolder, store: SeriesStore, windows: Windows, timer: AuditTimer) -> pl.DataFrame:
    """Rows of MODEL_RUNS, sorted by series, in the order the fits were made; seconds by entrant go to the timer."""
    pieces = Pieces(folder.forecast, len(store), "outcomes")
    merged = pl.concat([frame_of(empty_table(RUNS)), *map(frame_of, pieces.tables("runs"))])
    kinds = {FORECAST: Phase.FORECAST.value, BACKTEST: Phase.BACKTEST.value}
    kind = pl.col("window").replace_strict(kinds, default="folds", return_dtype=pl.String)
    costs = merged.group_by("model", kind=kind).agg(pl.col("milliseconds").sum()).sort("model", "kind")
    for model, of, milliseconds in costs.iter_rows():
        timer.stages.append(Stage(f"{model}: {of}", milliseconds / 1000, clock="worker"))
    numbers = (FORECAST, BACKTEST, *(fold.number for fold in windows.folds))
    names = frame_of(store.names())
    return MODEL_RUNS.conform(
        merged.with_columns(
            pl.lit(windows.cutoff).alias("cutoff"),
            *(pl.lit(names[name]).gather(pl.col("series")).alias(name) for name in ("host_id", "resource")),
            window_name=pl.col("window").replace_strict({n: window_name(n) for n in numbers}, return_dtype=pl.String),
        )
    )
