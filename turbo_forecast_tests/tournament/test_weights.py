"""Weights of the combination, against scipy's softmax and by hand."""

import numpy as np
import pytest
from scipy.special import softmax

from turbo_forecast.tournament.shrunken_errors import shrinkage_estimate
from turbo_forecast.tournament.weights import combination_weights

NAN = np.nan


def everyone(errors: np.ndarray) -> np.ndarray:
    return np.ones(errors.shape[:2], dtype=bool)


def test_two_entrants_by_hand() -> None:
    # log ratios to the mean -1/4 and 1/4 in every window: certain, so weights are e^2 to e^-2
    errors = np.exp(np.array([[[0.75] * 2, [1.25] * 2]] * 3)) - 0.1
    found = combination_weights(errors, np.zeros(3, dtype=np.int64), 1, everyone(errors))
    np.testing.assert_allclose(found, [[1 / (1 + np.exp(-4)), 1 / (1 + np.exp(4))]] * 3, rtol=1e-9)


def test_weights_are_the_softmax_of_eight_times_the_expected_gain() -> None:
    rng = np.random.default_rng(0)
    errors, groups = rng.exponential(5, (40, 5, 3)), rng.integers(0, 3, 40)
    found = combination_weights(errors, groups, 4, everyone(errors))
    np.testing.assert_allclose(found, softmax(-8 * shrinkage_estimate(errors, groups, 4).mean, axis=1), rtol=1e-12)


def test_without_windows_everyone_with_a_forecast_weighs_the_same() -> None:
    present = np.array([[True, True, True], [False, True, True]])
    found = combination_weights(np.zeros((2, 3, 0)), np.zeros(2, dtype=np.int64), 2, present)
    np.testing.assert_allclose(found, [[1 / 3] * 3, [0, 1 / 2, 1 / 2]])


def test_who_has_no_forecast_or_missed_a_window_weighs_nothing() -> None:
    errors = np.array([[[1.0, 1.0], [NAN, NAN], [9.0, 9.0], [1.0, NAN], [9.0, 9.0]]])
    present = np.array([[True, False, True, True, True]])
    found = combination_weights(errors, np.zeros(1, dtype=np.int64), 4, present)
    assert found[0, [1, 3]].tolist() == [0.0, 0.0]
    assert found.sum() == pytest.approx(1)
    assert found[0, 0] > found[0, 2] == found[0, 4]


def test_a_series_without_windows_of_its_own_takes_what_the_fleet_has_learnt() -> None:
    errors = np.full((30, 2, 2), 4.0)
    errors[:, 0] = 2.0
    errors[0] = NAN
    found = combination_weights(errors, np.zeros(30, dtype=np.int64), 1, everyone(errors))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
    assert found[0, 0] > 0.9


def test_a_hopeless_entrant_neither_overflows_nor_takes_part() -> None:
    errors = np.array([[[1e-9] * 2, [1e9] * 2]] * 3)
    found = combination_weights(errors, np.zeros(3, dtype=np.int64), 1, everyone(errors))
    np.testing.assert_allclose(found, [[1.0, 0.0]] * 3, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_rows_sum_to_one_unless_nobody_is_there(seed: int) -> None:
    rng = np.random.default_rng(seed)
    errors = rng.exponential(5, (50, 4, 3))
    present = rng.random((50, 4)) < 0.6
    errors[~present] = NAN
    errors[:, 3] = rng.exponential(5, (50, 3))
    found = combination_weights(errors, rng.integers(0, 2, 50), 3, present)
    np.testing.assert_allclose(found.sum(axis=1), present.any(axis=1), rtol=1e-12)
    assert not found[~present].any()
    assert (found >= 0).all()
