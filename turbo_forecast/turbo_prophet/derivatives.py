"""Gradient and curvature of the objective.

Belongs here: sums over rows and segments, and the matrices that follow from them. Does not belong here: what is done with
them (`proximal_step.py`).

The column of a hinge, (t - t_change_j)+, is zero before its changepoint and linear after it. So all products of hinges are
suffix sums over the segments between changepoints: O(T K + S**2 + S K) for the whole Hessian, not O(T (S + K)**2).
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.gram import gram_matrix
from turbo_forecast.turbo_prophet.jit import kernel, part
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC, noise_variance

Vector = NDArray[np.float64]


class Sums(NamedTuple):
    """Sums over the rows of each of the S + 1 segments between changepoints, and of all rows.

    With v a row's curvature, w its weight, r its residual and q = w r (see `model.Work`).
    """

    moments: Vector  # (S + 1, 5), of v, v t, v t t, q, q t
    wx: Vector  # (S + 1, W), of w x
    wtx: Vector  # (S + 1, W), of w t x
    rx: Vector  # (W,), of r x over all rows


@kernel
def _make_sums(segments, width):
    return Sums(np.empty((segments, 5)), np.empty((segments, width)), np.empty((segments, width)), np.empty(width))


@part
def _row_weights(data, work, newton):
    """Into work, row by row: the slope of the curve in its parameters, and its curvature."""
    cap, sigmoid, trend, factor, residual = data.cap, work.sigmoid, work.trend, work.factor, work.residual
    logistic, any_s_m = data.growth == LOGISTIC, data.any_s_m
    weight, cross, curvature = work.weight, work.cross, work.curvature
    for i in range(data.t.size):
        r = residual[i]
        f = factor[i] if any_s_m else 1.0
        w = cap[i] * sigmoid[i] * (1.0 - sigmoid[i]) if logistic else 1.0
        bend = w * (1.0 - 2.0 * sigmoid[i]) if logistic else 0.0
        wf = w * f
        weight[i] = wf
        curvature[i] = wf * wf - (r * f * bend if newton else 0.0)
        cross[i] = wf * trend[i] - (w * r if newton else 0.0)


@part
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
            u0, u1, u2, u3 = w0 * t[i], w1 * t[i + 1], w2 * t[i + 2], w3 * t[i + 3]
            for j in range(columns):
                a, b, c, d = X[i, j], X[i + 1, j], X[i + 2, j], X[i + 3, j]
                p0[j] += (w0 * a + w1 * b) + (w2 * c + w3 * d)
                p1[j] += (u0 * a + u1 * b) + (u2 * c + u3 * d)
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


@part
def _row_sums(data, work, newton, sums):
    """All sums over rows from which gradient and curvature follow. A multiplicative column is trend times x."""
    _row_weights(data, work, newton)
    _curve_sums(data, work, sums.moments)
    _feature_sums(data, work.weight, work.residual, sums)
    if not data.any_s_m:
        return
    times = _make_sums(sums.wx.shape[0], sums.rx.size)
    weight, trend, residual, s_a, s_m = work.weight, work.trend, work.residual, data.s_a, data.s_m
    for i in range(weight.size):
        weight[i] = trend[i] * residual[i]
    _feature_sums(data, work.cross, weight, times)
    wx, wtx, rx = sums.wx, sums.wtx, sums.rx
    wx2, wtx2, rx2 = times.wx, times.wtx, times.rx
    for j in range(s_a.size):
        rx[j] = s_a[j] * rx[j] + s_m[j] * rx2[j]
        for s in range(wx.shape[0]):
            wx[s, j] = s_a[j] * wx[s, j] + s_m[j] * wx2[s, j]
            wtx[s, j] = s_a[j] * wtx[s, j] + s_m[j] * wtx2[s, j]


@part
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
    """Curvature of beta: scale * C'C with C = X (s_a + trend s_m), into Q's block at (2, 2)."""
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


@part
def _line_and_features(data, sums, scale, Q, g):
    """Gradient and curvature of the likelihood in b, k and (but for its own block) beta."""
    moments, wx, wtx, rx = sums.moments, sums.wx, sums.wtx, sums.rx
    Q[0, 0], Q[0, 1], Q[1, 1] = scale * moments[0, 0], scale * moments[0, 1], scale * moments[0, 2]
    g[0], g[1] = -scale * moments[0, 3], -scale * moments[0, 4]
    for j in range(data.precision.size):
        Q[0, 2 + j] = scale * wx[0, j]
        Q[1, 2 + j] = scale * wtx[0, j]
        g[2 + j] = -scale * rx[j]


@part
def _hinges(data, sums, scale, newton, Q, g):
    """Gradient and curvature of the likelihood in delta: sums over (t - t_change_s)+ of the rows after changepoint s."""
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
                (m2 - (at + other) * m1) + at * other * m0, 0.0 if not newton else -math.inf
            )


@part
def _profile_noise(data, variance, Q, g):
    """The noise follows the residuals: eliminating sigma_obs takes 2 uu'/(T + 8 sigma_obs**2) off, u the data's gradient."""
    rank_one = 2.0 / (data.n_obs + 8.0 * variance)
    for i in range(g.size):
        f = rank_one * g[i]
        for j in range(i, g.size):
            Q[i, j] -= f * g[j]


@part
def _add_prior(data, theta, newton, Q, g):
    """Add the priors' gradient and curvature. The curvature of m**2 / 50 = b**2 / (50 k**2) is kept PD unless newton."""
    b, k = theta[0], theta[1]
    if data.growth == LOGISTIC:
        m = -b / k
        g[0] -= m / (25.0 * k)
        g[1] += k / 25.0 - m * m / (25.0 * k)
        Q[0, 0] += 1.0 / (25.0 * k * k)
        if newton:
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
def derivatives(data, theta, work, rss, newton, Q, g):
    """Gradient g (p,) of the smooth part of the profiled objective and its curvature, the upper triangle of Q (p, p).

    work: as `residual_sum` left it at theta. newton: the exact Hessian (it may be indefinite); else Gauss-Newton's, which
    is positive definite.
    """
    variance = noise_variance(rss, data.n_obs)
    scale = 1.0 / variance
    sums = _make_sums(data.t_change.size + 1, data.X.shape[1])
    _row_sums(data, work, newton, sums)
    _to_suffix_sums(data.precision.size, sums)
    multiplied_gram(data, work, Q, scale)
    _line_and_features(data, sums, scale, Q, g)
    _hinges(data, sums, scale, newton, Q, g)
    if newton:
        _profile_noise(data, variance, Q, g)
    _add_prior(data, theta, newton, Q, g)
