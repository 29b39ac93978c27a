"""Seven-day means and highest levels: against Polars' rolling means, and by hand."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from turbo_forecast.outlook.levels import (
    first_day_reached,
    highest_so_far,
    is_evaluable,
    levels_after,
    seven_day_means,
    trailing_means,
)

NAN = np.nan
DAYS = arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 40)), elements=st.floats(0, 100) | st.just(NAN))


@given(DAYS)
def test_a_level_is_the_mean_of_seven_days_of_which_four_were_observed(values):
    rolled = [pl.Series(row).fill_nan(None).rolling_mean(7, min_samples=4).fill_null(NAN).to_numpy() for row in values]
    np.testing.assert_allclose(seven_day_means(values), np.array(rolled), atol=1e-9)


def test_four_days_of_seven_are_enough_and_three_are_not():
    four = np.array([[10.0, NAN, 20.0, NAN, 30.0, NAN, 40.0]])
    np.testing.assert_array_equal(seven_day_means(four)[0, 5:], [NAN, 25.0])


@given(
    arrays(np.float64, (1, 25), elements=st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)),
    st.integers(0, 1_000).map(lambda tenths: tenths / 10),
)
def test_seven_days_at_a_threshold_are_at_it_whatever_came_before(before, threshold):
    found = levels_after(before, np.full((1, 9), threshold))
    np.testing.assert_array_equal(found[0, 6:], threshold)


def test_a_mean_over_any_number_of_days_forgets_what_lies_before():
    np.testing.assert_array_equal(
        trailing_means(np.array([[100.0, 1.0, 2.0, 3.0]]), 3, 1)[0], [100.0, 50.5, 34.333333333, 2.0]
    )


def test_levels_after_an_origin_mix_in_the_six_days_before_it():
    before, after = np.array([[99.0, *[10.0] * 6]]), np.array([[80.0, 80.0]])
    np.testing.assert_allclose(levels_after(before, after), [[(60 + 80) / 7, (50 + 160) / 7]])


def test_levels_after_an_origin_without_a_past_begin_on_the_fourth_day():
    found = levels_after(np.empty((1, 0)), np.array([[10.0, 20.0, 30.0, 40.0, 50.0]]))
    np.testing.assert_array_equal(found, [[NAN, NAN, NAN, 25.0, 30.0]])


def test_the_highest_level_so_far_passes_over_days_without_one():
    np.testing.assert_array_equal(highest_so_far(np.array([[NAN, 3.0, NAN, 2.0, 5.0]])), [[NAN, 3.0, 3.0, 3.0, 5.0]])


def test_a_threshold_is_reached_on_the_first_day_at_or_above_it_and_on_no_day_0_otherwise():
    highest = np.array([[NAN, 60.0, 70.0, 70.0]])
    np.testing.assert_array_equal(first_day_reached(highest, np.array([[60.0, 70.0, 70.5]])), [[2, 3, 0]])


def test_a_stretch_can_be_judged_while_half_of_its_days_have_a_level():
    levels = np.array([[NAN, 1.0, NAN, NAN, 1.0, 1.0]])
    np.testing.assert_array_equal(is_evaluable(levels)[0], [False, True, False, False, False, True])
