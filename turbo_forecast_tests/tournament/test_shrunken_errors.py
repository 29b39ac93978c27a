"""What folds say about entrants, against hand calculation."""

import numpy as np
import pytest

from turbo_forecast.tournament.shrunken_errors import clearly_worse, complete, plain_means, shrinkage_estimate

NAN = np.nan


def errors_of(*entrants: list[list[float]]) -> np.ndarray:
    """(n, m, k) errors from log(error + 0.1) of each entrant: series by window."""
    return np.exp(np.array(entrants, dtype=float).transpose(1, 0, 2)) - 0.1


def one_group(n: int) -> np.ndarray:
    return np.zeros(n, dtype=np.int64)


LEVEL = [[1.0, 1.0], [1.0, 1.0]]
TWO = errors_of(LEVEL, [[1.2, 1.4], [0.4, 0.8]])  # the second's log ratios: 0.2 0.4 | -0.6 -0.2


def test_two_series_of_two_windows_by_hand() -> None:
    # own 0.3 and -0.4; within (0.02 + 0.08) / 2; between 0.245 - 0.05 / 2 = 0.22; all of one resource: prior -0.05
    found = shrinkage_estimate(TWO, one_group(2), 0, incumbent=0)
    w = 0.22 / (0.22 + 0.025)
    np.testing.assert_allclose(found.mean[:, 1], [w * 0.3 + (1 - w) * -0.05, w * -0.4 + (1 - w) * -0.05], rtol=1e-12)
    np.testing.assert_allclose(found.error[:, 1], np.sqrt(w * 0.025), rtol=1e-12)
    np.testing.assert_allclose(found.prior[:, 1], -0.05, rtol=1e-12)
    assert found.windows.tolist() == [2, 2]
    assert not found.mean[:, 0].any()
    assert not found.error[:, 0].any()


def test_inflation_moves_weight_from_the_series_to_the_prior() -> None:
    found = shrinkage_estimate(TWO, one_group(2), 0, incumbent=0, inflation=4.0)
    w = 0.22 / (0.22 + 4 * 0.025)
    np.testing.assert_allclose(found.mean[:, 1], [w * 0.3 + (1 - w) * -0.05, w * -0.4 + (1 - w) * -0.05], rtol=1e-12)
    np.testing.assert_allclose(found.error[:, 1], np.sqrt(w * 4 * 0.025), rtol=1e-12)


def test_the_reference_is_the_mean_over_entrants_where_there_is_no_incumbent() -> None:
    found = shrinkage_estimate(TWO, one_group(2), 0)
    np.testing.assert_allclose(found.mean[:, 0], -found.mean[:, 1], rtol=1e-12)
    np.testing.assert_allclose(found.prior, [[0.025, -0.025]] * 2, rtol=1e-12)


def test_windows_a_series_does_not_have_count_nowhere() -> None:
    # own 0.3 of two windows, -0.6 of one; within 0.02 from the first alone; 1.5 windows a series
    errors = TWO.copy()
    errors[1, :, 1] = NAN
    found = shrinkage_estimate(errors, one_group(2), 0, incumbent=0)
    between = 0.9**2 / 2 - 0.02 / 1.5
    w = between / (between + np.array([0.02 / 2, 0.02 / 1]))
    np.testing.assert_allclose(found.mean[:, 1], w * [0.3, -0.6] + (1 - w) * -0.15, rtol=1e-12)
    np.testing.assert_allclose(found.error[:, 1], np.sqrt(w * [0.02 / 2, 0.02 / 1]), rtol=1e-12)
    assert found.windows.tolist() == [2, 1]


def test_a_series_without_windows_takes_its_resource_and_a_resource_without_any_the_fleet() -> None:
    # log ratios: resource 0 -0.4 and -0.2, resource 1 0.9, resource 2 unknown; fleet mean 0.1
    errors = errors_of([[1.0]] * 5, [[0.6], [0.8], [1.9], [1.0], [1.0]])
    errors[3:] = NAN
    found = shrinkage_estimate(errors, np.array([0, 0, 1, 0, 2]), 0, incumbent=0)
    np.testing.assert_allclose(found.mean[3:, 1], [(-0.6 + 20 * 0.1) / 22, 0.1], rtol=1e-12)
    np.testing.assert_allclose(found.prior[2, 1], (0.9 + 20 * 0.1) / 21, rtol=1e-12)
    alone = np.sqrt(0.3 * np.var([-0.4, -0.2, 0.9], ddof=1))  # the spread between series, as far as it is not noise
    np.testing.assert_allclose(found.error[3:], [[0.0, alone]] * 2, rtol=1e-12)
    np.testing.assert_allclose(found.prior_error, [0.0, alone], rtol=1e-12)
    assert found.windows.tolist() == [1, 1, 1, 0, 0]


def test_where_no_series_has_two_windows_the_own_one_weighs_three_tenths() -> None:
    found = shrinkage_estimate(errors_of([[1.0]] * 2, [[0.6], [1.4]]), one_group(2), 0, incumbent=0)
    np.testing.assert_allclose(found.mean[:, 1], [0.3 * -0.4, 0.3 * 0.4], atol=1e-12)
    np.testing.assert_allclose(found.error[:, 1], np.sqrt(0.3 * 0.7) * np.std([-0.4, 0.4], ddof=1), rtol=1e-12)


def test_who_has_no_window_of_its_own_is_less_certain_than_who_has() -> None:
    # as the two series by hand, and a third without windows: its error is that of the spread between series
    errors = np.concatenate([TWO, np.full((1, 2, 2), NAN)])
    found = shrinkage_estimate(errors, one_group(3), 0, incumbent=0)
    np.testing.assert_allclose(found.error[2, 1], np.sqrt(0.22), rtol=1e-12)
    np.testing.assert_allclose(found.error[:2, 1], np.sqrt(0.22 * 0.025 / (0.22 + 0.025)), rtol=1e-12)


def test_an_entrant_is_charged_the_fallbacks_error_where_it_has_none() -> None:
    # ten times better where it has a forecast, absent elsewhere: it must not look ten times better in the fleet
    errors = np.full((10, 2, 2), 10.0)
    errors[0, 1] = 1.0
    errors[1:, 1] = NAN
    charged = np.where(np.isnan(errors), 10.0, errors)
    found, expected = (shrinkage_estimate(e, one_group(10), 0, incumbent=0) for e in (errors, charged))
    np.testing.assert_array_equal(found.mean, expected.mean)
    assert found.prior[0, 1] == pytest.approx(np.log(1.1 / 10.1) / 10)


def test_everything_is_finite_and_zero_without_evidence() -> None:
    for errors in (np.zeros((3, 2, 0)), np.full((3, 2, 2), NAN)):
        found = shrinkage_estimate(errors, one_group(3), 0)
        assert found.mean.tolist() == found.error.tolist() == found.prior.tolist() == [[0.0, 0.0]] * 3
        assert found.windows.tolist() == [0, 0, 0]


def test_equal_errors_are_certain_and_zero_errors_allowed() -> None:
    found = shrinkage_estimate(np.zeros((3, 2, 2)), one_group(3), 0, incumbent=0)
    assert found.mean.tolist() == found.error.tolist() == [[0.0, 0.0]] * 3


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_missing_all_is_finite_and_between_own_and_prior(seed: int) -> None:
    rng = np.random.default_rng(seed)
    errors = rng.exponential(5, (60, 4, 3)) * (rng.random((60, 1, 3)) > 0.05)
    errors[np.broadcast_to(rng.random((60, 1, 3)) < 0.3, errors.shape)] = NAN
    errors[np.broadcast_to((rng.random((60, 4, 1)) < 0.2) * [[[0], [1], [1], [1]]] == 1, errors.shape)] = NAN
    found = shrinkage_estimate(errors, rng.integers(0, 3, 60), 0, incumbent=1, inflation=4.0)
    for values in (found.mean, found.error, found.prior):
        assert np.isfinite(values).all()
    assert (found.error >= 0).all()
    assert not found.mean[:, 1].any()


def test_who_missed_a_window_is_not_complete_and_has_no_plain_mean() -> None:
    errors = np.array([[[1.0, 3.0, NAN], [2.0, NAN, NAN], [NAN] * 3, [5.0, 6.0, NAN]], [[NAN] * 3] * 4])
    assert complete(errors, 0).tolist() == [[True, False, False, True], [True] * 4]
    np.testing.assert_array_equal(plain_means(errors, 0), [[2.0, NAN, NAN, 5.5], [NAN] * 4])


def test_clearly_worse_is_one_standard_error_of_the_paired_log_errors() -> None:
    # errors plus 0.1: the fallback's 1 in each window, the entrants' e to the power of what stands here
    powers = np.array([[0.1, 0.3, 0.2], [0.5, -0.3, 0.1], [-0.2, -0.2, -0.2], [0.1, 0.1, 0.1], [0.0, 0.0, 0.0]])
    errors = np.exp(powers)[None] - 0.1
    # means 0.2, 0.1, -0.2, 0.1; standard deviations 0.1, 0.4, 0, 0; their errors 0.058, 0.231, 0, 0
    assert clearly_worse(errors, 4).tolist() == [[True, False, False, True, False]]


def test_one_window_makes_nobody_clearly_worse_and_a_missing_one_counts_nowhere() -> None:
    alone = np.array([[[9.0, np.nan], [1.0, np.nan]]])
    assert not clearly_worse(alone, 1).any()
    both = np.array([[[9.0, 9.0, np.nan], [1.0, 1.0, 5.0]]])
    assert clearly_worse(both, 1).tolist() == [[True, False]]
    assert not clearly_worse(np.full((1, 2, 0), np.nan), 1).any()
