"""What one series goes through: planned, fitted, forecast, refitted, clamped; it always ends in an outcome.

Belongs here: which windows a series is forecast on, by whom, and what is recorded of it.
Does not belong here: forecasting itself (`models/`), processes and files (`executors/`, `pieces.py`).
"""

import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.rows import ModelRun, Rows, Stored, as_clause, as_line, solver_name
from turbo_forecast.fleet.store import Series, read_only
from turbo_forecast.models.protocol import Days, Entrant, Forecast, ForecastError, Values, Window
from turbo_forecast.models.registry import sees_all_history
from turbo_forecast.number_words import counted
from turbo_forecast.seasonal_gaps import Unobserved, unobserved
from turbo_forecast.settings import ENVELOPE, ForecastSettings
from turbo_forecast.types import Outcome, Status
from turbo_forecast.windows import BACKTEST, FORECAST, Windows, date_of, day_number

WORKER_DIED = "WorkerDied"
LONGEST_LINE = 1000
"""Characters that are kept of what an entrant or its error says."""
LARGEST_COUNT = 2**31 - 1
TOO_LITTLE_ROOM = 2**20
"""Bytes: CmdStan's files of one fit need about as much. An error where less is left is the disk's doing."""


class StorageFull(StorageError):
    """An entrant's temporary files found no room."""


@dataclass(frozen=True, slots=True)
class Split:
    """A train/test split of one series: the window's number (`windows.py`), how many observations lie before it, its days."""

    window: int
    train_size: int
    horizon: Days


@dataclass(slots=True)
class Result:
    """What happened to one series: its outcome, each fit it took, and its rows."""

    series: Series
    outcome: Outcome = Outcome.FORECAST
    remarks: list[str] = field(default_factory=list)
    """Remarks on the series itself, beside those on its fits."""
    failure: tuple[str, str] | None = None
    """Class and message of an error that was not one entrant's."""
    unobserved: Unobserved = field(init=False)
    runs: list[ModelRun] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    fits: int = 0
    seconds: float = 0.0
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.unobserved = unobserved(self.series.days)

    @property
    def reason(self) -> str | None:
        """The series' remarks and what its fits say, each once, in this order; None where there is nothing to say."""
        clauses = [*self.remarks, *(clause for run in self.runs if (clause := run.clause))]
        return "; ".join(dict.fromkeys(clauses)) or None

    @property
    def error(self) -> tuple[str | None, str | None]:
        """Class and message of the first error; of none, nothing."""
        if self.failure:
            return self.failure
        failed = next((run for run in self.runs if run.status is not Status.OK), None)
        return (failed.error_class, failed.error_message) if failed else (None, None)

    def record(self, name: str, window: int, forecast: Forecast, seconds: float) -> None:
        """Take over what an answer says of its making."""
        self.fits += forecast.fits
        self.fit_seconds += forecast.fit_seconds
        self.predict_seconds += forecast.predict_seconds
        self.runs.append(
            ModelRun(
                name,
                window,
                Status.OK,
                solver=forecast.solver,
                iterations=forecast.iterations,
                note=forecast.note,
                milliseconds=seconds * 1000,
            )
        )

    def record_error(self, name: str, window: int, error: BaseException, seconds: float) -> None:
        """Record what an entrant raised instead of an answer."""
        message = (as_line(error) or "no message")[:LONGEST_LINE]
        self.runs.append(
            ModelRun(
                *(name, window, Status.RAISED),
                error_class=type(error).__name__,
                error_message=message,
                milliseconds=seconds * 1000,
            )
        )

    def fail(self, error: BaseException) -> None:
        """The fallback itself has failed, or the program: nobody forecasts the series."""
        self.outcome = Outcome.FAILED
        if not self.failure:
            self.failure = type(error).__name__, (as_line(error) or "no message")[:LONGEST_LINE]
        self.remarks.append(f"{type(error).__name__}: {as_clause((as_line(error) or 'no message')[:200])}")


class SeriesForecaster:
    """Takes every series of one run through its windows. Built once per worker, with its entrants by name."""

    def __init__(self, windows: Windows, settings: ForecastSettings, entrants: Mapping[str, Entrant]) -> None:
        self._settings = settings
        self._entrants = entrants
        self._fallback = settings.fallback
        self._see_all = frozenset(name for name in entrants if sees_all_history(name))
        self._windows = windows
        self._train_end = day_number(windows.train_end)
        # shared by all series and entrants: none may write to them
        self._backtest_days = read_only(windows.backtest_days)
        self._forecast_days = read_only(windows.forecast_days)
        self._all_days = read_only(np.concatenate([self._backtest_days, self._forecast_days]))
        self._fold_days = {fold.number: read_only(fold.days) for fold in reversed(windows.folds)}

    def run(self, series: Series) -> Result:
        """The whole life of one series. What goes wrong is in the result; only a full disk raises (StorageError)."""
        started = time.perf_counter()
        result = Result(series)
        try:
            self._forecast_by_outcome(series, result)
        except StorageFull:
            raise
        except BaseException as error:  # recorded, and seen by the coverage checks
            result.fail(error)
        result.seconds = time.perf_counter() - started
        return result

    def expected(self, series: Series) -> Outcome:
        """What becomes of a series where nothing fails: retired, the fallback's (it is too short for any window), or forecast."""
        if not self._is_live(series):
            return Outcome.RETIRED
        return Outcome.FALLBACK if len(self._splits(series)) == 1 else Outcome.FORECAST

    def forecast_quarantined(self, series: Series, reason: str, status: Status) -> Result:
        """The fallback's forecast for a quarantined series: one whose processing took its worker down (or never ended)."""
        splits = self._splits(series)
        contenders = [name for name in self._entrants if name != self._fallback]
        result = lost_series(series, reason, status, contenders, splits[0].window)
        try:
            if self._is_live(series):
                result.rows = self._entrant_rows(self._fallback, series, result, splits)
        except BaseException as error:
            result.fail(error)
        return result

    def _is_live(self, series: Series) -> bool:
        return bool(series.days.size) and int(series.days[-1]) > self._train_end

    @staticmethod
    def _before(series: Series, day: int) -> int:
        """Observations before a day."""
        return int(np.searchsorted(series.days, day))

    def _splits(self, series: Series) -> list[Split]:
        """The windows a series is forecast on, oldest first: each fold with enough training and something to score,
        the backtest if it has enough training, the forecast."""
        splits = []
        for number, days in (*self._fold_days.items(), (BACKTEST, self._backtest_days)):
            train, end = self._before(series, int(days[0])), self._before(series, int(days[-1]) + 1)
            if train >= self._settings.min_train_days and end > train:
                splits.append(Split(number, train, days))
        return [*splits, Split(FORECAST, series.days.size, self._forecast_days)]

    def _forecast_by_outcome(self, series: Series, result: Result) -> None:
        splits = self._splits(series)
        if result.unobserved.sentence:
            result.remarks.append(result.unobserved.sentence)
        result.outcome = self.expected(series)
        if result.outcome is Outcome.RETIRED:
            result.remarks.append(self._why_retired(series))
        elif result.outcome is Outcome.FALLBACK:
            result.remarks.append(
                f"too short for a backtest: {counted(self._before(series, self._train_end + 1), 'day')} observed before "
                f"{self._windows.backtest_start}, {self._settings.min_train_days} needed (min_train_days)"
            )
            result.rows = self._fallback_rows(series, result, splits)
        else:
            self._hold_tournament(series, result, splits)

    def _why_retired(self, series: Series) -> str:
        """When the series fell silent, beside the window in which it would have had to speak."""
        last = (
            f"of {date_of(int(series.days[-1]))}" if series.days.size else f"older than {self._windows.history_start}"
        )
        window = f"{self._windows.backtest_start} to {self._windows.cutoff}"
        return f"the last value is {last}, before the backtest months ({window}): taken to be switched off"

    def _hold_tournament(self, series: Series, result: Result, splits: Sequence[Split]) -> None:
        contenders = [name for name in self._entrants if name != self._fallback]
        for name in contenders:
            result.rows += self._entrant_rows(name, series, result, splits)
        if contenders and not result.rows:
            result.outcome = Outcome.FAILED
        result.rows += self._fallback_rows(series, result, splits)

    def _fallback_rows(self, series: Series, result: Result, splits: Sequence[Split]) -> list[Rows]:
        """The fallback's rows; without them nobody's forecast could be published in its place, and the series has failed."""
        rows = self._entrant_rows(self._fallback, series, result, splits)
        if not rows:
            result.outcome = Outcome.FAILED
            result.rows.clear()
        return rows

    def _entrant_rows(self, name: str, series: Series, result: Result, splits: Sequence[Split]) -> list[Rows]:
        """All of an entrant's rows for the series, or none: never some of them. Each fit is recorded in the result."""
        rows: list[Rows] = []
        once = not self._settings.refit and any(split.window == BACKTEST for split in splits)
        for split in splits:
            if once and split.window == FORECAST:
                continue  # its rows came with the backtest's, from the one fit
            days = self._all_days if once and split.window == BACKTEST else split.horizon
            started = time.perf_counter()
            try:
                forecast = self._forecast_window(name, series, split, days)
                rows += self._rows_of(name, series, split, days, forecast)
            except BaseException as error:  # one bad fit, SystemExit even, stops neither the series nor the fleet
                _refuse_full_disk(name, error)
                result.record_error(name, split.window, error, time.perf_counter() - started)
                return []
            result.record(name, split.window, forecast, time.perf_counter() - started)
        return rows

    def _known(self, name: str, series: Series, train: int) -> tuple[Days, Values]:
        """Days and values that the entrant is shown: the first `train` of the history months, to some all before them too."""
        days, y = series.days[:train], series.y[:train]
        if name not in self._see_all or not series.earlier_days.size:
            return days, y
        return np.concatenate([series.earlier_days, days]), np.concatenate([series.earlier_y, y])

    def _forecast_window(self, name: str, series: Series, split: Split, days: Days) -> Forecast:
        window = Window(
            *self._known(name, series, split.train_size),
            days,
            seed=series.seed(self._settings.seed) + (1 if split.window == FORECAST else split.window * 2),
            series=(series.host_id, series.resource),
        )
        with manners_kept():
            answer = self._entrants[name].forecast(window)
        return replace(
            answer,
            yhat=_values(answer.yhat, window, "yhat"),
            lower=_values(answer.lower, window, "lower"),
            upper=_values(answer.upper, window, "upper"),
            solver=solver_name(answer.solver),
            fits=_count(answer.fits, "fits"),
            fit_seconds=_seconds(answer.fit_seconds, "fit_seconds"),
            predict_seconds=_seconds(answer.predict_seconds, "predict_seconds"),
            note=None if answer.note is None else as_line(answer.note)[:LONGEST_LINE] or None,
            iterations=None if answer.iterations is None else _count(answer.iterations, "iterations"),
        )

    def _rows_of(self, name: str, series: Series, split: Split, days: Days, forecast: Forecast) -> list[Rows]:
        """The answer's rows: of the window asked for and, where one fit serves both, of the forecast too."""
        size = split.horizon.size
        rows = [self._rows(name, split.window, series, split.horizon, forecast, slice(0, size))]
        if size < days.size:
            rows.append(self._rows(name, FORECAST, series, self._forecast_days, forecast, slice(size, None)))
        return rows

    def _rows(self, name: str, number: int, series: Series, days: Days, forecast: Forecast, part: slice) -> Rows:
        yhat, lower, upper = clamped(forecast.yhat[part], forecast.lower[part], forecast.upper[part])
        y = observed(series, days) if number != FORECAST else np.full(days.size, np.nan)
        return Rows(name, number, days, y, yhat, lower, upper)


@contextmanager
def manners_kept() -> Iterator[None]:
    """Which floating-point errors and warnings raise is the same after the block as before: others' numbers hang on it."""
    filters = list(warnings.filters)
    try:
        with np.errstate():
            yield
    finally:
        if warnings.filters != filters:
            warnings.filters[:] = filters  # type: ignore[index]


def lost_series(series: Series, reason: str, status: Status, contenders: Sequence[str], window: int) -> Result:
    """The record of a series that took its worker down, or never ended: each contender's fit of `window` counts as lost."""
    result = Result(series, outcome=Outcome.FAILED, failure=(WORKER_DIED, reason), remarks=[reason])
    result.runs = [ModelRun(name, window, status, error_class=WORKER_DIED, error_message=reason) for name in contenders]
    return result


def observed(series: Series, days: Days) -> Values:
    """(h,) what was observed on consecutive days (h,), percent; NaN where nothing was."""
    y = np.full(days.size, np.nan)
    first, end = np.searchsorted(series.days, [days[0], days[-1] + 1])
    y[series.days[first:end] - days[0]] = series.y[first:end]
    return y


def _refuse_full_disk(name: str, error: BaseException) -> None:
    """Raises StorageFull where an entrant failed because there is no room left: that is no property of the series."""
    folder = tempfile.gettempdir()
    try:
        disk = os.statvfs(folder)
    except OSError:  # an entrant has removed it: no reason to deny the series its fallback
        return
    if disk.f_bavail * disk.f_frsize < TOO_LITTLE_ROOM:
        raise StorageFull(f"{folder} has no space left on its disk: {name} raised {type(error).__name__}") from error


def _values(answer: object, window: Window, what: str) -> Values:
    """An entrant's answer as float64 of one value per day asked, or an error that is the entrant's alone."""
    values = np.asarray(answer)
    if values.shape != window.horizon.shape or values.dtype.kind not in "fiu":
        raise ForecastError(
            f"{what} is {values.dtype} of shape {values.shape}, not one number for each of {counted(window.horizon.size, 'day')}"
        )
    return values.astype(np.float64)


def _count(value: Any, what: str) -> int:
    """What an entrant says to have counted, or an error that is the entrant's alone."""
    try:
        number = int(value)
        if number == value and 0 <= number <= LARGEST_COUNT:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise ForecastError(f"{what} is {as_line(value)[:40]}, not a count")


def _seconds(value: Any, what: str) -> float:
    """How long an entrant says that something took, or an error that is the entrant's alone."""
    try:
        if 0 <= value < np.inf:
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ForecastError(f"{what} is {as_line(value)[:40]}, not a time")


def clamped(yhat: Values, lower: Values, upper: Values) -> tuple[Stored, Stored, Stored]:
    """The forecast inside the envelope, lower <= yhat <= upper, as it is stored.

    Infinite bounds are honest ("anything is possible") and become the envelope's; a NaN, or an infinite
    yhat, is no forecast. Raises FloatingPointError for those.
    """
    if not np.isfinite(yhat).all() or np.isnan(lower).any() or np.isnan(upper).any():
        raise FloatingPointError("the forecast is not finite")
    yhat = np.clip(yhat, *ENVELOPE)
    low, high = np.minimum(np.clip(lower, *ENVELOPE), yhat), np.maximum(np.clip(upper, *ENVELOPE), yhat)
    return yhat.astype(np.float32), low.astype(np.float32), high.astype(np.float32)
