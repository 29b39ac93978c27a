"""What is known of series at an origin: by hand, and properties that the statements rest on."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.outlook.levels import seven_day_means
from turbo_forecast.outlook.signals import GRID, Signals, at_grid, observed_peaks, signals
from turbo_forecast.schemas.outlook import PREDICTORS

NAN = np.nan


def flat(level: float = 40.0, forecast: float = 40.0, days: int = 122, history: int = 730) -> Signals:
    """A series that never moved, with a forecast that does not either."""
    ahead = np.full((1, days), forecast)
    return signals(np.full((1, history), level), ahead, ahead + 5)


def test_a_grid_day_is_known_when_a_window_of_short_months_nearly_has_it():
    daily = np.arange(1.0, 121.0)[None, :]
    found = at_grid(daily)[0]
    np.testing.assert_array_equal(found[:7], [1, 7, 14, 30, 61, 91, 120])
    assert np.isnan(found[7:]).all()


def test_predictors_are_the_forecasts_mean_the_highest_entrant_and_earlier_stretches():
    history = np.full((1, 70), 20.0)
    history[0, 14:21] = 60.0  # one week of ten
    forecast = np.full((1, 30), 30.0)
    found = signals(history, forecast, forecast + 12)
    assert found.level[0] == pytest.approx(20)
    assert found.start[0] == pytest.approx(30)
    by_name = dict(zip(PREDICTORS, found.peaks[0], strict=True))
    assert by_name["forecast"][0] == pytest.approx((6 * 20 + 30) / 7)
    assert by_name["forecast"][1] == pytest.approx(30)
    np.testing.assert_allclose(by_name["entrants"][:4], 42)
    assert by_name["history"][0] == pytest.approx(20), "most weeks were low"
    assert np.isnan(found.peaks[0, :, 4:]).all(), "the window has 30 days"


def test_longer_stretches_of_the_past_reach_higher():
    rng = np.random.default_rng(3)
    history = np.clip(50 + np.cumsum(rng.standard_normal((20, 900)), axis=1), 0, 100)
    ahead = np.repeat(history[:, -1:], 182, axis=1)
    past = signals(history, ahead, ahead).peaks[:, 2]
    known = past[:, : int((0.95 * GRID <= 182).sum())]
    assert (np.diff(known, axis=1) >= 0).all()
    assert (known[:, -1] > known[:, 0]).all()


def test_a_stretch_longer_than_the_past_is_what_the_forecast_says():
    found = flat(level=40, forecast=70, history=28, days=91)
    np.testing.assert_allclose(found.peaks[0, 2, :6][GRID[:6] > 31], 70)


def test_a_series_without_any_past_takes_the_forecasts_word():
    ahead = np.full((2, 30), 55.0)
    found = signals(np.full((2, 40), NAN), ahead, ahead)
    assert np.isnan(found.level).all()
    np.testing.assert_array_equal(found.peaks[:, :, :4], 55.0)
    assert np.isfinite(found.scale).all()
    assert (found.jump == 0).all()


def test_the_swing_is_around_the_season_so_steady_growth_has_none():
    days = np.arange(730.0)
    ahead = np.full((2, 30), 60.0)
    growing = 20 + 0.05 * days
    waving = 40 + 10 * np.sin(2 * np.pi * days / 13)
    found = signals(np.stack([growing, waving]), ahead, ahead).swing
    assert found[0] == 1.0, "the least"
    damping = abs(np.exp(2j * np.pi * np.arange(7) / 13).mean())  # what a mean over seven days leaves of the wave
    assert found[1] == pytest.approx(10 * damping / np.sqrt(2), rel=0.05)


def test_a_level_that_moved_just_before_the_origin_widens_the_scale_and_is_named():
    steady, moved = flat(40, 40), flat(80, 20)
    assert np.isnan(steady.shift[0])
    assert moved.shift[0] == pytest.approx(60)
    ordinary = np.sqrt(1.0 * 8.0)
    assert steady.scale[0] == pytest.approx(ordinary)
    assert moved.scale[0] == pytest.approx(np.hypot(ordinary, 60 - 2 * ordinary))


def test_a_series_whose_peaks_were_missed_by_more_has_a_wider_scale():
    known = flat()
    off = Signals(known.level, known.start, known.swing, known.peaks, np.array([18.0]))
    assert off.scale[0] == pytest.approx(np.sqrt(np.sqrt(8.0) * 18.0))


@given(st.integers(0, 2**32 - 1), st.integers(0, 120), st.integers(1, 130), st.floats(0, 1))
@settings(max_examples=20)
def test_whatever_was_observed_there_is_a_scale_and_no_infinity(seed, history, days, gaps):
    rng = np.random.default_rng(seed)
    past = np.where(rng.random((3, history)) < gaps, NAN, rng.uniform(0, 100, (3, history)))
    ahead = rng.uniform(0, 100, (3, days))
    found = signals(past, ahead, ahead)
    assert (found.scale > 0).all()
    known = days >= GRID * 0.95
    assert np.isfinite(found.peaks[:, :, known]).all()
    assert np.isnan(found.peaks[:, :, ~known]).all()
    assert (np.diff(found.peaks[:, :, known], axis=2) >= -1e-9).all()


def test_what_happened_is_unknown_where_most_days_were_not_observed():
    observed = np.full((1, 61), NAN)
    observed[0, :20] = 50.0
    found = observed_peaks(np.full((1, 7), 50.0), observed)[0]
    np.testing.assert_allclose(found[:4], 50.0)
    assert np.isnan(found[4]), "23 days of 61 have a level"


def test_signals_are_read_back_from_their_frame_as_they_were():
    one = signals(np.array([[NAN] * 5 + [30.0] * 40, [20.0] * 45]), np.full((2, 61), 50.0), np.full((2, 61), 60.0))
    back = Signals.from_frame(one.to_frame().with_columns(host_id=pl.Series(["a", "b"])))
    for name in ("level", "start", "swing", "peaks", "error"):
        np.testing.assert_array_equal(getattr(back, name), getattr(one, name))


def test_the_signals_of_some_series_are_theirs():
    ahead = np.full((2, 30), 60.0)
    both = signals(np.array([[30.0] * 40, [60.0] * 40]), ahead, ahead)
    np.testing.assert_array_equal(both.take(slice(1, 2)).level, [60.0])
    np.testing.assert_array_equal(both.take(np.array([True, False])).peaks, both.peaks[:1])


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 500), st.integers(0, 2**32 - 1))
def test_means_that_are_known_already_change_nothing(days: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    whole = np.where(random.random((3, 500)) < 0.3, NAN, random.uniform(0, 100, (3, 500)))
    ahead, history = random.uniform(0, 100, (3, 61)), whole[:, :days]
    plain, given_means = (signals(history, ahead, ahead, means) for means in (None, seven_day_means(whole)[:, :days]))
    for name, column in plain.columns().items():
        np.testing.assert_array_equal(column, given_means.columns()[name], err_msg=name)
