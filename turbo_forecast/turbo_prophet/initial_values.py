"""Where a search for the posterior's maximum begins.

Belongs here: Prophet's own start, and further ones for problems that have several optima. Does not belong here: the
search, the choice between its ends.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math

import numpy as np

from turbo_forecast.turbo_prophet.derivatives import multiplied_gram
from turbo_forecast.turbo_prophet.jit import kernel
from turbo_forecast.turbo_prophet.linear_algebra import back_substitute, eliminate
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC, make_work, residual_sum

# Up to so many rows for each parameter noise and signal can change places: a close fit is a start of its own.
_FEW_ROWS = 4
# A close fit's noise, and a tapering trend's, as a share of the series' variance.
_CLOSE = 1e-4
_TAPERED = 0.1
# A tapering trend starts or ends at this share of the series' mean size, and falls to, or rises from, nearly nothing.
_TAPER = 0.5
_NOTHING = 0.02
_EDGE = 0.002  # of the cap: a logistic curve comes no closer to its bounds


@kernel
def initial_rate(t, y, cap, growth):
    """Prophet's starting point (k, m): the trend through the first and the last point; flat: the mean."""
    n = t.size
    last = n - 1
    while last > 0 and t[last - 1] == t[last]:
        last -= 1  # the first row of the last moment, as pandas' idxmax
    if growth == FLAT:
        return 0.0, y.sum() / n
    span = t[last] - t[0]
    if growth != LOGISTIC:
        k = (y[last] - y[0]) / span
        return k, y[0] - k * t[0]
    c0, c1 = cap[0], cap[last]
    r0 = c0 / max(0.01 * c0, min(0.99 * c0, y[0]))
    r1 = c1 / max(0.01 * c1, min(0.99 * c1, y[last]))
    if abs(r0 - r1) <= 0.01:
        r0 = 1.05 * r0
    l0 = math.log(r0 - 1.0)
    l1 = math.log(r1 - 1.0)
    return (l0 - l1) / span, l0 * span / (l0 - l1)


@kernel
def count_further(data):
    """How many further starts `further_start` offers a problem."""
    parameters = 2 + data.precision.size + data.t_change.size
    close = 1 if data.t.size <= _FEW_ROWS * parameters and data.growth != FLAT else 0
    return close + (2 if data.any_s_m and data.growth != FLAT else 0)


@kernel
def further_start(data, index, theta):
    """The index-th further start into theta (p,). False if there is none.

    Multiplicative terms: a trend that tapers off to either end, with the coefficients that suit it. Trend times terms
    is bilinear, and an optimum with large coefficients on a small trend is not seen from where stock starts. Few rows:
    a close fit, from which the search comes down on the side of little noise.
    """
    if data.any_s_m and index < 2:
        return _tapering(data, index == 0, theta)
    return _close_fit(data, theta)


@kernel
def _mean_and_variance(y):
    """Mean and variance of values (T,), by T."""
    n = y.size
    mean = y.sum() / n
    total = 0.0
    for i in range(n):
        total += (y[i] - mean) * (y[i] - mean)
    return mean, total / n


@kernel
def _logit(share):
    """z of a logistic curve at that share of its cap, which is kept _EDGE away from 0 and 1."""
    share = max(_EDGE, min(1.0 - _EDGE, share))
    return math.log(share / (1.0 - share))


@kernel
def _tapering(data, falling, theta):
    """A trend from the series' mean size to nearly nothing, or the other way round, and the best coefficients for it."""
    n, columns = data.t.size, data.precision.size
    _, variance = _mean_and_variance(data.y)
    size = 0.0
    for i in range(n):
        size += abs(data.y[i])
    size /= n
    high, low = _TAPER * size, _TAPER * _NOTHING * size
    if data.growth == LOGISTIC:
        cap = data.cap.sum() / n
        high, low = _logit(high / cap), _logit(low / cap)
        if high - low < 0.5:
            low = high - 0.5
    theta[:] = 0.0
    theta[0] = high if falling else low
    theta[1] = low - high if falling else high - low
    work = make_work(n)
    residual_sum(data, theta, work)  # without coefficients: what the trend leaves
    variance = max(_TAPERED * variance, 1e-12)
    Q = np.empty((2 + columns, 2 + columns))
    multiplied_gram(data, work, Q, 1.0 / variance)
    M = np.zeros((columns, columns + 1))
    diagonal = np.empty(columns)
    for j in range(columns):
        for c in range(j, columns):
            M[j, c] = Q[2 + j, 2 + c]
        M[j, j] += data.precision[j]
        diagonal[j] = M[j, j]
        total = 0.0
        for i in range(n):
            factor = data.s_a[j] + work.trend[i] * data.s_m[j]
            total += data.X[i, j] * factor * work.residual[i]
        M[j, columns] = -total / variance
    if not eliminate(M, columns, diagonal):
        return False
    back_substitute(M, columns, theta[2 : 2 + columns])
    return True


@kernel
def _close_fit(data, theta):
    """Least squares with every bend allowed; terms that multiply act on the mean, a logistic curve on its logit."""
    n, columns, bends = data.t.size, data.precision.size, data.t_change.size
    p = 2 + columns + bends
    mean, variance = _mean_and_variance(data.y)
    logistic = data.growth == LOGISTIC
    slope = 1.0
    if logistic:
        cap = data.cap.sum() / n
        share = max(_EDGE, min(1.0 - _EDGE, mean / cap))
        slope = cap * share * (1.0 - share)
    variance = max(_CLOSE * variance, 1e-12) / (slope * slope)
    a = np.empty((n, p))
    target = np.empty(n)
    for i in range(n):
        target[i] = _logit(data.y[i] / data.cap[i]) if logistic else data.y[i]
        a[i, 0] = 1.0
        a[i, 1] = data.t[i]
        for j in range(columns):
            a[i, 2 + j] = data.X[i, j] * (data.s_a[j] + mean * data.s_m[j]) / slope
        for j in range(bends):
            a[i, 2 + columns + j] = max(data.t[i] - data.t_change[j], 0.0)
    M = np.zeros((p, p + 1))
    diagonal = np.empty(p)
    for j in range(p):
        for i in range(n):
            f = a[i, j] / variance
            for c in range(j, p):
                M[j, c] += f * a[i, c]
            M[j, p] -= f * target[i]
        if j < 2:
            M[j, j] += 0.04
        elif j < 2 + columns:
            M[j, j] += data.precision[j - 2]
        else:
            M[j, j] += 0.5 / (data.tau * data.tau)
        diagonal[j] = M[j, j]
    if not eliminate(M, p, diagonal):
        return False
    back_substitute(M, p, theta)
    if logistic and abs(theta[1]) < 1e-3:
        theta[1] = 1e-3 if theta[1] >= 0.0 else -1e-3
    return True
