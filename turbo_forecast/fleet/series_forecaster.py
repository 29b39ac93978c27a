"""What one series goes through: judged, fitted, projected, refitted, clamped; never silence.

Belongs here: which windows a series is forecast on, by whom, and what is recorded of it.
Does not belong here: forecasting itself (`models/`), processes and files (`worker.py`, `pool.py`).
"""

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.combine import median
from turbo_forecast.fleet.rows import Rows
from turbo_forecast.fleet.store import Series, read_only
from turbo_forecast.models.protocol import Days, Entrant, ForecastError, Projection, Values, Window
from turbo_forecast.phases import Unobserved, unobserved
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.types import Solver
from turbo_forecast.windows import BACKTEST, FORECAST, Windows, date_of, day_number

OUTCOMES = ("forecast", "fallback", "retired", "failed")
ENVELOPE = (0.0, 100.0)
WORKER_DIED = "WorkerDied"
TOO_LITTLE_ROOM = 2**20
"""Bytes: CmdStan's files of one fit need about as much. An error where less is left is the disk's doing."""


class StorageFull(StorageError):
    """An entrant's temporary files found no room."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One window of one series: its number (see rows.py), the observations before it, the days to project."""

    number: int
    train: int
    days: Days


@dataclass(slots=True)
class Result:
    """What happened to one series: its outcome, the evidence, and its rows."""

    series: Series
    outcome: str = "forecast"
    reasons: list[str] = field(default_factory=list)
    error_class: str | None = None
    error_message: str | None = None
    unobserved: Unobserved = field(init=False)
    solvers: list[str] = field(default_factory=list)
    fits: int = 0
    seconds: float = 0.0
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    costs: dict[str, float] = field(default_factory=dict)
    rows: list[Rows] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.unobserved = unobserved(self.series.days)

    def record(self, name: str, projection: Projection) -> None:
        """Take over what a projection says of its making."""
        self.fits += int(projection.fits)
        self.fit_seconds += float(projection.fit_seconds)
        self.predict_seconds += float(projection.predict_seconds)
        how = "turbo converged" if projection.solver == Solver.TURBO else _text(projection.solver)
        solver = f"{name}: {how}"
        if solver not in self.solvers:
            self.solvers.append(solver)
        if projection.note and _clause(projection.note) not in self.reasons:
            self.reasons.append(_clause(projection.note))

    def record_error(self, name: str, error: BaseException) -> None:
        """Record the first error whole, and every error as a reason."""
        message = _text(error) or "no message"
        if self.error_class is None:
            self.error_class, self.error_message = type(error).__name__, message[:1000]
        self.reasons.append(f"{name} raised {type(error).__name__}: {_clause(message[:200])}")


class Lifecycle:
    """Takes every series of one run through its windows. Built once per worker, with its entrants by name."""

    def __init__(self, windows: Windows, settings: ForecastSettings, entrants: Mapping[str, Entrant]) -> None:
        self._settings = settings
        self._entrants = entrants
        self._fallback = settings.fallback
        self._combines = "median" in settings.field_of_entrants
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
            self._judge_and_forecast(series, result)
        except StorageFull:
            raise
        except BaseException as error:  # the fallback itself failed: recorded, and seen by the coverage checks
            result.outcome = "failed"
            result.record_error(self._fallback, error)
        result.seconds = time.perf_counter() - started
        return result

    def condemn(self, series: Series, reason: str) -> Result:
        """The fallback's forecast for a series whose processing took its worker down (or never ended)."""
        result = Result(series, outcome="failed", error_class=WORKER_DIED, error_message=reason, reasons=[reason])
        try:
            if self._is_live(series):
                result.rows = self._entrant_rows(self._fallback, series, result, self._plan(series))
        except BaseException as error:
            result.record_error(self._fallback, error)
        return result

    def _is_live(self, series: Series) -> bool:
        return bool(series.days.size) and int(series.days[-1]) > self._train_end

    @staticmethod
    def _before(series: Series, day: int) -> int:
        """Observations before a day."""
        return int(np.searchsorted(series.days, day))

    def _plan(self, series: Series) -> list[Asked]:
        """The windows a series is forecast on, oldest first: each fold with enough training and something to score,
        the backtest if it has enough training, the forecast."""
        asked = []
        for number, days in (*self._fold_days.items(), (BACKTEST, self._backtest_days)):
            train, end = self._before(series, int(days[0])), self._before(series, int(days[-1]) + 1)
            if train >= self._settings.min_train_days and end > train:
                asked.append(Asked(number, train, days))
        return [*asked, Asked(FORECAST, series.days.size, self._forecast_days)]

    def _judge_and_forecast(self, series: Series, result: Result) -> None:
        plan = self._plan(series)
        if result.unobserved.sentence:
            result.reasons.append(result.unobserved.sentence)
        if not self._is_live(series):
            result.outcome = "retired"
            result.reasons.append(self._why_retired(series))
        elif len(plan) == 1:
            result.outcome = "fallback"
            result.reasons.append(
                f"too short for a backtest: {self._before(series, self._train_end + 1)} days observed before "
                f"{self._windows.backtest_start}, {self._settings.min_train_days} needed (min_train_days)"
            )
            result.rows = self._entrant_rows(self._fallback, series, result, plan)
        else:
            self._hold_tournament(series, result, plan)

    def _why_retired(self, series: Series) -> str:
        """When the series fell silent, beside the window in which it would have had to speak."""
        last = (
            f"of {date_of(int(series.days[-1]))}" if series.days.size else f"older than {self._windows.history_start}"
        )
        window = f"{self._windows.backtest_start} to {self._windows.cutoff}"
        return f"the last value is {last}, before the backtest months ({window}): taken to be switched off"

    def _hold_tournament(self, series: Series, result: Result, plan: Sequence[Asked]) -> None:
        contenders = [name for name in self._entrants if name != self._fallback]
        for name in contenders:
            try:
                result.rows += self._entrant_rows(name, series, result, plan)
            except BaseException as error:  # one bad fit, SystemExit even, stops neither the series nor the fleet
                _refuse_full_disk(name, error)
                result.record_error(name, error)
        if contenders and not result.rows:
            result.outcome = "failed"
        result.rows += self._entrant_rows(self._fallback, series, result, plan)
        if self._combines and result.outcome == "forecast":
            result.rows += median(result.rows)

    def _entrant_rows(self, name: str, series: Series, result: Result, plan: Sequence[Asked]) -> list[Rows]:
        """All of an entrant's rows for the series, or an exception: never some of them."""
        rows: list[Rows] = []
        once = not self._settings.refit and any(asked.number == BACKTEST for asked in plan)
        for asked in plan:
            if once and asked.number == FORECAST:
                continue  # its rows came with the backtest's, from the one fit
            days = self._all_days if once and asked.number == BACKTEST else asked.days
            projection = self._ask(name, series, asked, days, result)
            split = asked.days.size
            rows.append(self._rows(name, asked.number, series, asked.days, projection, slice(0, split)))
            if split < days.size:
                rows.append(self._rows(name, FORECAST, series, self._forecast_days, projection, slice(split, None)))
        return rows

    def _ask(self, name: str, series: Series, asked: Asked, days: Days, result: Result) -> Projection:
        window = Window(
            series.days[: asked.train],
            series.y[: asked.train],
            days,
            seed=series.seed(self._settings.seed) + (1 if asked.number == FORECAST else asked.number * 2),
            series=(series.host_id, series.resource),
        )
        started = time.perf_counter()
        answer = self._entrants[name].project(window)
        stage = f"{name}: {'folds' if asked.number > 0 else 'forecast' if asked.number == FORECAST else 'backtest'}"
        result.costs[stage] = result.costs.get(stage, 0.0) + time.perf_counter() - started
        projection = replace(
            answer,
            yhat=_values(answer.yhat, window, "yhat"),
            lower=_values(answer.lower, window, "lower"),
            upper=_values(answer.upper, window, "upper"),
        )
        result.record(name, projection)
        return projection

    def _rows(self, name: str, number: int, series: Series, days: Days, projection: Projection, part: slice) -> Rows:
        yhat, lower, upper = clamped(projection.yhat[part], projection.lower[part], projection.upper[part])
        y = np.full(days.size, np.nan)
        if number != FORECAST:
            first, end = self._before(series, int(days[0])), self._before(series, int(days[-1]) + 1)
            y[series.days[first:end] - days[0]] = series.y[first:end]
        return Rows(name, number, days, y, yhat, lower, upper)


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
    if values.shape != window.asked.shape or values.dtype.kind not in "fiu":
        raise ForecastError(
            f"{what} is {values.dtype} of shape {values.shape}, not one number for each of the {window.asked.size} days"
        )
    return values.astype(np.float64)


def _text(said: object) -> str:
    """What an entrant or its error says, as one storable line, whatever it is."""
    try:
        return " ".join(str(said).encode(errors="replace").decode().split())
    except Exception:  # a __str__ that raises is still an error to be recorded
        return f"{type(said).__name__} that cannot be shown"


def _clause(said: object) -> str:
    """The text as one clause among the reasons, which semicolons part: no error may speak for another entrant."""
    return _text(said).replace(";", ",")


def clamped(yhat: Values, lower: Values, upper: Values) -> tuple[Values, Values, Values]:
    """The projection inside the envelope, lower <= yhat <= upper.

    Infinite bounds are honest ("anything is possible") and become the envelope's; a NaN, or an infinite
    yhat, is no forecast. Raises FloatingPointError for those.
    """
    if not np.isfinite(yhat).all() or np.isnan(lower).any() or np.isnan(upper).any():
        raise FloatingPointError("the forecast is not finite")
    yhat = np.clip(yhat, *ENVELOPE)
    return yhat, np.minimum(np.clip(lower, *ENVELOPE), yhat), np.maximum(np.clip(upper, *ENVELOPE), yhat)
