"""Prophet's model as kernels: its curve, what the curve leaves of the data, the objective.

Belongs here: everything that depends on the form of the model. Does not belong here: its derivatives (`derivatives.py`),
and how a minimum is searched (`descent.py`).

Letters are those of Prophet's Stan program. Taylor and Letham (2018, doi:10.1080/00031305.2017.1380080) write s_j for t_change and
C for cap, and have none for s_a, s_m and sigma_obs. Parameters are held as theta = (b, k, beta, delta), p = 2 + K + S numbers, with

    z(t) = b + k t + sum_j delta_j (t - t_change_j)+

and trend = z (linear), cap / (1 + e**-z) (logistic) or b (flat). Prophet's offset m is b (linear, flat) or -b / k
(logistic): its recursion for the logistic offsets gamma only keeps z continuous, so it collapses to this sum.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.elementary import exponential
from turbo_forecast.turbo_prophet.jit import kernel, reduction

LINEAR, LOGISTIC, FLAT = 0, 1, 2
Vector = NDArray[np.float64]


class Data(NamedTuple):
    """Stan's data block of one series, and what follows from it. T rows, K feature columns, S changepoints."""

    t: Vector  # (T,), sorted; 0 at the history's start, 1 at its end
    y: Vector  # (T,), scaled
    cap: Vector  # (T,), scaled; used by logistic growth only
    X: Vector  # (T, W), W a whole number of registers (see `gram.py`): K columns, then zeros
    XtX: Vector  # (K, K), X'X
    t_change: Vector  # (S,), sorted
    first_row: NDArray[np.int64]  # (S,), first row at or after each changepoint; T for flat growth
    s_a: Vector  # (K,), 1 where a column is additive
    s_m: Vector  # (K,), 1 where a column multiplies the trend
    precision: Vector  # (K,), 1 / sigmas**2
    tau: float
    growth: int  # Stan's trend_indicator
    any_s_m: bool  # whether any column multiplies the trend
    n_obs: float  # rows that the likelihood counts: T, or those that the rows of a sketch stand for (see `weekly_aggregate.py`)
    rss_within: float  # squares that no parameter can explain: 0, or what the rows of a sketch hide


class Work(NamedTuple):
    """What `residual_sum` leaves of a theta, row by row, and weights that `derivatives.py` makes of it."""

    z: Vector  # (T,)
    sigmoid: Vector  # (T,), 1 / (1 + e**-z)
    trend: Vector  # (T,)
    factor: Vector  # (T,), 1 + multiplicative terms
    added: Vector  # (T,), additive terms
    residual: Vector  # (T,)
    weight: Vector  # (T,), slope of the curve in z, times factor
    cross: Vector  # (T,), the same times trend
    # (T,), weight squared, less the residual's share in the curve's second derivatives (exact Hessian)
    curvature: Vector


@kernel
def make_work(n):
    """Memory for n rows."""
    sigmoid, trend, factor, added = np.empty(n), np.empty(n), np.ones(n), np.empty(n)
    return Work(np.empty(n), sigmoid, trend, factor, added, np.empty(n), np.empty(n), np.empty(n), np.empty(n))


@reduction
def _product(X, coefficients, start, out):
    """out (T,) = start + X (T, W) times coefficients (W,)."""
    for i in range(X.shape[0]):
        total = 0.0
        for j in range(X.shape[1]):
            total += X[i, j] * coefficients[j]
        out[i] = start + total


@kernel
def _terms(X, weight, beta, start, out):
    """out (T,) = start + sum_j weight_j beta_j X_j. X: (T, W); weight, beta: (K,)."""
    coefficients = np.zeros(X.shape[1])
    for j in range(beta.size):
        coefficients[j] = weight[j] * beta[j]
    _product(X, coefficients, start, out)


@kernel
def hinge_line(data, theta, z):
    """Into z (T,): b + k t + sum_j delta_j (t - t_change_j)+, segment by segment: on each it is a straight line."""
    t, t_change, first_row = data.t, data.t_change, data.first_row
    delta = theta[2 + data.precision.size :]
    slope, offset, lower = theta[1], theta[0], 0
    for s in range(t_change.size + 1):
        upper = first_row[s] if s < t_change.size else t.size
        for i in range(lower, upper):
            z[i] = slope * t[i] + offset
        if s < t_change.size:
            slope += delta[s]
            offset -= delta[s] * t_change[s]
        lower = upper


@reduction
def _sum_of_squares(values):
    total = 0.0
    for i in range(values.size):
        total += values[i] * values[i]
    return total


@kernel
def residual_sum(data, theta, work):
    """Fill work at theta (p,); returns rss, the sum of squared residuals and of what no parameter can explain."""
    n, columns = data.t.size, data.precision.size
    beta = theta[2 : 2 + columns]
    z, sigmoid, trend = work.z, work.sigmoid, work.trend
    factor, added, residual = work.factor, work.added, work.residual
    hinge_line(data, theta, z)
    if data.growth == LOGISTIC:
        cap = data.cap
        for i in range(n):
            sigmoid[i] = 1.0 / (1.0 + exponential(-z[i]))
            trend[i] = cap[i] * sigmoid[i]
    else:
        for i in range(n):
            trend[i] = theta[0] if data.growth == FLAT else z[i]
    _terms(data.X, data.s_a, beta, 0.0, added)
    y = data.y
    if data.any_s_m:
        _terms(data.X, data.s_m, beta, 1.0, factor)
        for i in range(n):
            residual[i] = y[i] - (trend[i] * factor[i] + added[i])
    else:
        for i in range(n):
            residual[i] = y[i] - (trend[i] + added[i])
    return _sum_of_squares(residual) + data.rss_within


def variance_of(rss: float, n: float) -> float:
    """sigma_obs**2 that maximises the posterior given rss: root of n/v - rss/v**2 + 4 = 0 (prior sigma ~ N(0, 0.5))."""
    return 2.0 * rss / (n + math.sqrt(n * n + 16.0 * rss))


noise_variance = kernel(variance_of)


@kernel
def objective(data, theta, rss):
    """Minus Stan's lp__ (nats) at theta (p,) with sigma_obs at its best value. +inf where it does not exist."""
    n, columns = data.n_obs, data.precision.size
    variance = noise_variance(rss, n)
    if not variance > 0.0:
        return math.inf
    b, k = theta[0], theta[1]
    total = 0.5 * n * math.log(variance) + rss / (2.0 * variance) + 2.0 * variance
    if data.growth == LOGISTIC:
        if k == 0.0:
            return math.inf
        total += k * k / 50.0 + (b / k) * (b / k) / 50.0
    else:
        total += (k * k + b * b) / 50.0
    for j in range(columns):
        total += 0.5 * data.precision[j] * theta[2 + j] * theta[2 + j]
    sizes = 0.0
    for j in range(data.t_change.size):
        sizes += abs(theta[2 + columns + j])
    return total + sizes / data.tau
