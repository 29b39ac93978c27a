"""The forecast of a fitted series: trend, components, yhat, bounds.

Belongs here: one kernel that does it all, and its face for any timestamps. Does not belong here: clamping to an
envelope.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.elementary import exponential
from turbo_forecast.turbo_prophet.features import (
    Prepared,
    as_stamps,
    epoch_days,
    scaled_time,
    season_features,
)
from turbo_forecast.turbo_prophet.intervals import Curve, Draws, mixture_quantile, quantile, simulate
from turbo_forecast.turbo_prophet.jit import entry, kernel, part
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC
from turbo_forecast.turbo_prophet.problem import MapResult, Vector

NO_TREND_BOUNDS: Vector = np.empty((2, 0))


class Fitted(NamedTuple):
    """A fitted series, as the kernel takes it. K columns, S changepoints."""

    growth: int  # Stan's trend_indicator
    theta: Vector  # (2 + K + S,): b, k, beta, delta
    sigma_obs: float
    t_change: Vector  # (S,)
    s_a: Vector  # (K,)
    s_m: Vector  # (K,)
    y_scale: float


class Rows(NamedTuple):
    """The n times to predict."""

    t: Vector  # (n,), sorted, scaled
    X: Vector  # (n, K or more)
    cap: Vector  # (n,), scaled
    floor: Vector  # (n,), in the data's unit


@kernel
def trend_at(curve, t, cap, out):
    """Into out (n,): the scaled trend at any times t (n,), sorted or not. cap: (n,), scaled."""
    t_change, delta = curve.t_change, curve.delta
    for i in range(t.size):
        z = curve.b + curve.k * t[i]
        for j in range(t_change.size):
            if t[i] >= t_change[j]:
                z += delta[j] * (t[i] - t_change[j])
        if curve.growth == LOGISTIC:
            out[i] = cap[i] / (1.0 + exponential(-z))
        else:
            out[i] = curve.b if curve.growth == FLAT else z


@part
def _bounds(fitted, curve, rows, draws, out, trend_bounds):
    """Into out[1] and out[2]: the bounds around yhat, on the scaled axis. Within the history only the noise counts.

    out: (6, n), with yhat and terms. trend_bounds: (2, n), gets the quantiles of the trend's deviation, or (2, 0).
    """
    t, cap, sigma_obs = rows.t, rows.cap, fitted.sigma_obs
    lower, upper = out[1], out[2]
    z_low, z_high = draws.normal
    n = t.size
    centre = out[0] / fitted.y_scale
    first = 0
    while first < n and t[first] <= 1.0:
        lower[first] = centre[first] + z_low * sigma_obs
        upper[first] = centre[first] + z_high * sigma_obs
        first += 1
    if first == n:
        return
    spread = np.empty((n - first, draws.samples))
    simulate(curve, t[first:], cap[first:], draws, spread)
    with_trend = trend_bounds.shape[1] == n
    low_guess = z_low * sigma_obs
    high_guess = z_high * sigma_obs
    for i in range(first, n):
        row = spread[i - first]
        if with_trend:
            trend_bounds[0, i] = quantile(row, draws.shares[0])
            trend_bounds[1, i] = quantile(row, draws.shares[1])
        factor = 1.0 + out[5, i]
        if factor != 1.0:
            for d in range(draws.samples):
                row[d] *= factor
        low_guess = mixture_quantile(row, sigma_obs, draws.shares[0], z_low, low_guess)
        high_guess = mixture_quantile(row, sigma_obs, draws.shares[1], z_high, high_guess)
        lower[i] = centre[i] + low_guess
        upper[i] = centre[i] + high_guess


@part
def _centre(fitted, curve, rows, out):
    """Into out (6, n): yhat, no bounds yet, trend, additive and multiplicative terms, in the data's unit."""
    n, columns = rows.t.size, fitted.s_a.size
    X, floor, theta, y_scale = rows.X, rows.floor, fitted.theta, fitted.y_scale
    s_a, s_m = fitted.s_a, fitted.s_m
    scaled = np.empty(n)
    trend_at(curve, rows.t, rows.cap, scaled)
    for i in range(n):
        added = 0.0
        times = 0.0
        for j in range(columns):
            term = X[i, j] * theta[2 + j]
            added += term * s_a[j]
            times += term * s_m[j]
        out[3, i] = scaled[i] * y_scale + floor[i]
        out[4, i] = added * y_scale
        out[5, i] = times
        out[0, i] = out[3, i] * (1.0 + times) + out[4, i]
        out[1, i] = math.nan
        out[2, i] = math.nan


@entry
def forecast_kernel(fitted, rows, draws, out, trend_bounds):
    """Fill out (6, n): yhat, lower, upper, trend, additive terms, multiplicative terms, in the data's unit.

    fitted, rows, draws: plain tuples of the named ones' fields, whose types numba reads faster. draws.samples = 0: lower and
    upper are nan. trend_bounds: (2, n), gets the trend's own bounds, or (2, 0).
    """
    fitted, rows, draws = Fitted(*fitted), Rows(*rows), Draws(*draws)
    theta, y_scale = fitted.theta, fitted.y_scale
    curve = Curve(fitted.growth, fitted.t_change, theta[0], theta[1], theta[2 + fitted.s_a.size :])
    _centre(fitted, curve, rows, out)
    if draws.samples == 0:
        return
    _bounds(fitted, curve, rows, draws, out, trend_bounds)
    for i in range(rows.t.size):
        out[1, i] *= y_scale
        out[2, i] *= y_scale
    for side in range(trend_bounds.shape[0]):
        for i in range(trend_bounds.shape[1]):
            trend_bounds[side, i] = trend_bounds[side, i] * y_scale + out[3, i]


@dataclass(frozen=True)
class Interval:
    """How bounds are made: share of the distribution between them, and how many futures are drawn (0: no bounds)."""

    width: float = 0.8
    samples: int = 1000

    def __post_init__(self) -> None:
        if not 0 < self.width < 1:
            raise ValueError(f"interval width must be between 0 and 1, not {self.width}")
        if self.samples < 0:
            raise ValueError(f"samples must not be negative, not {self.samples}")

    @property
    def shares(self) -> tuple[float, float]:
        """The lower and the upper quantile's shares."""
        return (1.0 - self.width) / 2, (1.0 + self.width) / 2

    @property
    def normal(self) -> tuple[float, float]:
        """The same quantiles of a standard normal."""
        low, high = self.shares
        return NormalDist().inv_cdf(low), NormalDist().inv_cdf(high)


@dataclass(frozen=True)
class Forecast:
    """Prophet's columns for n times, in the data's unit. Bounds are nan where none were asked for."""

    yhat: Vector
    lower: Vector
    upper: Vector
    trend: Vector
    additive_terms: Vector
    multiplicative_terms: Vector
    trend_lower: Vector | None = None  # bounds of the trend alone, where asked for
    trend_upper: Vector | None = None


def draws_of(interval: Interval, growth: int, step: float, n_changepoints: int, seed: int) -> Draws:
    """How a kernel draws an interval's futures. step, n_changepoints: see `Draws`. seed: any whole number.

    Raises ValueError if logistic growth is to be drawn at one time that is asked for more than once: Prophet lays a grid over
    the history whose step is the mean distance of future times.
    """
    if growth == LOGISTIC and interval.samples and not step > 0.0:
        raise ValueError(
            "the times to predict after the history are all the same: bounds of logistic growth need one row alone, or two "
            "different times"
        )
    return Draws(interval.samples, seed & 0x7FFFFFFFFFFFFFFF, step, n_changepoints, interval.shares, interval.normal)


def theta_of(result: MapResult, growth: int) -> Vector:
    """The kernels' parameters (b, k, beta, delta)."""
    b = -result.k * result.m if growth == LOGISTIC else result.m
    return np.concatenate(([b, result.k], result.beta, result.delta))


def forecast(
    fit: MapResult,
    prepared: Prepared,
    ds: NDArray[Any],
    cap: Vector | float | None = None,
    floor: Vector | float | None = None,
    interval: Interval | None = None,
    seed: int = 0,
    trend_bounds: bool = False,
) -> Forecast:
    """Predict a series fitted from `prepared` at any sorted times (see `features.as_stamps`), with stock Prophet's
    yhat.

    cap and floor: (n,) or a number, as in the fit. trend_bounds: also the trend's own bounds (of the draws alone).
    Raises ValueError for unsorted times, a missing cap, and bounds of logistic growth at one time asked for twice alone.
    """
    stamps = as_stamps(ds)
    n = stamps.size
    problem = prepared.problem
    t = scaled_time(stamps, prepared.start, prepared.span)
    if np.any(np.diff(t) < 0):
        raise ValueError("times to predict must be sorted")
    # arrays of their own: for one that is read-only, as a view of what was broadcast is, numba would compile once more
    base = np.full(n, prepared.scale.floor(floor), np.float64)
    caps = np.zeros(n)
    if problem.trend_indicator == LOGISTIC:
        if cap is None:
            raise ValueError("logistic growth needs a cap")
        caps = (np.full(n, cap, np.float64) - base) / prepared.scale.y_scale
    X = season_features(epoch_days(stamps), prepared.orders)
    interval = interval or Interval(samples=0)
    out = np.empty((6, n))
    trends = np.zeros((2, n)) if trend_bounds and interval.samples else NO_TREND_BOUNDS
    ahead = t[t > 1.0]
    step = float(np.diff(ahead).mean() if ahead.size > 1 else np.diff(problem.t).mean())
    growth = problem.trend_indicator
    fitted = Fitted(
        growth, theta_of(fit, growth), fit.sigma_obs, problem.t_change, problem.s_a, problem.s_m, prepared.scale.y_scale
    )
    rows, draws = Rows(t, X, caps, base), draws_of(interval, growth, step, prepared.n_changepoints, seed)
    forecast_kernel(tuple(fitted), tuple(rows), tuple(draws), out, trends)
    return Forecast(*out, *trends) if trends.size else Forecast(*out)
