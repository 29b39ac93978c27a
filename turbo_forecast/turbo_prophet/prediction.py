"""The forecast of a fitted series: trend, components, yhat, bounds.

Belongs here: one kernel that does it all, and its face for any timestamps. Does not belong here: clamping to an
envelope.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

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
from turbo_forecast.turbo_prophet.intervals import mixture_quantile, quantile, simulate
from turbo_forecast.turbo_prophet.jit import entry, kernel
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC
from turbo_forecast.turbo_prophet.problem import MapResult, Vector

NO_TREND_BOUNDS: Vector = np.empty((2, 0))


@kernel
def trend_at(growth, t, cap, changes, b, k, delta, out):
    """Scaled trend at any times t (n,), sorted or not."""
    for i in range(t.size):
        z = b + k * t[i]
        for j in range(changes.size):
            if t[i] >= changes[j]:
                z += delta[j] * (t[i] - changes[j])
        if growth == LOGISTIC:
            out[i] = cap[i] / (1.0 + exponential(-z))
        else:
            out[i] = b if growth == FLAT else z


@kernel
def bounds(
    centre,
    factor,
    t,
    growth,
    cap,
    changes,
    b,
    k,
    delta,
    sigma,
    step,
    samples,
    seed,
    shares,
    z_low,
    z_high,
    lower,
    upper,
    spread,
    trend_bounds,
):
    """Fill lower and upper (n,) around centre (n,), all on the scaled axis, for sorted t; factor: 1 + multiplicative
    terms.

    spread: (n, samples) workspace. trend_bounds: (2, n), the trend's own quantiles, or (2, 0) if nobody asks.
    """
    n = t.size
    first = 0
    while first < n and t[first] <= 1.0:
        lower[first] = centre[first] + z_low * sigma
        upper[first] = centre[first] + z_high * sigma
        first += 1
    if first == n:
        return
    future = spread[first:]
    simulate(growth, t[first:], cap[first:], changes, delta, b, k, step, samples, seed, future)
    with_trend = trend_bounds.shape[1] == n
    low_guess = z_low * sigma
    high_guess = z_high * sigma
    for i in range(first, n):
        row = spread[i]
        if with_trend:
            trend_bounds[0, i] = quantile(row, shares[0])
            trend_bounds[1, i] = quantile(row, shares[1])
        if factor[i] != 1.0:
            for d in range(samples):
                row[d] *= factor[i]
        low_guess = mixture_quantile(row, sigma, shares[0], z_low, low_guess)
        high_guess = mixture_quantile(row, sigma, shares[1], z_high, high_guess)
        lower[i] = centre[i] + low_guess
        upper[i] = centre[i] + high_guess


@entry
def project_kernel(
    growth,
    t,
    x,
    cap,
    floor,
    changes,
    additive,
    multiplicative,
    theta,
    y_scale,
    sigma,
    step,
    samples,
    seed,
    shares,
    z_low,
    z_high,
    out,
    trend_bounds,
):
    """Fill out (6, n): yhat, lower, upper, trend, additive terms, multiplicative terms, in the data's unit.

    t (n,), x (n, K), cap (n,) on the scaled axis; floor (n,) in the data's unit. samples = 0: lower and upper are nan.
    """
    n = t.size
    columns = additive.size
    delta = theta[2 + columns :]
    b, k = theta[0], theta[1]
    scaled = np.empty(n)
    trend_at(growth, t, cap, changes, b, k, delta, scaled)
    for i in range(n):
        added = 0.0
        times = 0.0
        for j in range(columns):
            term = x[i, j] * theta[2 + j]
            added += term * additive[j]
            times += term * multiplicative[j]
        out[3, i] = scaled[i] * y_scale + floor[i]
        out[4, i] = added * y_scale
        out[5, i] = times
        out[0, i] = out[3, i] * (1.0 + times) + out[4, i]
        out[1, i] = math.nan
        out[2, i] = math.nan
    if samples == 0:
        return
    centre = out[0] / y_scale
    factor = 1.0 + out[5]
    spread = np.empty((n, samples))
    bounds(
        centre,
        factor,
        t,
        growth,
        cap,
        changes,
        b,
        k,
        delta,
        sigma,
        step,
        samples,
        seed,
        shares,
        z_low,
        z_high,
        out[1],
        out[2],
        spread,
        trend_bounds,
    )
    for i in range(n):
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
    Raises ValueError for unsorted times or a missing cap.
    """
    stamps = as_stamps(ds)
    n = stamps.size
    problem = prepared.problem
    t = scaled_time(stamps, prepared.start, prepared.span)
    if np.any(np.diff(t) < 0):
        raise ValueError("times to predict must be sorted")
    base = np.ascontiguousarray(np.broadcast_to(np.asarray(prepared.scale.floor(floor), np.float64), (n,)))
    caps = np.zeros(n)
    if problem.trend_indicator == LOGISTIC:
        if cap is None:
            raise ValueError("logistic growth needs a cap")
        caps = np.ascontiguousarray(
            (np.broadcast_to(np.asarray(cap, np.float64), (n,)) - base) / prepared.scale.y_scale
        )
    x = season_features(epoch_days(stamps), prepared.orders)
    interval = interval or Interval(samples=0)
    out = np.empty((6, n))
    trends = np.zeros((2, n)) if trend_bounds and interval.samples else NO_TREND_BOUNDS
    ahead = t[t > 1.0]
    step = float(np.diff(ahead).mean() if ahead.size > 1 else np.diff(problem.t).mean())
    project_kernel(
        problem.trend_indicator, t, x, caps, base, problem.t_change, problem.s_a, problem.s_m,
        theta_of(fit, problem.trend_indicator), prepared.scale.y_scale, fit.sigma_obs, step, interval.samples,
        seed & 0x7FFFFFFFFFFFFFFF, interval.shares, *interval.normal, out, trends,
    )  # fmt: skip
    return Forecast(*out, *trends) if trends.size else Forecast(*out)
