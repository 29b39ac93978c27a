"""Prophet's log posterior, written out in NumPy: slow, plain, and independent of the solver that maximises it.

Belongs here: the yardstick by which two solutions are compared, here, in tests and in benchmarks. Tests hold it to what Stan
prints. Does not belong here: anything fast, and any function that the solver uses, too.
"""

import numpy as np

from turbo_forecast.turbo_prophet.problem import Problem, Vector

LOGISTIC, FLAT = 1, 2


def log_posterior(problem: Problem, k: float, m: float, delta: Vector, sigma_obs: float, beta: Vector) -> float:
    """Stan's `lp__` at these parameters: k, m and sigma_obs as numbers, delta (S,), beta (K,), in scaled units.

    Source: the model block of Prophet's Stan program, constants dropped as its sampling statements drop them; the trend as
    `forecaster.piecewise_logistic` and `piecewise_linear` define it, with Prophet's own recursion for the offsets.
    """
    trend = _trend(problem, k, m, delta)
    fitted = trend * (1 + problem.X @ (beta * problem.s_m)) + problem.X @ (beta * problem.s_a)
    residuals = problem.y - fitted
    return float(
        -problem.t.size * np.log(sigma_obs)
        - residuals @ residuals / (2 * sigma_obs**2)
        - sigma_obs**2 / (2 * 0.5**2)
        - (k**2 + m**2) / (2 * 5**2)
        - np.abs(delta).sum() / problem.tau
        - (beta**2 / (2 * problem.sigmas**2)).sum()
    )


def _trend(problem: Problem, k: float, m: float, delta: Vector) -> Vector:
    """(T,) the scaled trend."""
    after = problem.t[:, None] >= problem.t_change[None, :]
    if problem.trend_indicator == FLAT:
        return np.full(problem.t.size, m)
    rate = k + after @ delta
    if problem.trend_indicator == LOGISTIC:
        offset = m + after @ _logistic_offsets(problem, k, m, delta)
        with np.errstate(over="ignore"):  # exp may overflow to infinity, which is the right limit
            return np.asarray(problem.cap / (1 + np.exp(-rate * (problem.t - offset))))
    return np.asarray(rate * problem.t + m - after @ (problem.t_change * delta))


def _logistic_offsets(problem: Problem, k: float, m: float, delta: Vector) -> Vector:
    """(S,) shifts of the offset that keep the trend continuous at each changepoint (Prophet's gamma)."""
    rates = k + np.concatenate(([0.0], np.cumsum(delta)))
    gamma = np.zeros(delta.size)
    for j, at in enumerate(problem.t_change):
        gamma[j] = (at - m - gamma[:j].sum()) * (1 - rates[j] / rates[j + 1])
    return gamma
