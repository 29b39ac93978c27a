"""Probabilities from witnesses: logistic regression whose slopes are not negative, and a monotone curve on top of it.

Belongs here: the two fits, of any rows. Does not belong here: what a row is (`learning.py`).
"""

import numpy as np

from turbo_forecast.outlook.levels import Floats

KNOTS = np.linspace(-8.0, 8.0, 33)
"""Log-odds at which the curve is known; straight lines between, constant beyond."""
PRIOR_COUNT = 0.5
"""So many witnesses at each knot are on the earlier curve's side."""
FAR = 40.0
"""Log-odds beyond which nothing is left of the smaller probability in double precision."""
STEPS, SWEEPS, CLOSE = 30, 100, 1e-9
"""At most so many Newton steps, and sweeps within one; what has moved less than this has arrived."""


def log_odds(rows: Floats, happened: Floats, weights: Floats, prior: Floats, ridge: float) -> Floats:
    """(k,) coefficients of a logistic regression, the first one free, the others not negative.

    rows: (r, k), the first column 1. happened: (r,) 0 or 1. weights: (r,) how many witnesses a row counts as.
    prior: (k,) what the coefficients are without rows; not negative but for the first. ridge: pull towards it: twice the
    inverse variance of the coefficients around it.

    Minimises the weighted logarithmic loss plus ridge * |coefficients - prior|^2, by Newton steps whose quadratic model is
    minimised by coordinate descent within the bounds (Friedman, Hastie & Tibshirani 2010, doi:10.18637/jss.v033.i01), halved
    until they improve.
    """
    found, loss = prior.copy(), _loss(rows, happened, weights, prior, prior, ridge)
    for _ in range(STEPS):
        chance = sigmoid(rows @ found)
        slope = rows.T @ (weights * (chance - happened)) + 2 * ridge * (found - prior)
        curved = (rows.T * (weights * chance * (1 - chance))) @ rows + 2 * ridge * np.eye(found.size)
        step = _bounded_minimum(curved, slope, found) - found
        while np.abs(step).max() > CLOSE:
            new = _loss(rows, happened, weights, found + step, prior, ridge)
            if new <= loss:
                break
            step = step / 2
        else:
            break
        found, loss = found + step, new
    return found


def curve(index: Floats, happened: Floats, weights: Floats, prior: Floats) -> Floats:
    """(c,) probability at each of KNOTS, growing: what happened at such log-odds, held towards an earlier curve.

    index: (r,) log-odds the regression gave. happened, weights: (r,) as in `log_odds`. prior: (c,) growing. Each row counts for the two knots it
    lies between by nearness; then the pool-adjacent-violators algorithm (Ayer et al. 1955, doi:10.1214/aoms/1177728423).
    """
    width = KNOTS[1] - KNOTS[0]
    place = (np.clip(index, KNOTS[0], KNOTS[-1]) - KNOTS[0]) / width
    left = np.minimum(place.astype(np.int64), KNOTS.size - 2)
    share = place - left
    counts, hits = (
        np.bincount(left, each * (1 - share), KNOTS.size) + np.bincount(left + 1, each * share, KNOTS.size)
        for each in (weights, weights * happened)
    )
    heavy = np.asarray(counts + PRIOR_COUNT, dtype=np.float64)
    shares = np.asarray((hits + PRIOR_COUNT * prior) / heavy, dtype=np.float64)
    return isotonic(shares, heavy)


def isotonic(values: Floats, weights: Floats) -> Floats:
    """(k,) the growing sequence nearest to `values` in weighted squares."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        size = 1
        while blocks and blocks[-1][0] >= value:
            before, heavy, many = blocks.pop()
            value, weight, size = (before * heavy + value * weight) / (heavy + weight), heavy + weight, size + many
        blocks.append((value, weight, size))
    return np.repeat([value for value, *_ in blocks], [size for *_, size in blocks])


def sigmoid(index: Floats) -> Floats:
    """The logistic function, without overflow."""
    chance: Floats = 0.5 * (1.0 + np.tanh(0.5 * index))
    return chance


def _loss(rows: Floats, happened: Floats, weights: Floats, coefficients: Floats, prior: Floats, ridge: float) -> float:
    index = rows @ coefficients
    away = coefficients - prior
    grown = np.maximum(index, 0.0) + np.log1p(np.exp(-np.minimum(np.abs(index), FAR)))  # log(1 + exp(index))
    return float((weights * (grown - happened * index)).sum() + ridge * (away**2).sum())


def _bounded_minimum(curved: Floats, slope: Floats, start: Floats) -> Floats:
    """Where a quadratic model around `start` is least, all but the first coordinate not below 0."""
    found = start.copy()
    for _ in range(SWEEPS):
        before = found.copy()
        for k in range(found.size):
            rest = slope[k] + curved[k] @ (found - start)
            moved = found[k] - rest / curved[k, k]
            found[k] = moved if k == 0 else max(moved, 0.0)
        if np.abs(found - before).max() < CLOSE:
            break
    return found
