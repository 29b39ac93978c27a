"""The weighted median, against NumPy's median and interpolation, and what one member gone astray does to it."""

import numpy as np
import pytest

from turbo_forecast.fleet.combine import weighted_median
from turbo_forecast_tests.fleet.test_folds import at_half_the_weight


@pytest.mark.parametrize("members", [1, 2, 3, 8])
def test_with_equal_weights_it_is_the_median(members: int) -> None:
    values = np.random.default_rng(members).uniform(0, 100, (members, 50))
    found = weighted_median(np.full(values.shape, 1 / members), values)
    np.testing.assert_allclose(found, np.median(values, axis=0), rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_with_any_weights_it_is_where_numpy_finds_half_of_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 100, (6, 40)).round(0)  # with ties
    weights = rng.dirichlet(np.full(6, 0.3), 40).T
    weights[weights < 0.02] = 0.0
    weights /= weights.sum(axis=0)
    expected = [at_half_the_weight(*pair) for pair in zip(values.T, weights.T, strict=True)]
    np.testing.assert_allclose(weighted_median(weights, values), expected, rtol=1e-9)


def test_a_member_of_all_the_weight_is_the_combination() -> None:
    values = np.array([[1.0, 9.0], [5.0, 5.0], [7.0, 0.0]])
    weights = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    assert weighted_median(weights, values).tolist() == [5.0, 5.0]


def test_a_member_gone_astray_moves_it_no_further_than_its_neighbours() -> None:
    values = np.array([[0.0], [0.1], [0.2], [100.0]])
    weights = np.array([[0.3], [0.3], [0.3], [0.1]])
    assert weighted_median(weights, values)[0] <= 0.2
    assert (weights * values).sum() > 10, "an average goes along"
