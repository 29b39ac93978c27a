"""Combinations: the weighted median against NumPy's median and interpolation, and what its weights may have seen."""

import numpy as np
import pytest

from turbo_forecast.tournament.combination import learn_weights, weighted_median
from turbo_forecast.windows import BACKTEST, FORECAST


def at_half_the_weight(values: np.ndarray, weights: np.ndarray) -> float:
    """The weighted median, by NumPy's interpolation between the middles of the values' weights."""
    order = np.argsort(values, kind="stable")
    values, weights = values[order][weights[order] > 0], weights[order][weights[order] > 0]
    return float(np.interp(0.5, np.cumsum(weights) - weights / 2, values))


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


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_days_of_any_shape_are_combined_each_for_itself(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    values, weights = rng.uniform(0, 100, (5, *shape)), np.moveaxis(rng.dirichlet(np.ones(5), shape), -1, 0)
    found = weighted_median(weights, values)
    assert found.shape == shape
    flat = weighted_median(weights.reshape(5, -1), values.reshape(5, -1))
    np.testing.assert_array_equal(found.ravel(), flat)


MEMBERS = ("a", "b", "naive")


def errors_of(seed: int, series: int = 6, folds: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(1, 9, (series, len(MEMBERS), 1 + folds))


def learnt(errors: np.ndarray, contested: np.ndarray | None = None) -> dict[int, np.ndarray]:
    resources = np.zeros(len(errors), dtype=np.int64)
    everyone = np.ones(len(errors), dtype=bool) if contested is None else contested
    weights = learn_weights(errors, resources, MEMBERS, "naive", everyone)
    assert weights.members == MEMBERS
    return weights.by_window


@pytest.mark.parametrize("window", [FORECAST, BACKTEST, 1, 2, 3])
def test_the_weights_of_a_window_have_seen_earlier_windows_alone(window: int) -> None:
    # windows stand in the order of time backwards: the backtest, fold 1, fold 2, …
    errors = errors_of(0)
    later = errors.copy()
    later[:, :, : window + 1] = errors_of(1)[:, :, : window + 1]
    np.testing.assert_array_equal(learnt(errors)[window], learnt(later)[window])
    if window < 3:
        earlier = errors.copy()
        earlier[:, 0, window + 1] /= 50
        assert (learnt(earlier)[window][:, 0] > learnt(errors)[window][:, 0]).all()


def test_the_oldest_window_has_no_evidence_and_equal_weights() -> None:
    np.testing.assert_allclose(learnt(errors_of(0))[3], 1 / 3, rtol=1e-12)
    np.testing.assert_allclose(learnt(errors_of(0, folds=0))[BACKTEST], 1 / 3, rtol=1e-12)


def test_series_that_only_the_fallback_has_forecast_have_no_weights_and_the_others_weights_sum_to_one() -> None:
    contested = np.array([True, False, True, False, True, True])
    found = learnt(errors_of(0), contested)
    assert set(found) == {FORECAST, BACKTEST, 1, 2, 3}
    for weights in found.values():
        np.testing.assert_allclose(weights.sum(axis=1), contested.astype(float), rtol=1e-12)


def test_a_member_without_a_backtest_has_no_weight_anywhere() -> None:
    errors = errors_of(0)
    errors[2, 1] = np.nan
    for weights in learnt(errors).values():
        assert weights[2, 1] == 0
        assert weights[2].sum() == pytest.approx(1)


def test_combined_are_the_series_that_have_a_weight_in_the_forecast() -> None:
    contested = np.array([True, False, True])
    weights = learn_weights(errors_of(0, 3), np.zeros(3, dtype=np.int64), MEMBERS, "naive", contested)
    assert weights.combined.tolist() == contested.tolist()
