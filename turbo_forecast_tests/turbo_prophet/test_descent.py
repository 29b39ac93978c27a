"""One search: what it goes on from when a step is refused, and the numbers by which it says how it ended."""

import math

import numpy as np
import pytest

from turbo_forecast.turbo_prophet import descent
from turbo_forecast.turbo_prophet.descent import State, _advance
from turbo_forecast.turbo_prophet.model import make_work, objective, residual_sum
from turbo_forecast.turbo_prophet.problem import Problem, Status
from turbo_forecast.turbo_prophet.proximal_step import make_qp_work
from turbo_forecast.turbo_prophet.solver import make_data
from turbo_forecast_tests.kernels import called
from turbo_forecast_tests.turbo_prophet.test_derivatives import pytestmark  # noqa: F401  (the same kernels)

call_advance = called(_advance)
call_make_qp_work = called(make_qp_work)
call_make_work = called(make_work)
call_objective = called(objective)
call_residual_sum = called(residual_sum)


@pytest.mark.slow  # it compiles a step by itself
def test_after_a_refused_step_derivatives_are_taken_at_theta() -> None:
    """A program made up so that its first step leads far uphill, and a little damping makes its second one unsolvable."""
    rng = np.random.default_rng(3)
    t, x = np.linspace(0, 1, 40), rng.normal(size=(40, 1))
    y = 0.5 + 0.3 * t + rng.normal(0, 0.1, 40)
    changes = np.array([0.3, 0.6])
    ones, zeros = np.ones(1), np.zeros(1)
    data = make_data(Problem(t, y, np.ones(40), changes, x, ones, 1.0, 0, ones, zeros))
    theta = np.array([0.4, 0.5, 0.1, 0.0, 0.0])
    work, qp = call_make_work(40), call_make_qp_work(5, 2)
    rss = call_residual_sum(data, theta, work)
    value = call_objective(data, theta, rss)
    # By hand, with tau = 1: at a damping of 0.01 the first delta goes to 100 / 1.01, which brings the second one's gradient to
    # -99 + 99.01, within the bound. At 0.08 it goes to 92.6 only; the second delta must move, and its curvature is negative.
    qp.Q[:] = np.diag([1.0, 1.0, 1.0, 1.0, -1.0])
    qp.Q[3, 4] = 1.0
    qp.g[:] = [0.0, 0.0, 0.0, -101.0, -99.0]
    qp.diagonal[:] = 1.0
    before = theta.copy()
    ended, state = call_advance(data, theta, State(value, rss, 0.01, True, math.inf, 0, 1), 1.0, 1e-9, work, qp)
    assert ended == 0
    assert state.evaluations >= 3  # theta's, the refused step's, the accepted one's
    assert state.value < value
    jacobian = np.column_stack([np.ones(40), t, x, np.maximum(t[:, None] - changes, 0)])
    residual = y - jacobian @ before
    rss = residual @ residual
    v = 2 * rss / (40 + math.sqrt(40**2 + 16 * rss))
    precision = np.array([1 / 25, 1 / 25, 1, 0, 0])
    np.testing.assert_allclose(qp.g, -jacobian.T @ residual / v + precision * before, rtol=1e-9)
    np.testing.assert_allclose(
        np.triu(qp.Q), np.triu(jacobian.T @ jacobian / v + np.diag(precision)), rtol=1e-9, atol=1e-9
    )


def test_a_search_ends_with_the_numbers_of_status() -> None:
    assert {status.name: getattr(descent, status.name) for status in Status} == {s.name: s.value for s in Status}
