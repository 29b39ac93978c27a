"""How far the future may lie from the forecast, drawn as Prophet draws it.

Belongs here: simulated rate changes, quantiles. Does not belong here: the forecast's centre.

Prophet 1.5 (vectorised): at each future step a rate change with probability S dt, of size Laplace(0, mean|delta| +
1e-8), half at
this step and half at the next; the trend's deviation is added to the fitted trend together with N(0, sigma). Two
things differ here,
neither in distribution: only the steps that have a change are visited (geometric gaps), and the noise is not drawn:
bounds are the
quantiles of the mixture of normals around the drawn trends, which takes the noise's Monte-Carlo error out.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math

import numpy as np

from turbo_forecast.turbo_prophet.elementary import bell, exponential
from turbo_forecast.turbo_prophet.jit import kernel, reduction
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC
from turbo_forecast.turbo_prophet.xoshiro import seeded, uniform

_EPSILON = 1e-8  # Prophet's, so that a history without rate changes still has a (tiny) scale


@kernel
def rate_changes(seed, samples, n, chance, size, out):
    """Fill out (n, samples) with rate changes: Bernoulli(chance) steps, Laplace(0, size) each, half now and half a
    step later."""
    out[:] = 0.0
    if chance <= 0.0:
        return
    state = seeded(seed)
    log_stay = math.log1p(-chance) if chance < 1.0 else -math.inf
    for d in range(samples):
        step = -1.0
        while True:
            step += 1.0
            if chance < 1.0:
                step += math.floor(math.log(uniform(state)) / log_stay)
            if not step < n:
                break
            u = uniform(state) - 0.5
            half = -0.5 * size * math.copysign(math.log(1.0 - 2.0 * abs(u)), u)
            i = int(step)
            out[i, d] += half
            if i + 1 < n:
                out[i + 1, d] += half


@kernel
def _history_end(changes, delta, b, k, step, at):
    """z and slope at time `at` as Prophet's logistic simulation sees the history: changes moved to a grid of `step`.

    Each change takes effect at the first grid point after it; of several at one grid point only the last counts.
    """
    z = b + k * at
    slope = k
    s = changes.size
    for j in range(s):
        grid = math.floor(changes[j] / step)
        # numpy's arange(0, 1 + step, step)[i] is i * step
        while grid * step > changes[j] and grid > 0:
            grid -= 1
        while grid * step <= changes[j]:
            grid += 1
        if j + 1 < s and changes[j + 1] < grid * step:
            continue
        z += delta[j] * (at - grid * step)
        slope += delta[j]
    return z, slope


@kernel
def simulate(growth, t, cap, changes, delta, b, k, step, samples, seed, out):
    """Fill out (n, samples) with draws of the trend's deviation at future times t (n,), t > 1, on the scaled axis.

    cap: (n,). step: mean distance of the future times (of the history's if there is one alone).
    """
    n = t.size
    if growth == FLAT or n == 0:
        out[:] = 0.0
        return
    total = 0.0
    for j in range(delta.size):
        total += abs(delta[j])
    rate_changes(seed, samples, n, changes.size * step, total / delta.size + _EPSILON, out)
    if growth == LOGISTIC:
        start, rate = _history_end(changes, delta, b, k, step, t[0])
        level = np.full(samples, start)
        slope = np.full(samples, rate)
        for i in range(n):
            row = out[i]
            ahead = t[i] - t[i - 1] if i > 0 else 0.0
            c = cap[i]
            for d in range(samples):
                level[d] += slope[d] * ahead
                slope[d] += row[d]
                row[d] = c / (1.0 + exponential(-level[d]))
            mean = row.sum() / samples
            for d in range(samples):
                row[d] -= mean
        return
    level = np.zeros(samples)
    slope = np.zeros(samples)
    for i in range(n):
        row = out[i]
        for d in range(samples):
            slope[d] += row[d]
            level[d] += slope[d]
            row[d] = level[d] * step


@reduction
def _mixture(centres, q, inverse):
    """Distribution function and density (times sigma) at q of the equal mixture of N(centre, sigma), inverse = 1 /
    sigma.

    Abramowitz and Stegun 26.2.17, error below 1e-7: one exponential gives both.
    """
    below = 0.0
    density = 0.0
    for d in range(centres.size):
        x = (q - centres[d]) * inverse
        height = bell(x)
        s = 1.0 / (1.0 + 0.2316419 * abs(x))
        tail = (
            height * s * (0.319381530 + s * (-0.356563782 + s * (1.781477937 + s * (-1.821255978 + s * 1.330274429))))
        )
        below += tail if x < 0.0 else 1.0 - tail
        density += height
    return below / centres.size, density / centres.size


@reduction
def _extremes(values):
    low = values[0]
    high = values[0]
    for d in range(values.size):
        low = min(low, values[d])
        high = max(high, values[d])
    return low, high


@kernel
def mixture_quantile(centres, sigma, p, z, guess):
    """q with mean_d Phi((q - centre_d) / sigma) = p. z: Phi^-1(p). Newton from guess, kept in a bracket; at most 60
    steps."""
    low, high = _extremes(centres)
    low += z * sigma
    high += z * sigma
    if not sigma > 0.0 or not high - low > 1e-6 * sigma:
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
    """The linearly interpolated quantile of values (numpy's default method)."""
    ordered = np.sort(values)
    position = p * (values.size - 1)
    low = int(position)
    high = min(low + 1, values.size - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])
