"""Gradient and curvature of the objective.

Belongs here: sums over rows and segments, and the matrices that follow from them. Does not belong here: what is done with
them (`proximal_step.py`).

The column of a hinge, (t - t_change_j)+, is zero before its changepoint and linear after it. So all products of hinges are
suffix sums over the segments between changepoints: O(T K + S**2 + S K) for all that touches the line, not O(T (S + K)**2).
The features' own block is X'X, O(K**2) where it is known beforehand (additive), and O(T K**2) where columns multiply the trend.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.gram import gram_matrix
from turbo_forecast.turbo_prophet.jit import inlined, kernel
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC, noise_variance

Vector = NDArray[np.float64]


class Sums(NamedTuple):
    """Sums over the rows of each of the S + 1 segments between changepoints, and of all rows.

    With c a row's curvature, w its weight and r its residual (see `model.Work`); x a row of the features.
    """

    moments: Vector  # (S + 1, 5), of c, c t, c t t, w r, w r t
    wx: Vector  # (S + 1, W), of w x
    wtx: Vector  # (S + 1, W), of w t x
    rx: Vector  # (W,), of r x over all rows


@kernel
def _make_sums(segments, width):
    return Sums(np.empty((segments, 5)), np.empty((segments, width)), np.empty((segments, width)), np.empty(width))


@inlined
def _row_weights(data, work, exact_hessian):
    """Into work, row by row: the slope of the curve in z, and what its second derivatives weigh."""
    cap, sigmoid, trend, factor, residual = data.cap, work.sigmoid, work.trend, work.factor, work.residual
    logistic, any_s_m = data.growth == LOGISTIC, data.any_s_m
    weight, cross, curvature = work.weight, work.cross, work.curvature
    for i in range(data.t.size):
        r = residual[i]
        f = factor[i] if any_s_m else 1.0
        w = cap[i] * sigmoid[i] * (1.0 - sigmoid[i]) if logistic else 1.0
        second = w * (1.0 - 2.0 * sigmoid[i]) if logistic else 0.0
        wf = w * f
        weight[i] = wf
        curvature[i] = wf * wf - (r * f * second if exact_hessian else 0.0)
        cross[i] = wf * trend[i] - (w * r if exact_hessian else 0.0)


@inlined
def _curve_sums(data, work, moments):
    """The sums that the curve alone needs, into moments (S + 1, 5)."""
    t, residual, weight, curvature = data.t, work.residual, work.weight, work.curvature
    n = t.size
    moments[:] = 0.0
    if data.growth == FLAT:
        for i in range(n):
            moments[0, 0] += curvature[i]
            moments[0, 3] += weight[i] * residual[i]
        return
    lower = 0
    for s in range(data.t_change.size + 1):
        upper = data.first_row[s] if s < data.t_change.size else n
        c0, c1, c2, wr0, wr1 = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(lower, upper):
            ct = curvature[i] * t[i]
            wr = weight[i] * residual[i]
            c0 += curvature[i]
            c1 += ct
            c2 += ct * t[i]
            wr0 += wr
            wr1 += wr * t[i]
        moments[s, 0], moments[s, 1], moments[s, 2], moments[s, 3], moments[s, 4] = c0, c1, c2, wr0, wr1
        lower = upper


@kernel
def _feature_sums(data, weight, residual, sums):
    """The sums that the features need, with any weight (T,) and residual (T,), into wx, wtx and rx.

    Four rows a pass: each pass over a row's columns is one trip through the accumulators.
    """
    X, t, first_row = data.X, data.t, data.first_row
    wx, wtx, rx = sums.wx, sums.wtx, sums.rx
    columns = X.shape[1]
    wx[:] = 0.0
    wtx[:] = 0.0
    rx[:] = 0.0
    lower = 0
    for s in range(first_row.size + 1):
        upper = first_row[s] if s < first_row.size else t.size
        p0, p1 = wx[s], wtx[s]
        i = lower
        while i + 4 <= upper:
            w0, w1, w2, w3 = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
            r0, r1, r2, r3 = residual[i], residual[i + 1], residual[i + 2], residual[i + 3]
            wt0, wt1, wt2, wt3 = w0 * t[i], w1 * t[i + 1], w2 * t[i + 2], w3 * t[i + 3]
            for j in range(columns):
                a, b, c, d = X[i, j], X[i + 1, j], X[i + 2, j], X[i + 3, j]
                p0[j] += (w0 * a + w1 * b) + (w2 * c + w3 * d)
                p1[j] += (wt0 * a + wt1 * b) + (wt2 * c + wt3 * d)
                rx[j] += (r0 * a + r1 * b) + (r2 * c + r3 * d)
            i += 4
        while i < upper:
            for j in range(columns):
                p0[j] += weight[i] * X[i, j]
                p1[j] += weight[i] * t[i] * X[i, j]
                rx[j] += residual[i] * X[i, j]
            i += 1
        lower = upper
    if data.growth == FLAT:
        wtx[:] = 0.0


@inlined
def _row_sums(data, work, exact_hessian, sums):
    """All sums over rows from which gradient and curvature follow. A multiplicative column is trend times x."""
    _row_weights(data, work, exact_hessian)
    _curve_sums(data, work, sums.moments)
    _feature_sums(data, work.weight, work.residual, sums)
    if not data.any_s_m:
        return
    times = _make_sums(sums.wx.shape[0], sums.rx.size)
    trend, residual, s_a, s_m = work.trend, work.residual, data.s_a, data.s_m
    multiplied = np.empty(residual.size)
    for i in range(residual.size):
        multiplied[i] = trend[i] * residual[i]
    _feature_sums(data, work.cross, multiplied, times)
    wx, wtx, rx = sums.wx, sums.wtx, sums.rx
    wx2, wtx2, rx2 = times.wx, times.wtx, times.rx
    for j in range(s_a.size):
        rx[j] = s_a[j] * rx[j] + s_m[j] * rx2[j]
        for s in range(wx.shape[0]):
            wx[s, j] = s_a[j] * wx[s, j] + s_m[j] * wx2[s, j]
            wtx[s, j] = s_a[j] * wtx[s, j] + s_m[j] * wtx2[s, j]


@inlined
def _to_suffix_sums(columns, sums):
    """Each segment's sums, and those of all after it: what a hinge that begins with the segment sees."""
    moments, wx, wtx = sums.moments, sums.wx, sums.wtx
    for s in range(moments.shape[0] - 2, -1, -1):
        for j in range(columns):
            wx[s, j] += wx[s + 1, j]
            wtx[s, j] += wtx[s + 1, j]
        for j in range(5):
            moments[s, j] += moments[s + 1, j]


@kernel
def multiplied_gram(data, work, Q, scale):
    """Curvature of beta: scale * C'C with C = X (s_a + trend s_m), into the upper triangle of Q's block at (2, 2)."""
    columns = data.precision.size
    if not data.any_s_m:
        for j in range(columns):
            for c in range(j, columns):
                Q[2 + j, 2 + c] = scale * data.XtX[j, c] * data.s_a[j] * data.s_a[c]
        return
    width = data.X.shape[1]
    weighted = np.zeros((data.t.size, width))
    for i in range(data.t.size):
        for j in range(columns):
            weighted[i, j] = data.X[i, j] * (data.s_a[j] + work.trend[i] * data.s_m[j])
    block = np.empty((columns, columns))
    gram_matrix(weighted, block)
    for j in range(columns):
        for c in range(j, columns):
            Q[2 + j, 2 + c] = scale * block[j, c]


@inlined
def _line_and_features(data, sums, scale, Q, g):
    """Gradient and curvature of minus the log likelihood in b, k and (but for its own block) beta."""
    moments, wx, wtx, rx = sums.moments, sums.wx, sums.wtx, sums.rx
    Q[0, 0], Q[0, 1], Q[1, 1] = scale * moments[0, 0], scale * moments[0, 1], scale * moments[0, 2]
    g[0], g[1] = -scale * moments[0, 3], -scale * moments[0, 4]
    for j in range(data.precision.size):
        Q[0, 2 + j] = scale * wx[0, j]
        Q[1, 2 + j] = scale * wtx[0, j]
        g[2 + j] = -scale * rx[j]


@inlined
def _hinges(data, sums, scale, exact_hessian, Q, g):
    """The same in delta: sums over (t - t_change_s)+ of the rows after changepoint s."""
    columns = data.precision.size
    d0 = 2 + columns
    t_change, moments, wx, wtx = data.t_change, sums.moments, sums.wx, sums.wtx
    for s in range(t_change.size):
        at = t_change[s]
        m0, m1, m2 = moments[s + 1, 0], moments[s + 1, 1], moments[s + 1, 2]
        g[d0 + s] = -scale * (moments[s + 1, 4] - at * moments[s + 1, 3])
        Q[0, d0 + s] = scale * (m1 - at * m0)
        Q[1, d0 + s] = scale * (m2 - at * m1)
        for j in range(columns):
            Q[2 + j, d0 + s] = scale * (wtx[s + 1, j] - at * wx[s + 1, j])
        for e in range(s + 1):
            other = t_change[e]
            Q[d0 + e, d0 + s] = scale * max(
                (m2 - (at + other) * m1) + at * other * m0, 0.0 if not exact_hessian else -math.inf
            )


@inlined
def _profile_noise(data, variance, Q, g):
    """The noise follows the residuals: profiling sigma_obs out takes 2 uu' / (T + 8 sigma_obs**2) off, where u, which g holds on
    entry, is the gradient of minus the log likelihood."""
    rank_one = 2.0 / (data.n_obs + 8.0 * variance)
    for i in range(g.size):
        f = rank_one * g[i]
        for j in range(i, g.size):
            Q[i, j] -= f * g[j]


@inlined
def _add_prior(data, theta, exact_hessian, Q, g):
    """Add the priors' gradient and curvature.

    Logistic: m = -b / k has the gradient J = (-1 / k, b / k**2) in (b, k), and m**2 / 50 has the curvature J'J / 25 plus
    m / 25 times that of m. Gauss-Newton's keeps the first part alone, as of the residuals: it is never negative.
    """
    b, k = theta[0], theta[1]
    if data.growth == LOGISTIC:
        m = -b / k
        g[0] -= m / (25.0 * k)
        g[1] += k / 25.0 - m * m / (25.0 * k)
        Q[0, 0] += 1.0 / (25.0 * k * k)
        if exact_hessian:
            Q[0, 1] += 2.0 * m / (25.0 * k * k)
            Q[1, 1] += 0.04 + 3.0 * m * m / (25.0 * k * k)
        else:
            Q[0, 1] += m / (25.0 * k * k)
            Q[1, 1] += 0.04 + m * m / (25.0 * k * k)
    else:
        g[0] += b / 25.0
        g[1] += k / 25.0
        Q[0, 0] += 0.04
        Q[1, 1] += 0.04
    for j in range(data.precision.size):
        g[2 + j] += theta[2 + j] * data.precision[j]
        Q[2 + j, 2 + j] += data.precision[j]


@kernel
def derivatives(data, theta, work, rss, exact_hessian, Q, g):
    """Gradient g (p,) of the smooth part of the profiled objective and its curvature, the upper triangle of Q (p, p).

    work: as `residual_sum` left it at theta. exact_hessian: the exact Hessian (it may be indefinite); else Gauss-Newton's, which
    is positive semidefinite: nothing holds delta but its L1 term, which is not in it.
    """
    variance = noise_variance(rss, data.n_obs)
    scale = 1.0 / variance
    sums = _make_sums(data.t_change.size + 1, data.X.shape[1])
    _row_sums(data, work, exact_hessian, sums)
    _to_suffix_sums(data.precision.size, sums)
    multiplied_gram(data, work, Q, scale)
    _line_and_features(data, sums, scale, Q, g)
    _hinges(data, sums, scale, exact_hessian, Q, g)
    if exact_hessian:
        _profile_noise(data, variance, Q, g)
    _add_prior(data, theta, exact_hessian, Q, g)
