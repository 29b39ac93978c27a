"""The two fits against SciPy's optimiser and its isotonic regression, and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit

from turbo_forecast.outlook.regression import KNOTS, calibration_curve, isotonic, logistic_regression, sigmoid


def observations(seed: int, slopes: list[float], rows: int = 400):
    rng = np.random.default_rng(seed)
    terms = np.column_stack([np.ones(rows), rng.standard_normal((rows, len(slopes) - 1))])
    happened = (rng.random(rows) < expit(terms @ slopes)).astype(float)
    return terms, happened, rng.uniform(0.2, 2.0, rows)


@pytest.mark.parametrize("slopes", [[0.3, 1.0, 0.5], [-2.0, 2.0, -0.7], [0.0, -1.0, -1.0]])
def test_the_coefficients_are_those_of_a_general_optimiser_within_the_bounds(slopes):
    terms, happened, weights = observations(1, slopes)
    prior, ridge = np.array([0.2, 0.5, 0.1]), 0.7

    def loss(b):
        index = terms @ b
        return weights @ (np.logaddexp(0, index) - happened * index) + ridge * ((b - prior) ** 2).sum()

    bounds = [(None, None), (0, None), (0, None)]
    reference = minimize(loss, prior, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-10})
    np.testing.assert_allclose(logistic_regression(terms, happened, weights, prior, ridge), reference.x, atol=2e-5)


def test_where_everything_or_nothing_happened_the_prior_keeps_coefficients_finite():
    terms, _, weights = observations(2, [0.0, 1.0])
    never = logistic_regression(terms, np.zeros(len(terms)), weights, np.array([0.0, 1.0]), 0.5)
    assert np.isfinite(never).all()
    assert expit(never[0]) < 0.02


def test_without_any_question_the_coefficients_are_the_prior():
    prior = np.array([0.5, 1.0])
    np.testing.assert_allclose(logistic_regression(np.empty((0, 2)), np.empty(0), np.empty(0), prior, 0.5), prior)


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1)), st.integers(0, 99))
def test_the_growing_sequence_is_scipys(values, seed):
    weights = np.random.default_rng(seed).uniform(0.1, 3.0, values.size)
    np.testing.assert_allclose(isotonic(values, weights), isotonic_regression(values, weights=weights).x, atol=1e-9)


def test_the_curve_grows_and_comes_to_what_happened():
    rng = np.random.default_rng(5)
    index = rng.uniform(-4, 4, 20_000)
    happened = (rng.random(index.size) < expit(2 * index)).astype(float)
    found = calibration_curve(index, happened, np.ones(index.size), sigmoid(KNOTS))
    assert (np.diff(found) >= 0).all()
    inner = np.abs(KNOTS) <= 3
    np.testing.assert_allclose(found[inner], expit(2 * KNOTS[inner]), atol=0.05)


def test_a_curve_without_evidence_is_the_earlier_one():
    np.testing.assert_allclose(calibration_curve(np.empty(0), np.empty(0), np.empty(0), sigmoid(KNOTS)), sigmoid(KNOTS))


def test_one_observation_between_two_knots_counts_for_both_by_nearness():
    at = KNOTS[10] + 0.25 * (KNOTS[11] - KNOTS[10])
    prior = np.where(np.arange(KNOTS.size) > 10, 1.0, 0.5)
    found = calibration_curve(np.array([at]), np.array([0.0]), np.array([4.0]), prior)
    assert found[11] == pytest.approx((0 + 0.5 * 1.0) / (1 + 0.5))
    pooled = (11 * 0.5 * 0.5) / (10 * 0.5 + 3 + 0.5)  # the knots before it too: they may not be higher
    np.testing.assert_allclose(found[:11], pooled)


def test_the_logistic_function_is_scipys_far_out_too():
    index = np.array([-800.0, -30.0, 0.0, 2.0, 800.0])
    np.testing.assert_allclose(sigmoid(index), expit(index), atol=1e-15)
