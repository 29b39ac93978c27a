"""Probabilities from predictors: logistic regression whose slopes are not negative, and a monotone curve on top of it.

Belongs here: the two fits, of any rows. Does not belong here: what a row is (`learning.py`).
"""

import numpy as np

from turbo_forecast.outlook.levels import Floats

KNOTS = np.linspace(-8.0, 8.0, 33)
"""Log-odds at which the calibration curve is known; straight lines between, constant beyond."""
PRIOR_COUNT = 0.5
"""Observations that the earlier curve counts as at each knot."""
MAX_LOG_ODDS = 40.0
"""Log-odds beyond which nothing is left of the smaller probability in double precision."""
MAX_STEPS, MAX_SWEEPS, TOLERANCE = 30, 100, 1e-9
"""At most so many Newton steps, and sweeps within one; a smaller step has converged."""


def logistic_regression(rows: Floats, happened: Floats, weights: Floats, prior: Floats, ridge: float) -> Floats:
    """(k,) coefficients of a logistic regression, the first one free, the others not negative.

    rows: (r, k), the first column 1. happened: (r,) 0 or 1. weights: (r,) how many observations a row counts as.
    prior: (k,) what the coefficients are without rows; not negative but for the first. ridge: pull towards it: twice the
    inverse variance of the coefficients around it.

    Minimises the weighted logarithmic loss plus ridge * |coefficients - prior|^2, by Newton steps whose quadratic model is
    minimised by coordinate descent within the bounds (Friedman, Hastie & Tibshirani 2010, doi:10.18637/jss.v033.i01), halved
    until they improve.
    """
    coefficients, loss = prior.copy(), _loss(rows, happened, weights, prior, prior, ridge)
    for _ in range(MAX_STEPS):
        probability = sigmoid(rows @ coefficients)
        gradient = rows.T @ (weights * (probability - happened)) + 2 * ridge * (coefficients - prior)
        hessian = (rows.T * (weights * probability * (1 - probability))) @ rows + 2 * ridge * np.eye(coefficients.size)
        step = _bounded_minimum(hessian, gradient, coefficients) - coefficients
        while np.abs(step).max() > TOLERANCE:
            new = _loss(rows, happened, weights, coefficients + step, prior, ridge)
            if new <= loss:
                break
            step = step / 2
        else:
            break
        coefficients, loss = coefficients + step, new
    return coefficients


def calibration_curve(log_odds: Floats, happened: Floats, weights: Floats, prior: Floats) -> Floats:
    """(c,) probability at each of KNOTS, growing: what happened at such log-odds, held towards an earlier curve.

    log_odds: (r,) what the regression gave. happened, weights: (r,) as in `logistic_regression`. prior: (c,) growing.

    Each row counts for the two knots it lies between, by nearness; then the pool-adjacent-violators algorithm (Ayer et al. 1955,
    doi:10.1214/aoms/1177728423).
    """
    width = KNOTS[1] - KNOTS[0]
    position = (np.clip(log_odds, KNOTS[0], KNOTS[-1]) - KNOTS[0]) / width
    left = np.minimum(position.astype(np.int64), KNOTS.size - 2)
    share = position - left
    counts, events = (
        np.bincount(left, each * (1 - share), KNOTS.size) + np.bincount(left + 1, each * share, KNOTS.size)
        for each in (weights, weights * happened)
    )
    total = np.asarray(counts + PRIOR_COUNT, dtype=np.float64)
    rates = np.asarray((events + PRIOR_COUNT * prior) / total, dtype=np.float64)
    return isotonic(rates, total)


def isotonic(values: Floats, weights: Floats) -> Floats:
    """(k,) the growing sequence nearest to `values` in weighted squares."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        size = 1
        while blocks and blocks[-1][0] >= value:
            before, total, many = blocks.pop()
            value, weight, size = (before * total + value * weight) / (total + weight), total + weight, size + many
        blocks.append((value, weight, size))
    return np.repeat([value for value, *_ in blocks], [size for *_, size in blocks])


def sigmoid(log_odds: Floats) -> Floats:
    """The logistic function, without overflow."""
    probability: Floats = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return probability


def _loss(rows: Floats, happened: Floats, weights: Floats, coefficients: Floats, prior: Floats, ridge: float) -> float:
    log_odds = rows @ coefficients
    away = coefficients - prior
    # softplus is log(1 + exp(log_odds))
    softplus = np.maximum(log_odds, 0.0) + np.log1p(np.exp(-np.minimum(np.abs(log_odds), MAX_LOG_ODDS)))
    return float((weights * (softplus - happened * log_odds)).sum() + ridge * (away**2).sum())


def _bounded_minimum(hessian: Floats, gradient: Floats, start: Floats) -> Floats:
    """Where a quadratic model around `start` is least, all but the first coordinate not below 0."""
    minimum = start.copy()
    for _ in range(MAX_SWEEPS):
        before = minimum.copy()
        for k in range(minimum.size):
            rest = gradient[k] + hessian[k] @ (minimum - start)
            moved = minimum[k] - rest / hessian[k, k]
            minimum[k] = moved if k == 0 else max(moved, 0.0)
        if np.abs(minimum - before).max() < TOLERANCE:
            break
    return minimum
