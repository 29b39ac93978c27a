"""Statements about thresholds: probabilities by day, the dates they give, states and growth.

Belongs here: the fitted model, applied to series. Does not belong here: how it is fitted (`learning.py`).
"""

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.outlook.learning import BELOW, OVER, OutlookModel
from turbo_forecast.outlook.levels import Floats, Integers
from turbo_forecast.outlook.regression import KNOTS
from turbo_forecast.outlook.signals import GRID, Signals
from turbo_forecast.types import State

EARLY, LIKELY, LATE = 0.1, 0.5, 0.9
"""Probabilities whose first days are stated."""
STATES = tuple(state.value for state in State)


def probabilities(
    model: OutlookModel,
    resource: Integers,
    signals: Signals,
    highest: Floats,
    thresholds: Floats,
    shift: Floats | None = None,
    spread: Floats | None = None,
) -> Floats:
    """(n, t, h) that the 7-day mean reaches each threshold on one of the first 1, 2, … h days after the origin.

    resource: (n,) rows of the model, as `model.rows_of` gives them. highest: (n, h) the published forecast's highest 7-day mean up to
    each day, NaN while too few days are known. thresholds: (n, t) percent, each series' own.
    shift: (n, h) what planned changes add to `highest`, percentage points: the other predictors move by as much.
    spread: (n,) what they multiply the scale by.

    Grows with the days and falls with the threshold. A 7-day mean of the first six days mixes in days before the origin, so a
    series that is over the threshold already is nearly sure to be so after it.
    """
    days = np.arange(1, highest.shape[1] + 1)
    terms = _by_day(model.coefficients, days)[resource]  # (n, h, k)
    predictors = _predictors(signals, highest, shift)
    scale = (signals.scale if spread is None else signals.scale * spread)[:, None]
    per_point = terms[:, :, 1:].sum(axis=2) / scale
    offset = terms[:, :, 0] + (terms[:, :, 1:] * predictors).sum(axis=2) / scale
    log_odds = np.nan_to_num(offset[:, None, :] - per_point[:, None, :] * thresholds[:, :, None], nan=-np.inf)
    over = signals.level[:, None] >= thresholds
    chances = np.empty(log_odds.shape)
    for row in np.unique(resource).tolist():
        for state in (BELOW, OVER):
            own = (resource == row)[:, None] & (over == bool(state))
            chances[own] = np.interp(log_odds[own], KNOTS, model.curves[row, state])
    grown: Floats = np.maximum.accumulate(chances, axis=2)
    return grown


def first_days(chances: Floats) -> Integers:
    """(n, t, 3) the first day, from 1, by which the probability is EARLY, LIKELY, LATE; 0 where it never is.

    chances: (n, t, h) as `probabilities` gives them.
    """
    days = np.stack([(chances < probability).sum(axis=2) + 1 for probability in (EARLY, LIKELY, LATE)], axis=2)
    first: Integers = np.where(days > chances.shape[2], 0, days).astype(np.int64)
    return first


def states(level: Floats, thresholds: Floats, chances: Floats) -> NDArray[np.str_]:
    """(n, t) one of STATES but `unusable`. level: (n,) NaN where unknown. chances: (n, t) by the forecast's last day."""
    over = level[:, None] >= thresholds
    named: NDArray[np.str_] = np.select([over, chances >= LIKELY, chances >= EARLY], STATES[:3], STATES[3])
    return named


def growth(levels: Floats) -> Floats:
    """(n,) least-squares slope of the forecast's 7-day mean, percentage points per 30 days. levels: (n, h), NaN left out."""
    is_known = ~np.isnan(levels)
    count = np.maximum(is_known.sum(axis=1, keepdims=True), 1)
    days = np.where(is_known, np.arange(levels.shape[1], dtype=np.float64), 0.0)
    centred = np.where(is_known, days - days.sum(axis=1, keepdims=True) / count, 0.0)
    squares = (centred**2).sum(axis=1)
    products = (centred * np.where(is_known, levels, 0.0)).sum(axis=1)
    slope: Floats = 30.0 * np.divide(products, squares, out=np.zeros(len(levels)), where=squares > 0)
    return slope


def _by_day(coefficients: Floats, days: Integers) -> Floats:
    """(m, h, k) coefficients of each day: straight lines between GRID's days, in the logarithm of the days."""
    right = np.clip(np.searchsorted(GRID, days), 1, GRID.size - 1)
    low, high = np.log(GRID[right - 1]), np.log(GRID[right])
    share = np.clip((np.log(days) - low) / (high - low), 0.0, 1.0)[None, :, None]
    interpolated: Floats = coefficients[:, right - 1] * (1 - share) + coefficients[:, right] * share
    return interpolated


def _predictors(signals: Signals, highest: Floats, shift: Floats | None) -> Floats:
    """(n, h, w) the predictors of each day: the forecast's own days, the others' straight lines between grid days."""
    days = np.arange(1, highest.shape[1] + 1)
    known = max(int((~np.isnan(signals.peaks)).any(axis=(0, 1)).sum()), 1)
    grid = GRID[:known].astype(np.float64)
    right = np.minimum(np.searchsorted(grid, days), known - 1)
    left = np.maximum(right - 1, 0)
    share = np.clip((days - grid[left]) / np.maximum(grid[right] - grid[left], 1.0), 0.0, 1.0)
    others = signals.peaks[:, 1:, left] * (1 - share) + signals.peaks[:, 1:, right] * share
    moved = others if shift is None else others + np.nan_to_num(shift)[:, None, :]
    together: Floats = np.concatenate([highest[:, None, :], moved], axis=1).transpose(0, 2, 1)
    return together
