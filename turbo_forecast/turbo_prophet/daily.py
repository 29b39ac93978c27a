"""The hot path of a fleet: one daily series fitted, and forecast, by one compiled call each.

Belongs here: scaling, the rule for constant series, the calls. Does not belong here: pools, frames, clamping.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
import time
from dataclasses import dataclass

import numpy as np

from turbo_forecast.turbo_prophet.cache import mark_ready
from turbo_forecast.turbo_prophet.daily_calendar import Calendar, Days, History
from turbo_forecast.turbo_prophet.features import Scale, Spec, require_cap
from turbo_forecast.turbo_prophet.gram import gram_matrix
from turbo_forecast.turbo_prophet.jit import entry
from turbo_forecast.turbo_prophet.model import LOGISTIC, Data
from turbo_forecast.turbo_prophet.prediction import (
    NO_TREND_BOUNDS,
    Fitted,
    Forecast,
    Interval,
    Rows,
    draws_of,
    forecast_kernel,
)
from turbo_forecast.turbo_prophet.problem import MapResult, Settings, Status, Vector
from turbo_forecast.turbo_prophet.solver import (
    Answer,
    Start,
    compile_search,
    limits_of,
    no_sketch,
    run_search,
    to_result,
)

_SETTINGS = Settings()
_NO_INTERVAL = Interval(samples=0)


@dataclass(frozen=True)
class DailyFit:
    """A fitted daily series: the MAP, and what its forecast needs."""

    result: MapResult
    theta: Vector  # (2 + K + S,): b, k, beta, delta (see model.py)
    history: History
    scale: Scale
    cap: float
    floor: float

    @property
    def status(self) -> Status:
        """How the fit ended."""
        return self.result.status


@entry
def scale_values(y, cap, floor, minmax, has_floor, scaled, caps):
    """Scale y (T,) and the cap as Prophet does (see features.value_scale) into scaled and caps (T,).

    Returns y_scale, y_min, the lowest and the highest value.
    """
    lowest = y.min()
    highest = y.max()
    base = floor if has_floor else (lowest if minmax else 0.0)
    scale = 0.0
    y_min = math.inf
    for i in range(y.size):
        size = abs(y[i] - base)
        scale = max(scale, size)
        y_min = min(y_min, size)
    if minmax:
        scale = cap - floor if has_floor else highest - lowest
        y_min = base
    elif not has_floor:
        y_min = 0.0
    if scale == 0.0:
        scale = 1.0
    scaled_cap = (cap - base) / scale
    for i in range(y.size):
        scaled[i] = (y[i] - base) / scale
        caps[i] = scaled_cap
    return scale, y_min, lowest, highest


def _check(y: Vector, days: Days, spec: Spec, cap: float, floor: float | None) -> None:
    if y.shape != days.shape or y.size < 2:
        raise ValueError(f"a history needs at least two values and as many days, not {y.size} and {days.size}")
    if not np.isfinite(y).all():
        raise ValueError("y has values that are not finite")
    if spec.growth == "logistic":
        if math.isnan(cap):
            raise ValueError("logistic growth needs a cap")
        default = float(y.min()) if spec.scaling == "minmax" else 0.0
        require_cap(cap, default if floor is None else floor)


def fit_daily(
    days: Days,
    y: Vector,
    calendar: Calendar,
    cap: float = math.nan,
    floor: float | None = None,
    settings: Settings = _SETTINGS,
) -> DailyFit:
    """Fit one daily series.

    days: (T,) observed days since 1970, sorted, within the calendar; y: (T,) finite values. cap, floor: the data's unit; they
    count for logistic growth only. A constant series is not searched: its posterior grows without bound as sigma goes to 0
    (linear, flat), or ends on a curve that is nearly flat (logistic). Its status is NO_FINITE_MAP, its objective nan, and its
    forecast the constant. Raises ValueError for input that is not a history, and for a cap that is missing, infinite or not
    above the floor; never for a history that cannot be fitted.
    """
    spec = calendar.spec
    days, y = np.ascontiguousarray(days, np.int64), np.ascontiguousarray(y, np.float64)
    _check(y, days, spec, cap, floor)
    history = calendar.history(days)
    columns = history.columns
    growth = spec.indicator
    has_floor = growth == LOGISTIC and floor is not None
    used_floor = float(floor) if floor is not None else 0.0
    scaled, caps = np.empty(y.size), np.empty(y.size)
    y_scale, y_min, lowest, highest = scale_values(
        y, float(cap) if growth == LOGISTIC else 0.0, used_floor, spec.scaling == "minmax", has_floor, scaled, caps
    )
    theta = np.zeros(2 + columns.sigmas.size + history.t_change.size)
    data = Data(
        history.t, scaled, caps, history.X, history.XtX, history.t_change, history.first_row,
        columns.s_a, columns.s_m, history.precision, float(spec.changepoint_prior_scale), growth,
        bool(columns.s_m.any()), float(y.size), 0.0,
    )  # fmt: skip
    scale = Scale(y_scale, y_min, has_floor)
    if lowest == highest:
        nothing = Answer(Status.NO_FINITE_MAP, 0, 0, math.nan, 0.0, math.inf, 0)
        result = to_result(theta, data, nothing, constant=lowest)
    else:
        sketch = history.sketch.of_series(data) if history.sketch else no_sketch(data)
        start = Start(math.nan, 0.0, settings.starts == "both")
        result = to_result(theta, data, run_search(data, sketch, start, limits_of(settings), theta))
    return DailyFit(result, theta, history, scale, float(cap), used_floor)


def forecast_daily(
    fit: DailyFit,
    days: Days,
    calendar: Calendar,
    interval: Interval = _NO_INTERVAL,
    seed: int = 0,
) -> Forecast:
    """Forecast a fitted series on days (n,), sorted, within the calendar. Stock Prophet's yhat and bounds, not clamped.

    The same seed gives the same bounds in any process. A constant series is forecast as its constant, with bounds of no width.
    Raises ValueError for days that are not sorted or outside the calendar, and for bounds of logistic growth if all days after
    the history are one and the same, asked for more than once.
    """
    days = np.ascontiguousarray(days, np.int64)
    result, history = fit.result, fit.history
    if not math.isnan(result.constant):
        level = np.full(days.size, result.constant)
        edge = level if interval.samples else np.full(days.size, math.nan)
        return Forecast(level, edge, edge, level, np.zeros(days.size), np.zeros(days.size))
    future = calendar.future(history, days)
    floor = fit.floor if fit.scale.has_floor else fit.scale.y_min  # y_min is 0 for absmax
    growth = calendar.spec.indicator
    cap = (fit.cap - floor) / fit.scale.y_scale if growth == LOGISTIC else 0.0
    columns, y_scale = history.columns, fit.scale.y_scale
    fitted = Fitted(growth, fit.theta, result.sigma_obs, history.t_change, columns.s_a, columns.s_m, y_scale)
    rows = Rows(future.t, future.X, np.full(days.size, cap), np.full(days.size, floor))
    out = np.empty((6, days.size))
    draws = draws_of(interval, growth, future.step, history.n_changepoints, seed)
    forecast_kernel(tuple(fitted), tuple(rows), tuple(draws), out, NO_TREND_BOUNDS)
    return Forecast(*out)


def compile_rest() -> None:
    """Compile every kernel but the search, or load it from the cache."""
    days = np.arange(60)
    calendar = Calendar(0, 69, Spec(growth="logistic"))
    history = calendar.history(days)
    y = np.arange(60.0)
    scale_values(y, 100.0, 0.0, False, True, np.empty(60), np.empty(60))
    gram_matrix(history.X, np.empty_like(history.XtX))
    columns, bends = history.columns.sigmas.size, history.t_change.size
    theta = np.zeros(2 + columns + bends)
    result = MapResult(0.1, 0.0, theta[2 + columns :], 0.1, theta[2 : 2 + columns], Status.CONVERGED, 0, 0, 0.0, 0.0)
    fit = DailyFit(result, theta, history, Scale(100.0, 0.0, True), 100.0, 0.0)
    forecast_daily(fit, np.arange(60, 70), calendar, Interval(0.8, 10), seed=1)


def compile_kernels() -> float:
    """Compile every kernel, or load it from the cache; returns the seconds it took. Call it once before a pool starts."""
    began = time.perf_counter()
    compile_rest()
    compile_search()
    mark_ready()
    return time.perf_counter() - began
