"""What is said of thresholds: monotone, consistent, and by hand for a belief in the forecast alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from turbo_forecast.outlook.learning import FLEET, TERMS, OutlookModel
from turbo_forecast.outlook.levels import highest_so_far, levels_after
from turbo_forecast.outlook.regression import KNOTS
from turbo_forecast.outlook.signals import GRID, signals
from turbo_forecast.outlook.statements import first_days, growth, probabilities, states

NAN = np.nan
THRESHOLDS = np.array([[70.0, 80.0, 90.0, 95.0]])


def belief(forecast: float = 1.0, entrants: float = 0.0, history: float = 0.0, intercept: float = 0.0) -> OutlookModel:
    """The same coefficients on every day, and logistic curves."""
    terms = np.tile([intercept, forecast, entrants, history], (1, GRID.size, 1))
    assert terms.shape[2] == len(TERMS)
    return OutlookModel((FLEET,), terms, np.tile(expit(KNOTS), (1, 2, 1)), np.array([1]))


def said(model: OutlookModel, history, forecast, thresholds=THRESHOLDS, highest=None, shift=None):
    known = signals(history, forecast, forecast if highest is None else highest)
    peak = highest_so_far(levels_after(history, forecast))
    own = np.broadcast_to(thresholds, (len(history), thresholds.shape[1]))
    return probabilities(model, np.zeros(len(history), dtype=np.int64), known, peak, own, shift)


def test_with_belief_in_the_forecast_alone_the_probability_is_a_logistic_function_of_the_distance():
    history, forecast = np.full((1, 400), 60.0), np.full((1, 91), 76.0)
    found = said(belief(), history, forecast)[0, :, -1]
    scale = np.hypot(np.sqrt(8.0), 16 - 2 * np.sqrt(8.0))  # a swing of 1, and a forecast that starts 16 points off
    on_knots = np.interp((76 - THRESHOLDS[0]) / scale, KNOTS, expit(KNOTS))
    np.testing.assert_allclose(found, on_knots, atol=1e-12)


def test_the_other_predictors_count_on_the_days_between_grid_days():
    history, forecast = np.full((1, 400), 50.0), np.full((1, 91), 50.0)
    highest = 50.0 + np.arange(1.0, 92.0)[None, :] / 10  # grows by a tenth a day, also between grid days
    found = said(belief(forecast=0.0, entrants=1.0), history, forecast, np.array([[52.2]]), highest)[0, 0]
    index = (50 + np.arange(1, 92) / 10 - 52.2) / np.sqrt(8.0)
    np.testing.assert_allclose(found, np.interp(index, KNOTS, expit(KNOTS)), atol=1e-9)


def test_a_forecast_of_less_than_a_week_has_probabilities_too():
    history, forecast = np.full((1, 400), 50.0), np.full((1, 5), 50.0)
    found = said(belief(0.0, 1.0), history, forecast, np.array([[52.0]]), np.full((1, 5), 53.0))[0, 0]
    np.testing.assert_allclose(found, np.interp(1 / np.sqrt(8.0), KNOTS, expit(KNOTS)))


@given(st.integers(0, 2**32 - 1), st.integers(1, 130), st.lists(st.floats(0, 3), min_size=4, max_size=4))
@settings(max_examples=25)
def test_probabilities_grow_with_the_days_and_fall_with_the_threshold(seed, days, terms):
    rng = np.random.default_rng(seed)
    history = np.where(rng.random((4, 100)) < 0.2, NAN, rng.uniform(0, 100, (4, 100)))
    forecast = rng.uniform(0, 100, (4, days))
    model = belief(*terms)
    curves = np.sort(rng.random((1, 2, KNOTS.size)), axis=2)
    curves[:, 1] = np.maximum(curves[:, 0], curves[:, 1])
    model = OutlookModel(model.resources, rng.uniform(0, 1, model.coefficients.shape), curves, model.windows)
    found = said(model, history, forecast, np.sort(rng.uniform(1, 100, (4, 5)), axis=1))
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found, axis=2) >= 0).all()
    assert (np.diff(found, axis=1) <= 1e-12).all()


def test_a_level_that_jumped_ten_days_ago_shows_in_probabilities():
    rng = np.random.default_rng(1)
    calm = np.clip(20 + 2 * rng.standard_normal((1, 730)), 0, 100)
    jumped = calm.copy()
    jumped[:, -10:] += 60
    forecast = np.full((1, 182), 30.0)
    threshold = np.array([[85.0]])
    before, after = (said(belief(), each, forecast, threshold)[0, 0] for each in (calm, jumped))
    assert before[-1] < 0.01
    assert after[-1] > 0.2


def test_a_planned_change_of_the_forecast_moves_every_predictor():
    history, forecast = np.full((1, 400), 60.0), np.full((1, 61), 60.0)
    model = belief(1.0, 0.5, 0.5)
    plain = said(model, history, forecast, np.array([[70.0]]))[0, 0, -1]
    known, peak = signals(history, forecast, forecast), np.full((1, 61), 60.0)
    place = np.zeros(1, dtype=np.int64)
    moved = probabilities(model, place, known, peak + 8, np.array([[78.0]]), np.full((1, 61), 8.0))
    assert moved[0, 0, -1] == pytest.approx(plain), "eight points on the forecast are eight points off the threshold"


def test_series_without_a_known_level_on_the_first_days_have_no_probability_there():
    found = said(belief(), np.full((1, 20), NAN), np.full((1, 30), 99.0), np.array([[50.0]]))[0, 0]
    assert (found[:3] < 0.01).all()
    assert found[3] > 0.9


def test_over_and_below_have_curves_of_their_own():
    curves = np.stack([np.full(KNOTS.size, 0.2), np.full(KNOTS.size, 0.9)])[None]
    model = OutlookModel((FLEET,), belief().coefficients, curves, np.array([1]))
    found = said(model, np.full((1, 60), 75.0), np.full((1, 30), 75.0), np.array([[70.0, 75.0, 80.0]]))[0, :, -1]
    np.testing.assert_allclose(found, [0.9, 0.9, 0.2], atol=1e-3)


def test_each_resource_is_spoken_of_by_what_was_learnt_of_it():
    terms = np.concatenate([belief(intercept=-9.0).coefficients, belief(intercept=9.0).coefficients])
    model = OutlookModel((FLEET, "cpu"), terms, np.tile(expit(KNOTS), (2, 2, 1)), np.array([1, 1]))
    history, forecast = np.full((2, 60), 50.0), np.full((2, 30), 50.0)
    known, peak = signals(history, forecast, forecast), np.full((2, 30), 50.0)
    found = probabilities(model, np.array([1, 0]), known, peak, np.full((2, 1), 50.0))[:, 0, -1]
    assert found[0] > 0.99 > 0.01 > found[1]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_a_date_is_the_inverse_of_the_probabilities(seed):
    chances = np.sort(np.random.default_rng(seed).random((3, 2, 20)), axis=2)
    for (row, column, which), day in np.ndenumerate(first_days(chances)):
        own, asked = chances[row, column], (0.1, 0.5, 0.9)[which]
        if day == 0:
            assert (own < asked).all()
        else:
            assert own[day - 1] >= asked
            assert (own[: day - 1] < asked).all()


def test_dates_by_hand():
    chances = np.array([[[0.05, 0.1, 0.5, 0.6], [0.0, 0.0, 0.0, 0.09], [0.95, 0.95, 0.95, 0.95]]])
    np.testing.assert_array_equal(first_days(chances)[0], [[2, 3, 0], [0, 0, 0], [1, 1, 1]])


def test_states_follow_from_the_level_and_the_last_days_probability():
    level = np.array([75.0, NAN])
    found = states(level, np.array([[75.0, 80.0, 90.0, 95.0]] * 2), np.array([[0.2, 0.5, 0.1, 0.09]] * 2))
    assert found.tolist() == [
        ["over", "expected", "possible", "unlikely"],
        ["possible", "expected", "possible", "unlikely"],
    ]


def test_growth_is_numpys_slope_over_the_known_days():
    rng = np.random.default_rng(2)
    levels = rng.uniform(0, 100, (2, 40))
    levels[0, :3] = NAN
    expected = [30 * np.polyfit(np.flatnonzero(~np.isnan(row)), row[~np.isnan(row)], 1)[0] for row in levels]
    np.testing.assert_allclose(growth(levels), expected)
    assert growth(np.full((1, 5), NAN))[0] == 0
