"""Prophet's log posterior of a model's parameters, as Prophet keeps both: the reference that optima are judged by.

Belongs here: the way from Prophet's arrays to the package's plain posterior, which shares nothing with the solver and is held to
Stan's lp__ by tests. Does not belong here: a second formula.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from turbo_forecast.turbo_prophet import reference_posterior
from turbo_forecast.turbo_prophet.problem import Problem


def log_posterior(data: Mapping[str, Any], params: Mapping[str, Any]) -> float:
    """lp__ of a model's params (numbers, or arrays of one row, as Prophet keeps them) under its Stan data."""
    k, m, sigma = (float(np.ravel(params[name])[0]) for name in ("k", "m", "sigma_obs"))
    delta, beta = (np.asarray(np.ravel(params[name]), dtype=np.float64) for name in ("delta", "beta"))
    return reference_posterior.log_posterior(Problem.from_stan_data(dict(data)), k, m, delta, sigma, beta)
