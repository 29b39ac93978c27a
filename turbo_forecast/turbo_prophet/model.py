"""Prophet's model as kernels: curve, objective, gradient and curvature at a point.

Belongs here: everything that depends on the form of the model. Does not belong here: how a minimum is searched.

Parameters are held as theta = (b, k, beta, delta), p = 2 + K + S numbers, with z(t) = b + k t + sum delta_j (t - s_j)+
and trend = z (linear), cap / (1 + e**-z) (logistic) or b (flat). Prophet's offset is m = b (linear, flat) or -b / k
(logistic): its recursion for the logistic offsets only keeps z continuous, so it collapses to this sum.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.elementary import exponential
from turbo_forecast.turbo_prophet.jit import entry, kernel, reduction

LINEAR, LOGISTIC, FLAT = 0, 1, 2
PADDING = 16  # columns are a whole number of vector registers: the remainder of a row would cost as much as the row
Vector = NDArray[np.float64]


class Data(NamedTuple):
    """What a kernel needs to know of one series. T rows, K feature columns, S changepoints; all on Prophet's scale."""

    t: Vector  # (T,), sorted
    y: Vector  # (T,)
    cap: Vector  # (T,), used by logistic growth only
    x: Vector  # (T, W), W the next multiple of PADDING: K columns, then zeros
    gram: Vector  # (K, K), x'x
    changes: Vector  # (S,), sorted
    first: NDArray[np.int64]  # (S,), first row at or after each changepoint; T for flat growth
    additive: Vector  # (K,), Stan's s_a
    multiplicative: Vector  # (K,), Stan's s_m
    precision: Vector  # (K,), 1 / sigmas**2
    tau: float
    growth: int
    mixed: bool  # any multiplicative column
    observed: (
        float  # rows that the likelihood counts: T, or those that the rows of a sketch stand for (see `sketch.py`)
    )
    rest: float  # squares that no parameter can explain: 0, or what the rows of a sketch hide


def padded_width(columns: int) -> int:
    """The next multiple of PADDING."""
    return -(-columns // PADDING) * PADDING


def padded(x: Vector) -> Vector:
    """x (n, K) with columns of zeros up to the next multiple of PADDING."""
    wide = np.zeros((x.shape[0], padded_width(x.shape[1])))
    wide[:, : x.shape[1]] = x
    return wide


class Work(NamedTuple):
    """Memory of one fit."""

    z: Vector  # (T,)
    gate: Vector  # (T,), 1 / (1 + e**-z)
    trend: Vector  # (T,)
    factor: Vector  # (T,), 1 + multiplicative terms
    added: Vector  # (T,), additive terms
    residual: Vector  # (T,)
    weight: Vector  # (T,), slope of the curve in z, times factor
    cross: Vector  # (T,), the same times trend
    curvature: Vector  # (T,), weight of the curve's second derivatives


@kernel
def make_work(n):
    """Workspaces for n rows."""
    gate, trend, factor, added = np.empty(n), np.empty(n), np.ones(n), np.empty(n)
    return Work(np.empty(n), gate, trend, factor, added, np.empty(n), np.empty(n), np.empty(n), np.empty(n))


@reduction
def _product(x, coefficients, start, out):
    """out (T,) = start + x (T, W) times coefficients (W,)."""
    for i in range(x.shape[0]):
        total = 0.0
        for j in range(x.shape[1]):
            total += x[i, j] * coefficients[j]
        out[i] = start + total


@kernel
def _terms(x, weight, beta, start, out):
    """out = start + sum_j weight_j beta_j x_j."""
    coefficients = np.zeros(x.shape[1])
    for j in range(beta.size):
        coefficients[j] = weight[j] * beta[j]
    _product(x, coefficients, start, out)


@kernel
def hinge_line(t, changes, first, b, k, delta, z):
    """z = b + k t + sum delta_j (t - s_j)+, segment by segment."""
    slope, offset, lower = k, b, 0
    for s in range(changes.size + 1):
        upper = first[s] if s < changes.size else t.size
        for i in range(lower, upper):
            z[i] = slope * t[i] + offset
        if s < changes.size:
            slope += delta[s]
            offset -= delta[s] * changes[s]
        lower = upper


@reduction
def _squares(values):
    total = 0.0
    for i in range(values.size):
        total += values[i] * values[i]
    return total


@kernel
def residual_sum(data, theta, work):
    """Fill work at theta; returns R, the sum of squared residuals and of what no parameter can explain."""
    n, columns = data.t.size, data.precision.size
    beta = theta[2 : 2 + columns]
    z, gate, trend = work.z, work.gate, work.trend
    factor, added, residual = work.factor, work.added, work.residual
    hinge_line(data.t, data.changes, data.first, theta[0], theta[1], theta[2 + columns :], z)
    if data.growth == LOGISTIC:
        cap = data.cap
        for i in range(n):
            gate[i] = 1.0 / (1.0 + exponential(-z[i]))
            trend[i] = cap[i] * gate[i]
    else:
        for i in range(n):
            trend[i] = theta[0] if data.growth == FLAT else z[i]
    _terms(data.x, data.additive, beta, 0.0, added)
    y = data.y
    if data.mixed:
        _terms(data.x, data.multiplicative, beta, 1.0, factor)
        for i in range(n):
            residual[i] = y[i] - (trend[i] * factor[i] + added[i])
    else:
        for i in range(n):
            residual[i] = y[i] - (trend[i] + added[i])
    return _squares(residual) + data.rest


def variance_of(squares: float, n: float) -> float:
    """The variance that maximises the posterior given R: root of n/v - R/v**2 + 4 = 0 (prior sigma ~ N(0, 0.5))."""
    return 2.0 * squares / (n + math.sqrt(n * n + 16.0 * squares))


noise_variance = kernel(variance_of)


@kernel
def objective(data, theta, squares):
    """Minus Stan's lp__ at theta with the noise at its best value; R = squares. +inf where it does not exist."""
    n, columns = data.observed, data.precision.size
    variance = noise_variance(squares, n)
    if not variance > 0.0:
        return math.inf
    b, k = theta[0], theta[1]
    total = 0.5 * n * math.log(variance) + squares / (2.0 * variance) + 2.0 * variance
    if data.growth == LOGISTIC:
        if k == 0.0:
            return math.inf
        total += k * k / 50.0 + (b / k) * (b / k) / 50.0
    else:
        total += (k * k + b * b) / 50.0
    for j in range(columns):
        total += 0.5 * data.precision[j] * theta[2 + j] * theta[2 + j]
    sizes = 0.0
    for j in range(data.changes.size):
        sizes += abs(theta[2 + columns + j])
    return total + sizes / data.tau


@kernel
def _curve_sums(data, work, newton, moments):
    """Sums over the rows of each segment, moments (S + 1, 5): v, v t, v t t (curvature) and q, q t (gradient).

    Leaves in work the weights that `_feature_sums` needs: weight (T,), d curve / d z times the factor; cross (T,), the
    same for multiplicative columns.
    """
    t, gate, trend, residual = data.t, work.gate, work.trend, work.residual
    n = t.size
    logistic, mixed = data.growth == LOGISTIC, data.mixed
    weight, cross, curvature = work.weight, work.cross, work.curvature
    for i in range(n):
        r = residual[i]
        f = work.factor[i] if mixed else 1.0
        w = data.cap[i] * gate[i] * (1.0 - gate[i]) if logistic else 1.0
        bend = w * (1.0 - 2.0 * gate[i]) if logistic else 0.0
        wf = w * f
        weight[i] = wf
        curvature[i] = wf * wf - (r * f * bend if newton else 0.0)
        cross[i] = wf * trend[i] - (w * r if newton else 0.0)
    moments[:] = 0.0
    if data.growth == FLAT:
        for i in range(n):
            moments[0, 0] += curvature[i]
            moments[0, 3] += weight[i] * residual[i]
        return
    lower = 0
    for s in range(data.changes.size + 1):
        upper = data.first[s] if s < data.changes.size else n
        v0, v1, v2, q0, q1 = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(lower, upper):
            vt = curvature[i] * t[i]
            q = weight[i] * residual[i]
            v0 += curvature[i]
            v1 += vt
            v2 += vt * t[i]
            q0 += q
            q1 += q * t[i]
        moments[s, 0], moments[s, 1], moments[s, 2], moments[s, 3], moments[s, 4] = v0, v1, v2, q0, q1
        lower = upper


@kernel
def _feature_sums(x, t, weight, residual, first, flat, zero, one, gradient):
    """Sums over each segment's rows: zero (S + 1, W) of weight x, one of weight t x; and gradient (W,) of residual x.

    Four rows a pass: each pass over a row's columns is one trip through the accumulators.
    """
    columns = x.shape[1]
    zero[:] = 0.0
    one[:] = 0.0
    gradient[:] = 0.0
    lower = 0
    for s in range(first.size + 1):
        upper = first[s] if s < first.size else t.size
        p0, p1 = zero[s], one[s]
        i = lower
        while i + 4 <= upper:
            w0, w1, w2, w3 = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
            r0, r1, r2, r3 = residual[i], residual[i + 1], residual[i + 2], residual[i + 3]
            u0, u1, u2, u3 = w0 * t[i], w1 * t[i + 1], w2 * t[i + 2], w3 * t[i + 3]
            for j in range(columns):
                a, b, c, d = x[i, j], x[i + 1, j], x[i + 2, j], x[i + 3, j]
                p0[j] += (w0 * a + w1 * b) + (w2 * c + w3 * d)
                p1[j] += (u0 * a + u1 * b) + (u2 * c + u3 * d)
                gradient[j] += (r0 * a + r1 * b) + (r2 * c + r3 * d)
            i += 4
        while i < upper:
            for j in range(columns):
                p0[j] += weight[i] * x[i, j]
                p1[j] += weight[i] * t[i] * x[i, j]
                gradient[j] += residual[i] * x[i, j]
            i += 1
        lower = upper
    if flat:
        one[:] = 0.0


@kernel
def _row_sums(data, work, newton, zero, one, moments, gradient):
    """All sums over rows from which gradient and curvature follow; see `_curve_sums` and `_feature_sums`."""
    _curve_sums(data, work, newton, moments)
    flat = data.growth == FLAT
    _feature_sums(data.x, data.t, work.weight, work.residual, data.first, flat, zero, one, gradient)
    if not data.mixed:
        return
    zero2, one2, gradient2 = np.empty_like(zero), np.empty_like(one), np.empty_like(gradient)
    for i in range(data.t.size):
        work.weight[i] = work.trend[i] * work.residual[i]
    _feature_sums(data.x, data.t, work.cross, work.weight, data.first, flat, zero2, one2, gradient2)
    for j in range(data.additive.size):
        added, times = data.additive[j], data.multiplicative[j]
        gradient[j] = added * gradient[j] + times * gradient2[j]
        for s in range(zero.shape[0]):
            zero[s, j] = added * zero[s, j] + times * zero2[s, j]
            one[s, j] = added * one[s, j] + times * one2[s, j]


@entry
def gram_matrix(x, out):
    """x'x of the first K columns of x (T, W) into out (K, K). Sums run in row order."""
    n, width = x.shape
    columns = out.shape[0]
    total = np.zeros((columns, width))
    i = 0
    while i + 4 <= n:
        for j in range(columns):
            f0, f1, f2, f3 = x[i, j], x[i + 1, j], x[i + 2, j], x[i + 3, j]
            for c in range(width):
                total[j, c] += (f0 * x[i, c] + f1 * x[i + 1, c]) + (f2 * x[i + 2, c] + f3 * x[i + 3, c])
        i += 4
    while i < n:
        for j in range(columns):
            for c in range(width):
                total[j, c] += x[i, j] * x[i, c]
        i += 1
    out[:] = total[:, :columns]


@kernel
def multiplied_gram(data, work, q, scale):
    """Curvature of the feature coefficients: scale * C'C with C = x (s_a + trend s_m), into q's block at (2, 2)."""
    columns = data.precision.size
    if not data.mixed:
        for j in range(columns):
            for c in range(j, columns):
                q[2 + j, 2 + c] = scale * data.gram[j, c] * data.additive[j] * data.additive[c]
        return
    width = data.x.shape[1]
    weighted = np.zeros((data.t.size, width))
    for i in range(data.t.size):
        for j in range(columns):
            weighted[i, j] = data.x[i, j] * (data.additive[j] + work.trend[i] * data.multiplicative[j])
    block = np.empty((columns, columns))
    gram_matrix(weighted, block)
    for j in range(columns):
        for c in range(j, columns):
            q[2 + j, 2 + c] = scale * block[j, c]


@kernel
def _prior(data, theta, newton, q, g):
    """Add the priors' gradient and curvature. The curvature of b**2/(50 k**2) is kept PD unless newton."""
    b, k = theta[0], theta[1]
    if data.growth == LOGISTIC:
        m = b / k
        g[0] += m / (25.0 * k)
        g[1] += k / 25.0 - m * m / (25.0 * k)
        q[0, 0] += 1.0 / (25.0 * k * k)
        if newton:
            q[0, 1] -= 2.0 * m / (25.0 * k * k)
            q[1, 1] += 0.04 + 3.0 * m * m / (25.0 * k * k)
        else:
            q[0, 1] -= m / (25.0 * k * k)
            q[1, 1] += 0.04 + m * m / (25.0 * k * k)
    else:
        g[0] += b / 25.0
        g[1] += k / 25.0
        q[0, 0] += 0.04
        q[1, 1] += 0.04
    for j in range(data.precision.size):
        g[2 + j] += theta[2 + j] * data.precision[j]
        q[2 + j, 2 + j] += data.precision[j]


@kernel
def derivatives(data, theta, work, squares, newton, q, g):
    """Gradient g (p,) of the smooth part of the profiled objective and its curvature, the upper triangle of q (p, p).

    newton: the exact Hessian (it may be indefinite); else Gauss-Newton, which is positive definite.
    The products of hinge columns are suffix sums over segments: O(T K + S**2 + S K), not O(T (S + K)**2).
    """
    columns = data.precision.size
    n_changes = data.changes.size
    p = 2 + columns + n_changes
    d0 = 2 + columns
    variance = noise_variance(squares, data.observed)
    scale = 1.0 / variance
    width = data.x.shape[1]
    zero = np.empty((n_changes + 1, width))
    one = np.empty((n_changes + 1, width))
    moments = np.empty((n_changes + 1, 5))
    grad_x = np.empty(width)
    _row_sums(data, work, newton, zero, one, moments, grad_x)
    multiplied_gram(data, work, q, scale)
    for s in range(n_changes - 1, -1, -1):
        for j in range(columns):
            zero[s, j] += zero[s + 1, j]
            one[s, j] += one[s + 1, j]
        for j in range(5):
            moments[s, j] += moments[s + 1, j]
    q[0, 0], q[0, 1], q[1, 1] = scale * moments[0, 0], scale * moments[0, 1], scale * moments[0, 2]
    g[0], g[1] = -scale * moments[0, 3], -scale * moments[0, 4]
    for j in range(columns):
        q[0, 2 + j] = scale * zero[0, j]
        q[1, 2 + j] = scale * one[0, j]
        g[2 + j] = -scale * grad_x[j]
    for s in range(n_changes):
        at = data.changes[s]
        m0, m1, m2 = moments[s + 1, 0], moments[s + 1, 1], moments[s + 1, 2]
        g[d0 + s] = -scale * (moments[s + 1, 4] - at * moments[s + 1, 3])
        q[0, d0 + s] = scale * (m1 - at * m0)
        q[1, d0 + s] = scale * (m2 - at * m1)
        for j in range(columns):
            q[2 + j, d0 + s] = scale * (one[s + 1, j] - at * zero[s + 1, j])
        for e in range(s + 1):
            other = data.changes[e]
            q[d0 + e, d0 + s] = scale * max(
                (m2 - (at + other) * m1) + at * other * m0, 0.0 if not newton else -math.inf
            )
    if newton:
        # The noise follows the residuals: eliminating sigma takes 2 uu'/(T + 8 sigma**2) off, u the data's gradient.
        rank_one = 2.0 / (data.observed + 8.0 * variance)
        for i in range(p):
            f = rank_one * g[i]
            for j in range(i, p):
                q[i, j] -= f * g[j]
    _prior(data, theta, newton, q, g)
