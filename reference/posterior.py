"""Prophet's log posterior, written down a second time from its Stan program: the reference that optima are judged by.

Plain numpy, no part of the package is used. Constants are dropped as Stan drops them, so that the value is its lp__.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np


def trend(data: Mapping[str, Any], k: float, m: float, delta: np.ndarray) -> np.ndarray:
    """Stan's trend (T,): the logistic offsets by its own recursion, not by their closed form."""
    t, changes = np.asarray(data["t"], float), np.asarray(data["t_change"], float)
    if data["trend_indicator"] == 2:
        return np.full(t.size, m)
    active = (t[:, None] >= changes).astype(float)
    if data["trend_indicator"] == 0:
        return (k + active @ delta) * t + m + active @ (-changes * delta)
    rates = np.concatenate([[k], k + np.cumsum(delta)])
    offset, gamma = m, np.zeros(changes.size)
    for i in range(changes.size):
        gamma[i] = (changes[i] - offset) * (1 - rates[i] / rates[i + 1])
        offset += gamma[i]
    with np.errstate(over="ignore"):
        return np.asarray(data["cap"], float) / (1 + np.exp(-(k + active @ delta) * (t - m - active @ gamma)))


def log_posterior(data: Mapping[str, Any], params: Mapping[str, Any]) -> float:
    """lp__ of a model's params (arrays of one row, as Prophet keeps them) under its Stan data."""
    k, m, sigma = (float(np.ravel(params[name])[0]) for name in ("k", "m", "sigma_obs"))
    delta, beta = np.ravel(params["delta"]), np.ravel(params["beta"])
    x, s_a, s_m = np.asarray(data["X"], float), np.asarray(data["s_a"], float), np.asarray(data["s_m"], float)
    yhat = trend(data, k, m, delta) * (1 + x @ (s_m * beta)) + x @ (s_a * beta)
    squares = float(np.sum((np.asarray(data["y"], float) - yhat) ** 2))
    likelihood = -len(yhat) * np.log(sigma) - squares / (2 * sigma**2)
    priors = -(k**2 + m**2) / 50 - 2 * sigma**2 - np.abs(delta).sum() / data["tau"]
    return float(likelihood + priors - np.sum((beta / np.asarray(data["sigmas"], float)) ** 2) / 2)
