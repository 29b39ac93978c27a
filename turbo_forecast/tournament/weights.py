"""How much of each entrant the weighted combination takes, per series.

Belongs here: weights from errors of earlier windows. Does not belong here: the combination itself (`tournament/combination.py`),
and how errors become evidence (`shrunken_errors.py`).
"""

import numpy as np

from turbo_forecast.tournament.shrunken_errors import Flags, Floats, Integers, complete, shrinkage_estimate

SHARPNESS = 8.0
"""Weights fall by this power of the expected error (benchmarks/TOURNAMENT.md compares half and twice of it)."""


def combination_weights(errors: Floats, groups: Integers, fallback: int, present: Flags) -> Floats:
    """(n, m) weights in [0, 1]: softmax(-8 x expected log error); each row with anybody present sums to 1.

    errors: (n, m, k) mean absolute errors of n series, m entrants, k earlier windows, as `evidence.shrinkage_estimate` takes
        them. groups: (n,) the series' resource. fallback: index of the entrant that is always there.
    present: (n, m) whether the entrant has a forecast to be weighted; with k = 0 the errors do not show it.

    0 for an entrant without a forecast, or that missed a window of the series. Equal weights with k = 0.
    Measured on 10 cutoffs of real series, and on the demo fleet (mean MASE, benchmarks/TOURNAMENT.md): their weighted
    median 1.461 and 0.869, their weighted average 1.469 and 0.873; stacking by least absolute error, one set for the
    fleet, 1.465 and 0.939; the entrant the folds find best 1.482 and 1.013; per-series inverse squared errors 1.493 and
    0.921; equal weights 1.513 and 1.083; each series' winner of the folds 1.560 and 0.899.
    Exponential weights: Yang (2004), doi:10.1017/S0266466604201086.
    """
    whole = present & complete(errors, fallback)
    chosen: Flags = np.where(whole.any(axis=1, keepdims=True), whole, present)
    loss = SHARPNESS * shrinkage_estimate(errors, groups, fallback).mean
    least = np.min(loss, axis=1, where=chosen, initial=np.inf, keepdims=True)
    powers: Floats = np.where(chosen, np.exp(np.where(chosen, np.where(chosen, least, 0.0) - loss, 0.0)), 0.0)
    total = powers.sum(axis=1, keepdims=True)
    weights: Floats = np.divide(powers, total, out=np.zeros_like(powers), where=total > 0)
    return weights
