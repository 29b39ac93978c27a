"""The level of a series, the mean of seven days, and the highest level up to a day.

Belongs here: sums and maxima over rows of days in which any may be missing. Does not belong here: what follows from them.
"""

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.schemas.outlook import LEVEL_DAYS, LEVEL_OBSERVED

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

DECIMALS = 9
"""Of a mean, percent: seven days at 90 are at the threshold of 90, whatever rounding errors the days before them have left."""


def seven_day_means(values: Floats) -> Floats:
    """(n, t) the mean of the seven days that end with each day, of n series; NaN where fewer than four are observed.

    values: (n, t) daily values, NaN where nothing was observed. Days before the first count as missing.
    """
    return trailing_means(values, LEVEL_DAYS, LEVEL_OBSERVED)


def trailing_means(values: Floats, days: int, observed: int) -> Floats:
    """(n, t) the mean of so many days that end with each day; NaN where fewer than `observed` of them have a value."""
    is_observed = ~np.isnan(values)
    sums, counts = (
        _trailing_sums(np.where(is_observed, values, 0.0), days),
        _trailing_sums(is_observed.astype(np.float64), days),
    )
    means: Floats = np.divide(sums, counts, out=np.full(values.shape, np.nan), where=counts >= observed)
    return np.round(means, DECIMALS, out=means)


def levels_after(before: Floats, after: Floats) -> Floats:
    """(n, h) the 7-day mean on each of h days after an origin; those of the first six days mix in days before it.

    before: (n, b) values of the days up to the origin, of which the last six are used. after: (n, h) the days after it.
    """
    near = before[:, max(before.shape[1] - (LEVEL_DAYS - 1), 0) :]
    means = seven_day_means(np.concatenate([near, after], axis=1))
    return means[:, near.shape[1] :]


def highest_so_far(levels: Floats) -> Floats:
    """(n, t) the highest level up to and with each day; NaN until there is one."""
    highest: Floats = np.fmax.accumulate(levels, axis=1)
    return highest


def is_evaluable(levels: Floats) -> Flags:
    """(n, t) whether the level was known on half of the days up to and with each: with fewer, it may have been high unseen."""
    known = np.cumsum(~np.isnan(levels), axis=1)
    enough: Flags = 2 * known >= np.arange(1, levels.shape[1] + 1)
    return enough


def first_day_reached(highest: Floats, thresholds: Floats) -> Integers:
    """(n, k) the first day, from 1, on which the highest level is at or above each threshold; 0 where it never is.

    highest: (n, t) as `highest_so_far` gives it. thresholds: (n, k), each series' own.
    """
    reached = highest[:, None, :] >= thresholds[:, :, None]
    first: Integers = np.where(reached.any(axis=2), reached.argmax(axis=2) + 1, 0).astype(np.int64)
    return first


def _trailing_sums(values: Floats, days: int) -> Floats:
    sums = np.cumsum(values, axis=1)
    sums[:, days:] -= sums[:, :-days].copy()
    return sums
