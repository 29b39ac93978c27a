"""A month's tournament, step by step, on the rows a run has left: scores, champions, calibration, standings.

Belongs here: which rows of which window each step may see. Every step sees all rows in batches of series.
Does not belong here: the rules themselves (`tournament/`), storing, Dagster.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

import polars as pl

from turbo_forecast.schemas import CALIBRATION, FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET, TOURNAMENT_SCORES
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.files import parquet_rows
from turbo_forecast.storage.frames import series_batches, write_frame
from turbo_forecast.tables import Table
from turbo_forecast.tournament.calibration import calibrate, calibrated, horizon_month, unknown_where_unobserved
from turbo_forecast.tournament.champions import choose
from turbo_forecast.tournament.scores import scales_by_window, score, score_by_month
from turbo_forecast.tournament.standings import standings
from turbo_forecast.windows import BACKTEST, FORECAST, Windows

_BOUNDED = ["ds", "y", "yhat", "yhat_lower", "yhat_upper"]
_ROW = ["host_id", "resource", "model", "cutoff", *_BOUNDED]
_SERIES = ["host_id", "resource"]


@dataclass(frozen=True, slots=True)
class RunRows:
    """What a fleet run left, sorted by series: every entrant's rows (FLEET_FORECAST), and its folds (FOLD_FORECAST)."""

    forecast: pl.LazyFrame
    folds: pl.LazyFrame

    def written(self, folder: Path) -> "RunRows":
        """The same rows from two Parquet files in the folder, which this writes. Raises StorageError."""
        paths = [folder / f"{table.name}.parquet" for table in (FLEET_FORECAST, FOLD_FORECAST)]
        for frame, path in zip((self.forecast, self.folds), paths, strict=True):
            write_frame(frame, path, path.stem)
        return RunRows(*map(parquet_rows, paths))


def training_ends(windows: Windows) -> dict[int, date]:
    """Last training day of every scored window, by fold number (0: the backtest)."""
    return {BACKTEST: windows.train_end, **{fold.number: fold.train_end for fold in windows.folds}}


def score_month(run: RunRows, history: pl.DataFrame, windows: Windows, settings: ForecastSettings) -> pl.DataFrame:
    """Rows of TOURNAMENT_SCORES for the backtest and every fold.

    history: `host_id, resource, ds, y` of the history window, up to the backtest.
    """
    scales = scales_by_window(history, training_ends(windows))
    backtests = (_backtest(batch) for batch in _forecast_batches(run.forecast, [*_ROW, "phase"]))
    folds = series_batches(run.folds, FOLD_FORECAST.names, FOLD_FORECAST.name)
    return _scored([*_parts(backtests, scales, settings), *_parts(folds, scales, settings)])


def _backtest(batch: pl.DataFrame) -> pl.DataFrame:
    return batch.filter(pl.col("phase") == "backtest").with_columns(fold=pl.lit(BACKTEST, pl.Int32))


def _parts(batches: Iterable[pl.DataFrame], scales: pl.DataFrame, settings: ForecastSettings) -> list[pl.DataFrame]:
    return [score(batch, scales, settings.interval_width) for batch in batches]


def _scored(parts: list[pl.DataFrame]) -> pl.DataFrame:
    empty = pl.DataFrame(schema=TOURNAMENT_SCORES.polars_schema)
    return pl.concat([empty, *parts]).sort(TOURNAMENT_SCORES.key)


def _forecast_batches(forecast: pl.LazyFrame, columns: list[str]) -> Iterator[pl.DataFrame]:
    return series_batches(forecast, columns, FLEET_FORECAST.name)


def choose_champions(forecast: pl.LazyFrame, scores: pl.DataFrame, settings: ForecastSettings) -> pl.DataFrame:
    """Rows of CHAMPIONS: chosen on the folds alone, among those who have a forecast of the series.

    forecast: rows of FLEET_FORECAST, sorted by series; so in the other functions here.
    """
    keys = ["cutoff", "host_id", "resource", "model"]
    parts = [
        batch.filter(pl.col("phase") == "forecast").select(keys).unique(maintain_order=True)
        for batch in _forecast_batches(forecast, [*keys, "phase"])
    ]
    forecasters = pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(keys, pl.String))
    chosen_on = scores.filter(pl.col("fold") > BACKTEST)
    return choose(forecasters, chosen_on, settings.order_of_preference, settings.fallback)


def champion_rows(frame: pl.LazyFrame, table: Table, champions: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The champions' rows of a run's table, sorted by series: FLEET_FORECAST or FOLD_FORECAST."""
    own = champions.select(*_SERIES, "model")
    keys = [*_SERIES, "model"]
    needed = list(dict.fromkeys([*keys, *columns]))
    batches = series_batches(frame, needed, table.name)
    parts = [batch.join(own, on=keys, how="semi", maintain_order="left") for batch in batches]
    return pl.concat(parts).select(columns)


def calibrate_month(
    run: RunRows, champions: pl.DataFrame, history: pl.DataFrame, windows: Windows, settings: ForecastSettings
) -> pl.DataFrame:
    """Rows of CALIBRATION for both phases: the backtest's from the folds, the forecast's from those and the backtest.

    history: `host_id, resource, ds, y` of the history window, up to the cutoff.
    """
    rows = champion_rows(run.forecast, FLEET_FORECAST, champions, [*_SERIES, "phase", *_BOUNDED])
    folds = champion_rows(run.folds, FOLD_FORECAST, champions, [*_SERIES, "fold", *_BOUNDED])
    residuals = _residuals(rows, folds, windows)
    scales = scales_by_window(history, {BACKTEST: windows.train_end, FORECAST: windows.cutoff})
    # without a refit the forecast is made at the backtest's origin: its first month is as far ahead as the backtest is long
    late = 0 if settings.refit else settings.backtest_months
    known = {
        "backtest": (residuals.filter(pl.col("fold") > BACKTEST), BACKTEST, windows.train_end, 0),
        "forecast": (residuals, FORECAST, windows.cutoff, late),
    }
    # with `folds: 0` nothing is calibrated, for no backtest would show whether it holds
    calibrating = known.items() if windows.folds else ()
    parts = [
        calibrate(
            seen,
            rows.filter(pl.col("phase") == phase).with_columns(horizon_month=_month_after(end) + late),
            scales.filter(pl.col("fold") == fold).drop("fold"),
            cutoff=windows.cutoff,
            phase=phase,
            interval_width=settings.interval_width,
        ).with_columns(pl.col("horizon_month") - late)
        for phase, (seen, fold, end, late) in calibrating
    ]
    return pl.concat([pl.DataFrame(schema=CALIBRATION.polars_schema), *parts]).sort(CALIBRATION.key)


def _residuals(rows: pl.DataFrame, folds: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """The champions' days of every window that has been observed, with their month of the window."""
    columns = [*_SERIES, "fold", *_BOUNDED]
    exact = folds.with_columns(pl.col("yhat", "yhat_lower", "yhat_upper").cast(pl.Float64))
    seen = pl.concat([exact, _backtest(rows).select(columns)])
    parts = [
        seen.filter(pl.col("fold") == fold).with_columns(horizon_month=_month_after(end))
        for fold, end in training_ends(windows).items()
    ]
    return pl.concat(parts).drop("ds")


def _month_after(end: date) -> pl.Expr:
    return horizon_month(pl.col("ds"), end + timedelta(days=1))


def publish(
    forecast: pl.LazyFrame,
    champions: pl.DataFrame,
    calibration: pl.DataFrame,
    outcomes: pl.DataFrame,
    windows: Windows,
) -> pl.DataFrame:
    """Rows of FORECAST_PARQUET: the champions' rows with calibrated bounds, the envelope where nothing was observed."""
    rows = champion_rows(forecast, FLEET_FORECAST, champions, FLEET_FORECAST.names)
    parts = [
        rows.filter(pl.col("phase") == phase).with_columns(horizon_month=_month_after(end))
        for phase, end in (("backtest", windows.train_end), ("forecast", windows.cutoff))
    ]
    return (
        calibrated(pl.concat(parts), calibration)
        .pipe(unknown_where_unobserved, outcomes)
        .join(outcomes.select(*_SERIES, "outcome"), on=_SERIES, maintain_order="left")
        .sort(*_SERIES, "phase", "ds")
        .pipe(FORECAST_PARQUET.conform)
    )


def standings_month(
    forecast: pl.LazyFrame,
    published: pl.DataFrame,
    history: pl.DataFrame,
    windows: Windows,
    settings: ForecastSettings,
) -> pl.DataFrame:
    """Rows of TOURNAMENT_STANDINGS.

    published: the master file's rows; history as for `score_month`.
    """
    scales = scales_by_window(history, {BACKTEST: windows.train_end}).drop("fold")
    champion = published.with_columns(model=pl.lit("champion"))
    batches = chain(_forecast_batches(forecast, [*_ROW, "phase"]), [champion])
    month = _month_after(windows.train_end)
    parts = [
        score_by_month(
            batch.filter(pl.col("phase") == "backtest").with_columns(horizon_month=month),
            scales,
            settings.interval_width,
        )
        for batch in batches
    ]
    return standings(
        pl.concat(parts),
        cutoff=windows.cutoff,
        fallback=settings.fallback,
        seasonal_naive="seasonal_naive",
        entrants=settings.field_of_entrants,
    )
