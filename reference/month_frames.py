"""A month's tournament on whole frames, the plain way: what the maps and reductions of a run must come to.

Belongs here: which rows of which window each step may see, on frames that hold a whole month. Does not belong here: the rules
(`frame_scores.py`, `frame_calibration.py`, and of the product those that take frames anyway).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from reference import frame_calibration
from reference.frame_calibration import calibrated, horizon_month, unknown_where_unobserved
from reference.frame_scores import scales_by_window, score, score_by_month
from turbo_forecast.schemas import CALIBRATION, FORECAST_PARQUET
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.datasets import rows as stored_rows
from turbo_forecast.tournament.champions import choose
from turbo_forecast.tournament.standings import CHAMPION, standings
from turbo_forecast.types import Phase
from turbo_forecast.windows import BACKTEST, Windows, window_name

Calibrate = Callable[..., pl.DataFrame]
"""A function that takes what `frame_calibration.calibrate` takes, and gives what it gives."""
_SERIES = ["host_id", "resource"]
_PROJECTED = ["yhat", "yhat_lower", "yhat_upper"]


@dataclass(frozen=True, slots=True)
class MonthRows:
    """What a month's run left, sorted by series: every entrant's rows (FLEET_FORECAST), and its folds (FOLD_FORECAST)."""

    forecast: pl.DataFrame
    folds: pl.DataFrame

    @classmethod
    def of(cls, forecast: Path, folds: Path) -> "MonthRows":
        """The rows stored in two folders of part files, or two files. Raises StorageError."""
        return cls(*(stored_rows(path).collect() for path in (forecast, folds)))

    @property
    def backtest(self) -> pl.DataFrame:
        """Every entrant's rows of the backtest."""
        return self.forecast.filter(phase=Phase.BACKTEST.value)

    def of_champions(self, champions: pl.DataFrame) -> "MonthRows":
        """The rows of one entrant for each series alone, as `host_id, resource, model` of `champions` names them."""
        own = champions.select(*_SERIES, "model")
        kept = (
            frame.join(own, on=[*_SERIES, "model"], how="semi", maintain_order="left")
            for frame in (self.forecast, self.folds)
        )
        return MonthRows(*kept)


def training_ends(windows: Windows) -> dict[int, date]:
    """Last training day of every window that is scored, by its number."""
    return {BACKTEST: windows.train_end, **{fold.number: fold.train_end for fold in windows.folds}}


def score_month(rows: MonthRows, history: pl.DataFrame, windows: Windows, settings: ForecastSettings) -> pl.DataFrame:
    """Rows of TOURNAMENT_SCORES for the backtest and every fold.

    history: `host_id, resource, ds, y` of the history window, up to the cutoff; so in the other functions here.
    """
    scales = scales_by_window(history, {window_name(number): end for number, end in training_ends(windows).items()})
    columns = ["cutoff", *_SERIES, "model", "window_name", "y", *_PROJECTED]
    scored = [
        rows.backtest.with_columns(window_name=pl.lit(Phase.BACKTEST.value)),
        rows.folds.with_columns(window_name=pl.format("fold {}", pl.col("fold"))),
    ]
    return score(pl.concat([part.select(columns) for part in scored]), scales, settings.interval_width)


def choose_champions(rows: MonthRows, scores: pl.DataFrame, settings: ForecastSettings) -> pl.DataFrame:
    """Rows of CHAMPIONS: chosen on the folds alone, among those who have a forecast of the series."""
    ahead = rows.forecast.filter(phase=Phase.FORECAST.value)
    forecasters = ahead.select("cutoff", *_SERIES, "model").unique()
    return choose(forecasters, scores, settings.order_of_preference, settings.fallback)


def calibrate_month(
    rows: MonthRows,
    champions: pl.DataFrame,
    history: pl.DataFrame,
    windows: Windows,
    settings: ForecastSettings,
    calibrate: Calibrate = frame_calibration.calibrate,
) -> pl.DataFrame:
    """Rows of CALIBRATION for both phases: the backtest's from the folds, the forecast's from those and the backtest."""
    empty = pl.DataFrame(schema=CALIBRATION.polars_schema)
    if not windows.folds:  # nothing is calibrated, for no backtest would show whether it holds
        return empty
    own = _with_surroundings(rows, champions, history, settings)
    residuals = _residuals(own, windows)
    # without a refit the forecast is made at the backtest's origin: its first month is as far ahead as the backtest is long
    late = 0 if settings.refit else settings.backtest_months
    known = (
        (Phase.BACKTEST, residuals.filter(pl.col("fold") != BACKTEST), windows.train_end, 0),
        (Phase.FORECAST, residuals, windows.cutoff, late),
    )
    parts = [
        calibrate(
            seen,
            _in_months(own.forecast.filter(phase=phase.value), end).with_columns(pl.col("horizon_month") + ahead),
            scales_by_window(history, {phase.value: end}).drop("window_name"),
            cutoff=windows.cutoff,
            phase=phase.value,
            interval_width=settings.interval_width,
        ).with_columns(pl.col("horizon_month") - ahead)
        for phase, seen, end, ahead in known
    ]
    return pl.concat([empty, *parts]).sort(CALIBRATION.key)


def _with_surroundings(
    rows: MonthRows, champions: pl.DataFrame, history: pl.DataFrame, settings: ForecastSettings
) -> MonthRows:
    """The champions' rows with `apart`, the mean distance of the other entrants' forecasts of the day, and `jump`, how far the
    last days known before the window lay above its first ones."""
    rivals = [name for name in settings.base_models if name != settings.fallback]

    def of(frame: pl.DataFrame, own: pl.DataFrame, window: list[str]) -> pl.DataFrame:
        day = [*_SERIES, *window, "ds"]
        yhat = pl.col("yhat").cast(pl.Float64)
        apart = (
            frame.filter(pl.col("model").is_in(rivals))
            .join(own.select(*day, "model", published=yhat), on=day)
            .filter(pl.col("model") != pl.col("model_right"))
            .group_by(day)
            .agg(apart=(yhat - pl.col("published")).abs().mean())
        )
        week = own.filter(pl.col("ds") < pl.col("ds").min().over(*_SERIES, *window) + pl.duration(days=7))
        known = history.select(*_SERIES, pl.col("ds") + pl.duration(days=7), moved="y")
        jump = (
            week.join(known, on=[*_SERIES, "ds"])
            .sort(*_SERIES, *window, "ds")
            .group_by(*_SERIES, *window)
            .agg(jump=(pl.col("moved") - yhat).tail(5).median())
        )
        return (
            own.join(apart, on=day, how="left", maintain_order="left")
            .join(jump, on=[*_SERIES, *window], how="left", maintain_order="left")
            .with_columns(pl.col("jump").fill_null(0.0))
        )

    champion = rows.of_champions(champions)
    return MonthRows(of(rows.forecast, champion.forecast, ["phase"]), of(rows.folds, champion.folds, ["fold"]))


def _residuals(own: MonthRows, windows: Windows) -> pl.DataFrame:
    """The champions' days of every window that has been observed, with their month of the window."""
    columns = [*_SERIES, "fold", "ds", "y", *_PROJECTED, "apart", "jump"]
    whole = [own.folds, own.backtest.with_columns(fold=pl.lit(BACKTEST, pl.Int32))]
    seen = pl.concat([part.select(columns) for part in whole])
    return pl.concat([_in_months(seen.filter(fold=number), end) for number, end in training_ends(windows).items()])


def _in_months(rows: pl.DataFrame, end: date) -> pl.DataFrame:
    """The rows with the month of their window, whose training ended on this day."""
    return rows.with_columns(horizon_month=horizon_month(pl.col("ds"), end + timedelta(days=1)))


def publish(
    rows: MonthRows, champions: pl.DataFrame, calibration: pl.DataFrame, outcomes: pl.DataFrame, windows: Windows
) -> pl.DataFrame:
    """Rows of FORECAST_PARQUET: the champions' rows with calibrated bounds, the envelope where nothing was observed."""
    own = rows.of_champions(champions).forecast
    ends = ((Phase.BACKTEST, windows.train_end), (Phase.FORECAST, windows.cutoff))
    parts = [_in_months(own.filter(phase=phase.value), end) for phase, end in ends]
    return (
        calibrated(pl.concat(parts), calibration)
        .pipe(unknown_where_unobserved, outcomes)
        .join(outcomes.select(*_SERIES, "outcome"), on=_SERIES, maintain_order="left")
        .sort(*_SERIES, "phase", "ds")
        .pipe(FORECAST_PARQUET.conform)
    )


def scores_by_month(
    rows: MonthRows, published: pl.DataFrame, history: pl.DataFrame, windows: Windows, settings: ForecastSettings
) -> pl.DataFrame:
    """Every entrant's scores of each month of the backtest, as `score_by_month` gives them, and the champion's.

    published: the master file's rows.
    """
    scales = scales_by_window(history, {Phase.BACKTEST.value: windows.train_end}).drop("window_name")
    columns = [*_SERIES, "model", "ds", "y", *_PROJECTED]
    champion = published.filter(phase=Phase.BACKTEST.value).with_columns(model=pl.lit(CHAMPION))
    parts = [
        score_by_month(_in_months(part.select(columns), windows.train_end), scales, settings.interval_width)
        for part in (rows.backtest, champion)
    ]
    return pl.concat(parts)


def standings_month(scores: pl.DataFrame, windows: Windows, settings: ForecastSettings) -> pl.DataFrame:
    """Rows of TOURNAMENT_STANDINGS. scores: as `scores_by_month` gives them."""
    return standings(
        scores,
        cutoff=windows.cutoff,
        fallback=settings.fallback,
        seasonal_naive="seasonal_naive",
        interval_width=settings.interval_width,
        entrants=settings.field_of_entrants,
    )
