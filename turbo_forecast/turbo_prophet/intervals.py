"""How far the future may lie from the forecast, drawn as Prophet draws it.

Belongs here: simulated rate changes, quantiles. Does not belong here: the forecast's centre.

Prophet 1.5 (vectorised; Taylor and Letham 2018, section 3.1.4): at each future step a rate change with probability S dt, dt the
mean distance of future times, of size Laplace(0, mean|delta| + 1e-8), half at this step and half at the next; the trend's
deviation is added to the fitted trend together with N(0, sigma_obs). Linear trends deviate as if the steps were dt apart.
Logistic ones are drawn at the times themselves, with the history's changes moved to a grid of dt, and centred on their mean.

Two things differ here, neither in distribution: only the steps that have a change are visited (geometric gaps), and the noise
is not drawn: bounds are the quantiles of the mixture of normals around the drawn trends, which takes the noise's Monte-Carlo
error out.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.elementary import exponential, normal_pdf
from turbo_forecast.turbo_prophet.jit import kernel, reduction
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC
from turbo_forecast.turbo_prophet.xoshiro import seeded, uniform

Vector = NDArray[np.float64]
_EPSILON = 1e-8  # Prophet's, so that a history without rate changes still has a (tiny) scale
_FINEST_GRID = 2.0**52  # points before a time: with more of them a step is less than the time's own rounding


class Curve(NamedTuple):
    """A fitted trend on the scaled axis, with z(t) = b + k t + sum_j delta_j (t - t_change_j)+ (see `model.py`)."""

    growth: int  # Stan's trend_indicator
    t_change: Vector  # (S,)
    b: float
    k: float
    delta: Vector  # (S,)


class Draws(NamedTuple):
    """How futures are drawn, and what is asked of them."""

    samples: int
    seed: int
    step: float  # dt, the mean distance of the future times (of the history's if there is one alone)
    n_changepoints: int  # S; 0 if the history's one changepoint is a dummy, whose delta is a part of the rate
    shares: tuple[float, float]  # of the distribution below the lower and the upper bound
    normal: tuple[float, float]  # the same quantiles of N(0, 1)


@kernel
def _rate_changes(draws, n, chance, scale, out):
    """Fill out (n, samples) with rate changes: Bernoulli(chance) steps, Laplace(0, scale) each, half now and half a
    step later.

    A change's size is the inverse distribution function of Laplace at a uniform number, mirrored: copysign drops the sign of
    the logarithm. The distribution is symmetric.
    """
    out[:] = 0.0
    if chance <= 0.0:
        return
    state = seeded(draws.seed)
    log_stay = math.log1p(-chance) if chance < 1.0 else -math.inf
    for d in range(draws.samples):
        step = -1.0
        while True:
            step += 1.0
            if chance < 1.0:
                # not math.floor, which is an integer in a kernel: tiny chances overflow it
                step += np.floor(math.log(uniform(state)) / log_stay)
            if not step < n:
                break
            u = uniform(state) - 0.5
            half = -0.5 * scale * math.copysign(math.log(1.0 - 2.0 * abs(u)), u)
            i = int(step)
            out[i, d] += half
            if i + 1 < n:
                out[i + 1, d] += half


@kernel
def _next_on_grid(t, step):
    """The first multiple of step after t, as numpy's arange(0, 1 + step, step)[i] = i * step; t if step is lost beside it."""
    i = np.floor(t / step)
    if not i < _FINEST_GRID:
        return t
    while i * step > t and i > 0.0:
        i -= 1.0
    while i * step <= t:
        i += 1.0
    return i * step


@kernel
def _history_end(curve, step, at):
    """z and slope at time `at` as Prophet's logistic simulation sees the history: changes moved to a grid of `step`.

    Each change takes effect at the first grid point after it; of several at one grid point only the last counts.
    """
    t_change, delta = curve.t_change, curve.delta
    z = curve.b + curve.k * at
    slope = curve.k
    s = t_change.size
    for j in range(s):
        moved = _next_on_grid(t_change[j], step)
        if j + 1 < s and t_change[j + 1] < moved:
            continue
        z += delta[j] * (at - moved)
        slope += delta[j]
    return z, slope


@kernel
def _logistic_deviations(curve, t, cap, draws, out):
    """Rate changes in out (n, samples) become deviations of a logistic trend from the draws' mean. t, cap: (n,)."""
    samples = draws.samples
    start, rate = _history_end(curve, draws.step, t[0])
    z = np.full(samples, start)
    slope = np.full(samples, rate)
    for i in range(t.size):
        row = out[i]
        ahead = t[i] - t[i - 1] if i > 0 else 0.0
        c = cap[i]
        for d in range(samples):
            z[d] += slope[d] * ahead
            slope[d] += row[d]
            row[d] = c / (1.0 + exponential(-z[d]))
        mean = row.sum() / samples
        for d in range(samples):
            row[d] -= mean


@kernel
def _linear_deviations(draws, out):
    """Rate changes in out (n, samples) become deviations of a linear trend, whose times lie a step apart."""
    level = np.zeros(draws.samples)
    slope = np.zeros(draws.samples)
    for i in range(out.shape[0]):
        row = out[i]
        for d in range(draws.samples):
            slope[d] += row[d]
            level[d] += slope[d]
            row[d] = level[d] * draws.step


@kernel
def simulate(curve, t, cap, draws, out):
    """Fill out (n, samples) with draws of the trend's deviation at future times t (n,), t > 1, on the scaled axis.

    cap: (n,); used by logistic growth only.
    """
    n, delta = t.size, curve.delta
    if curve.growth == FLAT or n == 0:
        out[:] = 0.0
        return
    total = 0.0
    for j in range(delta.size):
        total += abs(delta[j])
    scale = total / delta.size if draws.n_changepoints > 0 else 0.0
    _rate_changes(draws, n, curve.t_change.size * draws.step, scale + _EPSILON, out)
    if curve.growth == LOGISTIC:
        _logistic_deviations(curve, t, cap, draws, out)
    else:
        _linear_deviations(draws, out)


@reduction
def _mixture(centres, q, inverse):
    """Distribution function and density (times sigma) at q of the equal mixture of N(centre, sigma); inverse: 1 / sigma.
    centres: (n,).

    Abramowitz and Stegun 26.2.17, error below 1e-7: one exponential gives both.
    """
    below = 0.0
    density = 0.0
    for d in range(centres.size):
        x = (q - centres[d]) * inverse
        height = normal_pdf(x)
        s = 1.0 / (1.0 + 0.2316419 * abs(x))
        tail = (
            height * s * (0.319381530 + s * (-0.356563782 + s * (1.781477937 + s * (-1.821255978 + s * 1.330274429))))
        )
        below += tail if x < 0.0 else 1.0 - tail
        density += height
    return below / centres.size, density / centres.size


@reduction
def _extremes(values):
    """The lowest and the highest of values (n,), n >= 1."""
    low = values[0]
    high = values[0]
    for d in range(values.size):
        low = min(low, values[d])
        high = max(high, values[d])
    return low, high


@kernel
def mixture_quantile(centres, sigma, p, z, guess):
    """q with mean_d Phi((q - centre_d) / sigma) = p; sigma = 0: the quantile of the centres (n,). z: Phi^-1(p).

    Newton from guess, kept in a bracket; at most 60 steps.
    """
    if not sigma > 0.0:
        return quantile(centres, p)
    low, high = _extremes(centres)
    low += z * sigma
    high += z * sigma
    if not high - low > 1e-6 * sigma:
        return 0.5 * (low + high)
    inverse = 1.0 / sigma
    q = min(max(guess, low), high)
    for _ in range(60):
        below, density = _mixture(centres, q, inverse)
        if below < p:
            low = q
        else:
            high = q
        move = (p - below) * sigma / density if density > 1e-12 else math.inf
        following = q + move
        if not (following >= low and following <= high):
            following = 0.5 * (low + high)
            if high - low < 1e-6 * sigma:
                return following
        elif abs(move) < 1e-3 * sigma:
            return following
        q = following
    return q


@kernel
def quantile(values, p):
    """The linearly interpolated quantile of values (n,), n >= 1 (numpy's default method)."""
    ordered = np.sort(values)
    position = p * (values.size - 1)
    low = int(position)
    high = min(low + 1, values.size - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])
