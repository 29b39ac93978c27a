"""The hot path of a fleet: one daily series fitted, and forecast, by one compiled call each.

Belongs here: scaling, the rule for constant series, the calls. Does not belong here: pools, frames, clamping.
"""

import math
import time
from dataclasses import dataclass

import numpy as np

from turbo_forecast.turbo_prophet.calendar import Calendar, Days, History
from turbo_forecast.turbo_prophet.descent import NO_FINITE_MAP
from turbo_forecast.turbo_prophet.features import Scale, Spec
from turbo_forecast.turbo_prophet.jit import entry
from turbo_forecast.turbo_prophet.model import LOGISTIC, Data, noise_variance
from turbo_forecast.turbo_prophet.prediction import Forecast, Interval, forecast, project
from turbo_forecast.turbo_prophet.problem import MapResult, Settings, Status, Vector
from turbo_forecast.turbo_prophet.solver import initial_rate, search, solve_map

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
def _fit(y, cap, floor, minmax, has_floor, t, x, x_t, gram, changes, first, additive, multiplicative, precision, tau, growth, mixed, both, max_iterations, tolerance, theta):  # type: ignore[no-untyped-def]
    """Scale y (T,) as Prophet does and search; theta (p,) gets the parameters.

    Returns the search's answer, then y_scale, y_min, sigma, and the lowest and the highest value.
    """
    n = y.size
    lowest = y.min()
    highest = y.max()
    base = floor if has_floor else (lowest if minmax else 0.0)
    scale = 0.0
    nearest = math.inf
    for i in range(n):
        size = abs(y[i] - base)
        scale = max(scale, size)
        nearest = min(nearest, size)
    if minmax:
        scale = cap - floor if has_floor else highest - lowest
        nearest = base
    elif not has_floor:
        nearest = 0.0
    if scale == 0.0:
        scale = 1.0
    scaled = np.empty(n)
    caps = np.empty(n)
    level = (cap - base) / scale
    for i in range(n):
        scaled[i] = (y[i] - base) / scale
        caps[i] = level
    data = Data(t, scaled, caps, x, x_t, gram, changes, first, additive, multiplicative, precision, tau, growth, mixed)
    theta[:] = 0.0
    if lowest == highest:
        return (NO_FINITE_MAP, 0, 0, math.inf, 0.0, math.inf, 0), scale, nearest, 1e-9, lowest, highest
    k, m = initial_rate(t, scaled, caps, growth)
    answer = search(data, k, m, both, False, max_iterations, tolerance, theta)
    sigma = max(math.sqrt(noise_variance(answer[4], n)), 1e-9)
    return answer, scale, nearest, sigma, lowest, highest


@entry
def _forecast(growth, t, x, cap, floor, changes, additive, multiplicative, theta, y_scale, sigma, step, samples, seed, shares, z_low, z_high):  # type: ignore[no-untyped-def]
    """`project` with one cap (scaled) and one floor for all days."""
    n = t.size
    out = np.empty((6, n))
    project(growth, t, x, np.full(n, cap), np.full(n, floor), changes, additive, multiplicative, theta, y_scale, sigma, step, samples, seed, shares, z_low, z_high, out, np.empty((2, 0)))
    return out


def _check(y: Vector, days: Days, spec: Spec, cap: float, floor: float | None) -> None:
    if y.shape != days.shape or y.size < 2:
        raise ValueError(f"a history needs at least two values and as many days, not {y.size} and {days.size}")
    if not np.isfinite(y).all():
        raise ValueError("y has values that are not finite")
    if spec.growth == "logistic" and not cap > (floor or 0.0):
        raise ValueError("cap must be greater than floor (which defaults to 0)")


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
    count for logistic growth only. A constant series has no finite MAP: its status says so, and its forecast is the constant.
    Raises ValueError for input that is not a history; never for one that cannot be fitted.
    """
    spec = calendar.spec
    days, y = np.ascontiguousarray(days, np.int64), np.ascontiguousarray(y, np.float64)
    _check(y, days, spec, cap, floor)
    history = calendar.history(days)
    columns = history.columns
    growth = spec.indicator
    has_floor = growth == LOGISTIC and floor is not None
    theta = np.empty(2 + columns.sigmas.size + history.changes.size)
    answer, y_scale, y_min, sigma, lowest, highest = _fit(
        y, float(cap) if growth == LOGISTIC else 0.0, float(floor) if floor is not None else 0.0, spec.scaling == "minmax", has_floor,
        history.t, history.x, history.x_t, history.gram, history.changes, history.first,
        columns.additive, columns.multiplicative, history.precision, float(spec.changepoint_prior_scale), growth,
        spec.seasonality_mode == "multiplicative", settings.starts == "both", settings.max_iterations, settings.tolerance, theta,
    )  # fmt: skip
    scale = Scale(y_scale, y_min, has_floor)
    status, iterations, evaluations, value, _, violation, start = answer
    k = float(theta[1])
    n_beta = columns.sigmas.size
    m = float(theta[0])
    if growth == LOGISTIC:
        m = -m / k if k != 0.0 else 0.0
    constant = lowest if lowest == highest else math.nan
    result = MapResult(
        k, m, theta[2 + n_beta :], sigma, theta[2 : 2 + n_beta], Status(status),
        iterations, evaluations, -value, violation, start, constant,
    )  # fmt: skip
    used_floor = float(floor) if floor is not None else 0.0
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
    """
    days = np.ascontiguousarray(days, np.int64)
    result, history = fit.result, fit.history
    if not math.isnan(result.constant):
        level = np.full(days.size, result.constant)
        edge = level if interval.samples else np.full(days.size, math.nan)
        return Forecast(level, edge, edge, level, np.zeros(days.size), np.zeros(days.size))
    future = calendar.future(history, days)
    floor = fit.floor if fit.scale.has_floor else (fit.scale.y_min if calendar.spec.scaling == "minmax" else 0.0)
    growth = calendar.spec.indicator
    cap = (fit.cap - floor) / fit.scale.y_scale if growth == LOGISTIC else 0.0
    low, high = interval.normal
    out = _forecast(
        growth, future.t, future.x, cap, floor, history.changes, history.columns.additive, history.columns.multiplicative,
        fit.theta, fit.scale.y_scale, result.sigma_obs, future.step, interval.samples, seed & 0x7FFFFFFFFFFFFFFF,
        interval.shares, low, high,
    )  # fmt: skip
    return Forecast(*out)


def compile_kernels() -> float:
    """Compile every kernel, or load it from the cache; returns the seconds it took. Call it once before a pool starts."""
    from turbo_forecast.turbo_prophet.features import prepare

    began = time.perf_counter()
    days = np.arange(60)
    y = 50.0 + np.sin(days * 0.9) + 0.1 * np.cos(days * 2.3)
    spec = Spec(growth="logistic")
    calendar = Calendar(0, 69, spec)
    fit = fit_daily(days, y, calendar, cap=100.0, floor=0.0)
    ahead = np.arange(60, 70)
    forecast_daily(fit, ahead, calendar, Interval(0.8, 10), seed=1)
    prepared = prepare(days, y, spec, cap=100.0)
    forecast(solve_map(prepared.problem), prepared, ahead, cap=100.0, interval=Interval(0.8, 10))
    return time.perf_counter() - began
