"""Quantiles of values in batches, against NumPy's of all of them at once."""

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turbo_forecast.tournament.order_statistics import pooled_quantiles

SMALLEST, LARGEST = 5e-324, 1.7976931348623157e308
VALUES = st.one_of(
    st.sampled_from([0.0, SMALLEST, 1e-310, 2.2250738585072014e-308, 1e-3, 1.0, 1.0 + 2**-52, 1e17, LARGEST]),
    st.floats(0, LARGEST, allow_nan=False),
    st.floats(1.0, 1.05),  # all of them in one bin
    st.integers(0, 5).map(float),
)
LEVELS = st.one_of(st.floats(1e-6, 1.0), st.sampled_from([0.25, 0.5, 0.8, 2 / 3, 1.0, SMALLEST]))
ITEMS = st.lists(st.tuples(st.integers(0, 5), VALUES), min_size=1, max_size=120)


def found_for(groups: np.ndarray, values: np.ndarray, levels: np.ndarray, cuts: list[int]) -> np.ndarray:
    """The quantiles, the items given in batches that end at the cuts, the second time in the reverse order."""
    batches = list(zip(np.split(groups, cuts), np.split(values, cuts), strict=True))
    order = iter([batches, batches[::-1]])
    return pooled_quantiles(lambda: next(order), singly(levels.size), levels[:, None])[:, 0]


def singly(count: int) -> list[np.ndarray]:
    """A pool of each group alone."""
    return [np.array([group]) for group in range(count)]


def numpys(groups: np.ndarray, values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    return np.array(
        [
            np.quantile(values[groups == group], level, method="inverted_cdf") if (groups == group).any() else np.nan
            for group, level in enumerate(levels)
        ]
    )


@given(items=ITEMS, levels=st.lists(LEVELS, min_size=7, max_size=7), data=st.data())
def test_whatever_the_values_and_however_they_are_cut_the_quantiles_are_numpys(
    items: list[tuple[int, float]], levels: list[float], data: st.DataObject
) -> None:
    groups, values = np.array([group for group, _ in items]), np.array([value for _, value in items])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(items)), max_size=6)))  # empty batches too
    found = found_for(groups, values, np.array(levels), cuts)
    np.testing.assert_array_equal(found, numpys(groups, values, np.array(levels)))
    assert np.isnan(found[6]), "a group without values"


@given(items=ITEMS, levels=st.lists(LEVELS, min_size=3, max_size=3), cut=st.integers(0, 120))
def test_pools_of_groups_have_quantiles_at_several_levels_and_zeros_need_not_be_read(
    items: list[tuple[int, float]], levels: list[float], cut: int
) -> None:
    groups, values = np.array([group for group, _ in items]), np.array([value for _, value in items])
    pools = [np.arange(7), np.array([0, 1, 2]), np.array([1]), np.array([6])]
    every = np.tile(levels, (len(pools), 1))
    expected = np.column_stack(
        [
            [
                np.quantile(values[np.isin(groups, pool)], level, method="inverted_cdf")
                if np.isin(groups, pool).any()
                else np.nan
                for pool in pools
            ]
            for level in levels
        ]
    )
    some = values > 0
    totals = np.bincount(groups, minlength=7)
    for own, given_totals in ((np.ones(values.size, dtype=bool), None), (some, totals)):
        batches = list(zip(np.split(groups[own], [cut]), np.split(values[own], [cut]), strict=True))
        found = pooled_quantiles(lambda batches=batches: batches, pools, every, given_totals)
        np.testing.assert_array_equal(found, expected)


@given(
    values=st.lists(VALUES, min_size=1, max_size=40),
    rank=st.integers(1, 40),
)
def test_at_a_whole_rank_the_quantile_is_that_value_in_order(values: list[float], rank: int) -> None:
    rank = min(rank, len(values))
    level = np.array([rank / len(values)])
    found = found_for(np.zeros(len(values), dtype=np.int64), np.array(values), level, [len(values) // 2])
    assert found.item() == np.quantile(values, level.item(), method="inverted_cdf")


@pytest.mark.parametrize("value", [0.0, SMALLEST, 1.0, LARGEST])
@pytest.mark.parametrize("level", [SMALLEST, 0.5, 1.0])
def test_a_single_value_is_every_quantile(value: float, level: float) -> None:
    assert found_for(np.array([3]), np.array([value]), np.full(4, level), []).tolist()[3] == value


def test_of_no_values_there_is_no_quantile() -> None:
    empty: list[tuple[np.ndarray, np.ndarray]] = []
    assert np.isnan(pooled_quantiles(lambda: empty, singly(2), np.array([[0.5], [1.0]]))).all()
    nothing = [(np.empty(0, dtype=np.int64), np.empty(0))]
    assert np.isnan(pooled_quantiles(lambda: nothing, singly(1), np.array([[0.5]]))).all()


def test_large_groups_of_continuous_values_and_ties_are_numpys() -> None:
    rng = np.random.default_rng(4)
    groups = rng.integers(0, 3, 60_000)
    values = np.where(groups == 2, rng.integers(0, 4, groups.size) / 4, rng.lognormal(0, 2, groups.size))
    levels = np.array([0.8, 33 / 40, 0.9999])
    np.testing.assert_array_equal(
        found_for(groups, values, levels, list(range(1000, 60_000, 1000))), numpys(groups, values, levels)
    )


def test_only_the_values_of_the_bins_that_hold_a_quantile_are_kept() -> None:
    # an array of all values would be 80 MB; what is read twice is made anew each time
    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng(1)
        for _ in range(100):
            yield np.zeros(100_000, dtype=np.int64), rng.uniform(1, 1000, 100_000)

    tracemalloc.start()
    found = pooled_quantiles(batches, singly(1), np.array([[0.5]])).item()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == pytest.approx(500.5, abs=1)
    assert peak < 40e6
