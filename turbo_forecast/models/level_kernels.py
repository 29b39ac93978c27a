"""The compiled loops of the entrants that carry a level forward (`recent_level.py`, `reverting_level.py`).

Every kernel stands in this one file: numba notices a change of a kernel's own file, not of what it calls elsewhere.
Does not belong here: what the numbers mean to a run (the entrants), and keeping machine code (`level_kernel_set.py`).
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.jit import entry, kernel

YEAR = 364
"""Whole weeks, so that a mean over it has every weekday as often, and a day is compared with its own weekday."""
ALPHAS = np.array([0.01, 0.02, 0.04, 0.08, 0.15, 0.3])
PHIS = np.array([1.0, 0.997, 0.993, 0.985, 0.97])
LEADS = np.array([10, 30, 50, 75, 100, 120])
FIRST_ORIGIN, FIRST_SEASONAL_ORIGIN, SEASONAL_SIZE = 60, YEAR + 60, YEAR + 200
ORIGIN_STEP, DISCOUNT, POWER = 5, 0.998, 40.0
EXACT = 1e-9
LOPSIDED = 90
MIN_ERRORS = 5


class Components(NamedTuple):
    """A series on each day of its calendar, and what a forecast is combined of. A alphas, G shares."""

    z: NDArray[np.float64]  # (size,), without its weekday profile; NaN: not observed
    level: NDArray[np.float64]  # (size, A), see `levels`
    mean: NDArray[np.float64]  # (size,), see `trailing_mean`
    anomaly: NDArray[np.float64]  # (size,), see `anomalies`; zeros where no season takes part
    gammas: NDArray[np.float64]  # (G,), shares of last year's anomaly that are tried


@kernel
def median(values):
    """Median of values (n,), n >= 1, which it sorts."""
    values.sort()
    half = values.size // 2
    return values[half] if values.size % 2 else 0.5 * (values[half - 1] + values[half])


@kernel
def weekday_profile(days, y, profile):
    """Into profile (7,): median of each weekday of (days, y) minus the median of all; 0 for a weekday not seen.

    Returns the median of all.
    """
    centre = median(y.copy())
    same = np.empty(y.size)
    for weekday in range(7):
        n = 0
        for i in range(y.size):
            if days[i] % 7 == weekday:
                same[n] = y[i]
                n += 1
        profile[weekday] = median(same[:n]) - centre if n else 0.0
    return centre


@kernel
def first_after(days, day):
    """Index of the first of days (n,) that is later than `day`; n if none is."""
    i = days.size
    while i > 0 and days[i - 1] > day:
        i -= 1
    return i


@kernel
def levels(z, out):
    """Into out (size, A): exponential smoothing of z (size,; NaN: missing, the level stays), one column an alpha.

    The gain is max(alpha, 1 / k) at the k-th value: a running mean until alpha takes over, so that no level hangs on
    how it was started.
    """
    current = np.zeros(ALPHAS.size)
    k = 0
    for i in range(z.size):
        if not np.isnan(z[i]):
            k += 1
            for a in range(ALPHAS.size):
                current[a] += max(ALPHAS[a], 1.0 / k) * (z[i] - current[a])
        for a in range(ALPHAS.size):
            out[i, a] = current[a]


@kernel
def moving_mean(z, before, after, out):
    """Into out (size,): mean of what was observed from `before` days before to `after` days after each day.

    NaN where nothing was.
    """
    total, n = 0.0, 0
    entering, leaving = 0, 0
    for i in range(z.size):
        while entering < min(z.size, i + after + 1):
            if not np.isnan(z[entering]):
                total += z[entering]
                n += 1
            entering += 1
        while leaving < i - before:
            if not np.isnan(z[leaving]):
                total -= z[leaving]
                n -= 1
            leaving += 1
        if n == 0:
            total = 0.0  # what rounding left must not stay for ever
        out[i] = total / n if n else math.nan


@kernel
def trailing_mean(z, out):
    """Into out (size,): mean of the last 364 days; where nothing was observed in them, the mean it last was.

    z[0] is never missing.
    """
    moving_mean(z, YEAR - 1, 0, out)
    for i in range(1, z.size):
        if np.isnan(out[i]):
            out[i] = out[i - 1]


@kernel
def anomalies(z, out):
    """Into out (size,): the 21-day centred mean minus the 365-day centred mean; 0 where there is none.

    There is none in the first 90 days, whose year is lopsided, and where nothing was observed in the 21 days.
    """
    year = np.empty(z.size)
    moving_mean(z, 10, 10, out)
    moving_mean(z, 182, 182, year)
    for i in range(z.size):
        out[i] = 0.0 if i < LOPSIDED or np.isnan(out[i]) else out[i] - year[i]


@kernel
def anomaly_at(anomaly, i):
    """The anomaly of calendar index i, 0 where the calendar has no such day."""
    return anomaly[i] if 0 <= i < anomaly.size else 0.0


@kernel
def cv_cost(components, first, cost):
    """Into cost (P, G, A): the discounted mean absolute error of each combination from rolling origins.

    No forecast here has seen its target: the anomaly at t - 364 ends at t - 182, before any origin of these leads.
    """
    z, level, mean, anomaly, gammas = components
    size = z.size
    cost[:] = 0.0
    total = 0.0
    kept_at = np.empty((LEADS.size, PHIS.size))  # powers are what would cost most below
    for j in range(LEADS.size):
        for p in range(PHIS.size):
            kept_at[j, p] = PHIS[p] ** LEADS[j]
    for origin in range(first, size - LEADS[0], ORIGIN_STEP):
        weight = DISCOUNT ** (size - 1 - origin)
        now = anomaly_at(anomaly, origin - YEAR)
        for j in range(LEADS.size):
            t = origin + LEADS[j]
            if t >= size or np.isnan(z[t]):
                continue
            total += weight
            then = anomaly_at(anomaly, t - YEAR)
            for p in range(PHIS.size):
                kept = kept_at[j, p]
                for g in range(gammas.size):
                    rest = z[t] - mean[origin] * (1.0 - kept) - gammas[g] * (then - kept * now)
                    for a in range(ALPHAS.size):
                        cost[p, g, a] += weight * abs(rest - kept * level[origin, a])
    if total > 0.0:
        cost /= total


@kernel
def shares(cost, out):
    """Into out (P, G, A): weights that sum to 1, (lowest / cost) ** 40; the exact ones alone where there are any."""
    lowest = cost.min()
    total = 0.0
    for p in range(cost.shape[0]):
        for g in range(cost.shape[1]):
            for a in range(cost.shape[2]):
                exact = 1.0 if cost[p, g, a] <= EXACT else 0.0
                out[p, g, a] = exact if lowest <= EXACT else (lowest / cost[p, g, a]) ** POWER
                total += out[p, g, a]
    out /= total


@kernel
def combined(share, components, origin, ahead, out):
    """Into out (h,): the weighted forecast for `ahead` (h,) days after the calendar's index `origin`."""
    _, level, mean, anomaly, gammas = components
    now = anomaly_at(anomaly, origin - YEAR)
    kept_at = np.empty((PHIS.size, ahead.size))
    for p in range(PHIS.size):
        for i in range(ahead.size):
            kept_at[p, i] = PHIS[p] ** ahead[i]
    out[:] = 0.0
    for p in range(PHIS.size):
        for g in range(gammas.size):
            total, levelled = 0.0, 0.0
            for a in range(ALPHAS.size):
                total += share[p, g, a]
                levelled += share[p, g, a] * level[origin, a]
            for i in range(ahead.size):
                kept = kept_at[p, i]
                season = gammas[g] * (anomaly_at(anomaly, origin + ahead[i] - YEAR) - kept * now)
                out[i] += total * (mean[origin] * (1.0 - kept) + season) + kept * levelled


@kernel
def sort_pairs(keys, weights, n):
    """Sort keys[:n] ascending and weights[:n] with them; ties keep their order."""
    order = np.argsort(keys[:n], kind="mergesort")
    ordered_keys, ordered_weights = keys[:n][order], weights[:n][order]
    for i in range(n):  # an assignment of slices would compile its message about shapes, too
        keys[i], weights[i] = ordered_keys[i], ordered_weights[i]


@kernel
def weighted_quantile(keys, weights, n, probability):
    """The smallest of the sorted keys[:n] at which the weights so far reach `probability` of their sum."""
    total = weights[:n].sum()
    reached = 0.0
    for i in range(n):
        reached += weights[i]
        if reached >= probability * total * (1.0 - 1e-12):
            return keys[i]
    return keys[n - 1]


@kernel
def spreads(components, first, best, tail, low, high):
    """Into low, high (leads,): quantiles tail and 1 - tail of the errors of one combination (p, g, a) at each lead.

    Fewer than five errors are no distribution: that lead takes the shorter lead's quantiles, and the first one those
    of the values around their mean.
    """
    z, level, mean, anomaly, gammas = components
    p, g, a = best
    errors, weights = np.empty(z.size), np.ones(z.size)
    n = 0
    for value in z:
        if not np.isnan(value):
            errors[n] = value
            n += 1
    errors[:n] -= errors[:n].mean()
    for j in range(LEADS.size):
        found = 0
        if j > 0 or z.size > first + LEADS[0] + MIN_ERRORS * ORIGIN_STEP:
            at_lead, at_weight = np.empty(z.size // ORIGIN_STEP + 1), np.empty(z.size // ORIGIN_STEP + 1)
            kept = PHIS[p] ** LEADS[j]
            for origin in range(first, z.size - LEADS[j], ORIGIN_STEP):
                t = origin + LEADS[j]
                if not np.isnan(z[t]):
                    season = anomaly_at(anomaly, t - YEAR) - kept * anomaly_at(anomaly, origin - YEAR)
                    forecast = mean[origin] * (1.0 - kept) + kept * level[origin, a] + gammas[g] * season
                    at_lead[found] = z[t] - forecast
                    at_weight[found] = DISCOUNT ** (z.size - 1 - origin)
                    found += 1
            if found >= MIN_ERRORS:
                errors, weights, n = at_lead, at_weight, found
        if found >= MIN_ERRORS or j == 0:
            sort_pairs(errors, weights, n)
        low[j] = min(weighted_quantile(errors, weights, n, tail), 0.0)
        high[j] = max(weighted_quantile(errors, weights, n, 1.0 - tail), 0.0)


@kernel
def between_leads(ahead, values):
    """values (leads,) at `ahead` days: linear between leads, constant outside them."""
    if ahead <= LEADS[0]:
        return values[0]
    for j in range(1, LEADS.size):
        if ahead <= LEADS[j]:
            part = (ahead - LEADS[j - 1]) / (LEADS[j] - LEADS[j - 1])
            return values[j - 1] + part * (values[j] - values[j - 1])
    return values[LEADS.size - 1]


@entry
def reverting(days, y, horizon, gammas, tail, yhat, lower, upper):
    """Into yhat, lower, upper (h,): the forecast of `horizon` (h,) from days, y (n,), n >= 1 (`reverting_level.py`)."""
    profile = np.empty(7)
    start = first_after(days, days[-1] - YEAR)
    weekday_profile(days[start:], y[start:], profile)
    profile -= profile.mean()
    size = days[-1] - days[0] + 1
    z = np.full(size, np.nan)
    for i in range(y.size):
        z[days[i] - days[0]] = y[i] - profile[days[i] % 7]
    level, mean, anomaly = np.empty((size, ALPHAS.size)), np.empty(size), np.zeros(size)
    levels(z, level)
    trailing_mean(z, mean)
    first = FIRST_ORIGIN
    if gammas.size > 1:
        anomalies(z, anomaly)
        if size > SEASONAL_SIZE:
            first = FIRST_SEASONAL_ORIGIN
    components = Components(z, level, mean, anomaly, gammas)
    cost = np.empty((PHIS.size, gammas.size, ALPHAS.size))
    share = np.empty(cost.shape)
    cv_cost(components, first, cost)
    shares(cost, share)
    ahead = horizon - days[-1]
    combined(share, components, size - 1, ahead, yhat)
    at = cost.argmin()
    best = (at // (gammas.size * ALPHAS.size), at // ALPHAS.size % gammas.size, at % ALPHAS.size)
    low, high = np.empty(LEADS.size), np.empty(LEADS.size)
    spreads(components, first, best, tail, low, high)
    for i in range(horizon.size):
        yhat[i] += profile[horizon[i] % 7]
        lower[i] = yhat[i] + between_leads(ahead[i], low)
        upper[i] = yhat[i] + between_leads(ahead[i], high)


@kernel
def level_change(days, y, end, span):
    """Mean square change from one span's median to the next one's, over the spans of the year up to `end`; else NaN."""
    medians = np.full(YEAR // span, np.nan)
    stop = y.size
    for block in range(medians.size):
        start = first_after(days[:stop], end - (block + 1) * span)
        if stop > start:
            medians[block] = median(y[start:stop].copy())
        stop = start
    total, n = 0.0, 0
    for block in range(1, medians.size):
        change = medians[block - 1] - medians[block]
        if not np.isnan(change):
            total += change * change
            n += 1
    return total / n if n else math.nan


@kernel
def quantile(values, probability):
    """NumPy's default quantile (linear) of sorted values (n,)."""
    at = probability * (values.size - 1)
    below = min(int(at), values.size - 2) if values.size > 1 else 0
    above = min(below + 1, values.size - 1)
    return values[below] + (at - below) * (values[above] - values[below])


@entry
def recent(days, y, horizon, span, interval, yhat, lower, upper):
    """Into yhat, lower, upper (h,): the forecast of `horizon` (h,) from days, y (n,), n >= 1 (`recent_level.py`).

    interval: the share of the distribution beyond either bound, and the standard normal's quantile there, without its sign.
    """
    tail, z = interval
    end = horizon[0] - 1
    start = first_after(days, end - span)
    profile = np.zeros(7)
    if start == y.size:
        end = days[-1]
        start = first_after(days, end - span)
        centre = y[-1]
    else:
        centre = weekday_profile(days[start:], y[start:], profile)
    deviations = y[start:] - centre
    n, seen = deviations.size, np.zeros(7)
    for i in range(n):
        seen[days[start + i] % 7] = 1.0
    free = n - int(seen.sum())
    if free > 0:
        for i in range(n):
            deviations[i] = (deviations[i] - profile[days[start + i] % 7]) * math.sqrt(n / free)
    change = level_change(days, y, end, span)
    if np.isnan(change):
        change = (deviations * deviations).sum() / n
    deviations.sort()
    low, high = min(quantile(deviations, tail), 0.0), max(quantile(deviations, 1.0 - tail), 0.0)
    for i in range(horizon.size):
        drift = z * z * change * (horizon[i] - end) / span
        yhat[i] = centre + profile[horizon[i] % 7]
        lower[i] = yhat[i] - math.sqrt(low * low + drift)
        upper[i] = yhat[i] + math.sqrt(high * high + drift)


def compile_kernels() -> None:
    """Compile every kernel for the types the entrants pass, or load it from where it is kept."""
    days, y, horizon = np.arange(80), np.arange(80.0), np.arange(80, 82)
    out = np.empty(horizon.size), np.empty(horizon.size), np.empty(horizon.size)
    reverting(days, y, horizon, np.zeros(1), 0.1, *out)
    recent(days, y, horizon, 28, (0.1, 1.0), *out)
