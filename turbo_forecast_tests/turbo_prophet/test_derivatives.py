"""Gradient and curvature of the objective, against finite differences and against J'J written out."""

import numpy as np
import pytest

from turbo_forecast.turbo_prophet.derivatives import derivatives
from turbo_forecast.turbo_prophet.model import make_work, objective, residual_sum
from turbo_forecast.turbo_prophet.problem import Problem
from turbo_forecast.turbo_prophet.solver import make_data
from turbo_forecast_tests.kernels import called

call_make_work = called(make_work)
call_residual_sum = called(residual_sum)
call_objective = called(objective)
call_derivatives = called(derivatives)

# Kernels that only other kernels call are not kept on disk: one test process compiles these (8 s), not each.
pytestmark = pytest.mark.xdist_group("derivatives")

LINEAR, LOGISTIC, FLAT = 0, 1, 2


def _problem(growth: int, mode: str, rows: int) -> Problem:
    rng = np.random.default_rng(growth)
    t, columns = np.linspace(0, 1, rows), 5
    share = {"additive": np.zeros(columns), "multiplicative": np.ones(columns), "both": np.arange(columns) % 2.0}[mode]
    return Problem(
        t=t,
        y=0.4 + 0.2 * t + rng.normal(0, 0.2, rows),
        cap=1.2 + 0.3 * np.sin(3 * t),
        t_change=np.linspace(0.1, 0.8, 6),
        X=rng.normal(size=(rows, columns)),
        sigmas=rng.uniform(0.5, 3, columns),
        tau=0.3,
        trend_indicator=growth,
        s_a=1 - share,
        s_m=share,
    )


@pytest.mark.parametrize("rows", [19, 60])
@pytest.mark.parametrize("mode", ["additive", "multiplicative", "both"])
@pytest.mark.parametrize("growth", [LINEAR, LOGISTIC, FLAT])
def test_gradient_and_curvature_are_those_of_the_objective(growth: int, mode: str, rows: int) -> None:
    problem = _problem(growth, mode, rows)
    data, work = make_data(problem), call_make_work(rows)
    rng = np.random.default_rng(7)
    p = 2 + problem.sigmas.size + problem.t_change.size
    theta = np.concatenate(([0.3, 0.6], 0.3 * rng.normal(size=p - 2)))
    bends = slice(2 + problem.sigmas.size, p)
    slope_of_bends = np.zeros(p)
    slope_of_bends[bends] = np.sign(theta[bends]) / problem.tau

    def value(at: np.ndarray) -> float:
        return float(call_objective(data, at, call_residual_sum(data, at, work)))

    def gradient(at: np.ndarray, curvature: np.ndarray | None = None) -> np.ndarray:
        g, q = np.zeros(p), np.zeros((p, p)) if curvature is None else curvature
        call_derivatives(data, at, work, call_residual_sum(data, at, work), True, q, g)
        return g + slope_of_bends

    steps = 1e-5 * np.eye(p)
    q = np.zeros((p, p))
    found = gradient(theta, q)
    np.testing.assert_allclose(found, [(value(theta + h) - value(theta - h)) / 2e-5 for h in steps], atol=1e-5)
    expected = np.array([(gradient(theta + h) - gradient(theta - h)) / 2e-5 for h in steps])
    np.testing.assert_allclose(np.triu(q), np.triu(expected), atol=1e-4 * np.abs(expected).max())


def _jacobian(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """(T, p) derivatives of the fitted values by b, k, beta, delta, by hand."""
    columns = problem.sigmas.size
    b, k, beta, delta = theta[0], theta[1], theta[2 : 2 + columns], theta[2 + columns :]
    hinges = np.maximum(problem.t[:, None] - problem.t_change, 0)
    z = b + k * problem.t + hinges @ delta
    trend, slope = z, np.ones_like(z)
    line = np.column_stack([np.ones_like(z), problem.t])
    if problem.trend_indicator == FLAT:
        trend, line, hinges = np.full_like(z, b), line * [1, 0], 0 * hinges
    if problem.trend_indicator == LOGISTIC:
        trend = problem.cap / (1 + np.exp(-z))
        slope = trend * (1 - trend / problem.cap)
    weight = (slope * (1 + problem.X @ (problem.s_m * beta)))[:, None]
    terms = problem.X * (problem.s_a + trend[:, None] * problem.s_m)
    return np.column_stack([weight * line, terms, weight * hinges])


@pytest.mark.parametrize("mode", ["additive", "multiplicative", "both"])
@pytest.mark.parametrize("growth", [LINEAR, LOGISTIC, FLAT])
def test_gauss_newtons_curvature_is_that_of_the_jacobian(growth: int, mode: str) -> None:
    problem = _problem(growth, mode, 43)
    data, work = make_data(problem), call_make_work(43)
    p = 2 + problem.sigmas.size + problem.t_change.size
    theta = np.concatenate(([0.3, 0.6], 0.3 * np.random.default_rng(8).normal(size=p - 2)))
    rss = call_residual_sum(data, theta, work)
    g, q = np.zeros(p), np.zeros((p, p))
    call_derivatives(data, theta, work, rss, False, q, g)
    of_prior = np.zeros((p, p))
    of_prior[:2, :2] = np.eye(2) / 25  # k, m ~ N(0, 5); b = m
    if growth == LOGISTIC:
        of_m = np.array([-1 / 0.6, 0.3 / 0.6**2])  # of m = -b / k
        of_prior[:2, :2] = np.diag([0, 1 / 25]) + np.outer(of_m, of_m) / 25
    of_prior[2:7, 2:7] = np.diag(1 / problem.sigmas**2)
    jacobian = _jacobian(problem, theta)
    variance = 2 * rss / (43 + np.sqrt(43**2 + 16 * rss))
    expected = jacobian.T @ jacobian / variance + of_prior
    np.testing.assert_allclose(np.triu(q), np.triu(expected), rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    assert np.linalg.eigvalsh(expected).min() > -1e-9 * np.abs(expected).max()
