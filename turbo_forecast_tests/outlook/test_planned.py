"""What plans mean for probabilities: what they do to a threshold's chances, and what they leave alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.outlook.learning import Evidence, OutlookModel, fit_outlook_model
from turbo_forecast.outlook.levels import Floats, highest_so_far, levels_after
from turbo_forecast.outlook.planned import Planned, planned_probabilities
from turbo_forecast.outlook.signals import Signals, signals
from turbo_forecast.outlook.statements import probabilities

DAYS = 182
THRESHOLDS = np.array([[70.0, 80.0, 90.0]])


def known(level: float = 60.0) -> tuple[Signals, Floats, Floats]:
    """One series around a level, two years of it, that is forecast to climb by twelve points: signals, history, forecast."""
    days = np.arange(730 + DAYS)
    y = level + 3 * np.sin(2 * np.pi * days / 7) + np.maximum(days - 730, 0) * 12 / DAYS
    history, forecast = y[None, :730], y[None, 730:]
    return signals(history, forecast, forecast + 2.0), history, forecast


def unfitted_model() -> OutlookModel:
    """What is believed before any window has ended."""
    made, *_ = known()
    numbers = {name: np.zeros(0, np.int64) for name in ("group", "series")}
    nothing = np.zeros((0, made.peaks.shape[2]))
    return fit_outlook_model(
        Evidence(signals=made.take(slice(0, 0)), reached=nothing, weight=np.zeros(0), **numbers), ()
    )


MODEL = unfitted_model()
FLEET = np.zeros(1, np.int64)


def said(forecast: Floats, stretch: list[tuple[int, float]], level: float = 60.0) -> Floats:
    """(t, h) probabilities. stretch: from which day (0 is the first) how much of forecasts the load consists of."""
    made, history, plain = known(level)
    number, weight = np.zeros((1, DAYS), np.int64), np.ones((1, DAYS))
    for start, share in stretch:
        number[:, start:] += 1
        weight[:, start:] = share
    planned = Planned(plain, number, weight)
    return planned_probabilities(MODEL, FLEET, made, history, forecast, planned, THRESHOLDS)[0]


def plain(level: float = 60.0) -> Floats:
    made, history, forecast = known(level)
    highest = highest_so_far(levels_after(history, forecast))
    return probabilities(MODEL, FLEET, made, highest, THRESHOLDS)[0]


def test_without_plans_it_says_what_is_said_without_plans() -> None:
    np.testing.assert_allclose(said(known()[2], []), plain(), atol=1e-12)


def test_nothing_is_said_otherwise_before_the_first_change() -> None:
    forecast = known()[2].copy()
    forecast[:, 60:] += 15
    found = said(forecast, [(60, 1.0)])
    np.testing.assert_allclose(found[:, :60], plain()[:, :60], atol=1e-12)
    assert (found[:, 90:] > plain()[:, 90:]).all()


def test_a_change_of_everything_from_the_first_day_is_a_threshold_that_lies_elsewhere() -> None:
    """Ten points more reach 80 as the load without them reaches 70; but for the week that mixes in days before."""
    made, history, forecast = known()
    planned = Planned(forecast, np.ones((1, DAYS), np.int64), np.ones((1, DAYS)))
    ten = planned_probabilities(MODEL, FLEET, made, history, forecast + 10, planned, THRESHOLDS)[0]
    np.testing.assert_allclose(ten[1, 30:], plain()[0, 30:], atol=1e-9)


def test_what_is_retired_reaches_nothing_from_that_day_on() -> None:
    forecast = known()[2].copy()
    forecast[:, 60:] = 0
    found = said(forecast, [(60, 0.0)])
    np.testing.assert_allclose(found[:, 60:], np.repeat(plain()[:, 59:60], DAYS - 60, axis=1), atol=1e-12)


def test_what_is_retired_on_the_first_day_reaches_nothing_at_all() -> None:
    assert (said(np.zeros((1, DAYS)), [(0, 0.0)]) == 0).all()


def test_half_the_load_reaches_little_more_than_it_had_by_then() -> None:
    forecast = known()[2].copy()
    forecast[:, 60:] *= 0.5
    found = said(forecast, [(60, 0.5)])
    assert (found[:, -1] - found[:, 59]).max() < 0.01


def test_a_factor_scales_the_uncertainty() -> None:
    """1.3 times the load reaches 1.3 times a threshold as surely as the load the threshold."""
    made, history, forecast = known()
    asked = np.array([[68.0, 72.0, 76.0]])
    once = probabilities(MODEL, FLEET, made, highest_so_far(levels_after(history, forecast)), asked)

    def differs(weight: float) -> float:
        planned = Planned(forecast, np.ones((1, DAYS), np.int64), np.full((1, DAYS), weight))
        more = planned_probabilities(MODEL, FLEET, made, history, 1.3 * forecast, planned, 1.3 * asked)
        return float(np.abs(more - once)[:, :, 30:].max())

    assert differs(1.3) < 0.03, "the other predictors move by as many points, not by the factor"
    assert differs(1.0) > 0.05


def test_a_step_is_seen_within_the_week_that_it_takes_the_mean_to_climb() -> None:
    forecast = known()[2].copy()
    forecast[:, 60:] = 99.0
    found = said(forecast, [(60, 1.0)])
    assert found[2, 59] < 0.5 < found[2, 66]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, DAYS - 1), st.floats(0, 2), st.floats(-40, 40)), max_size=4),
    st.floats(10, 85),
)
def test_probabilities_grow_with_the_days_and_fall_with_the_threshold_whatever_is_planned(
    plans: list[tuple[int, float, float]], level: float
) -> None:
    forecast = known(level)[2].copy()
    for start, factor, points in sorted(plans):
        forecast[:, start:] = np.clip(forecast[:, start:] * factor + points, 0, 100)
    found = said(forecast, sorted((start, factor) for start, factor, _ in plans), level)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found, axis=1) >= 0).all()
    assert (np.diff(found, axis=0) <= 1e-12).all()


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(0, DAYS - 1), st.floats(0.001, 30)), min_size=1, max_size=3),
    st.sampled_from([1, -1]),
)
def test_added_load_makes_no_threshold_less_likely_and_load_that_is_taken_away_none_more_likely(
    seed: int, plans: list[tuple[int, float]], sign: int
) -> None:
    rng = np.random.default_rng(seed)
    course = np.clip(rng.uniform(40, 90) + rng.normal(0, 1.5, 730 + DAYS).cumsum() / 2, 1, 99)[None]
    history, forecast = course[:, :730], course[:, 730:]
    made = signals(history, forecast, forecast + 2)
    number, changed = np.zeros((1, DAYS), np.int64), forecast.copy()
    for start, points in plans:
        number[:, start:] += 1
        changed[:, start:] += sign * points
    planned = Planned(forecast, number, np.ones((1, DAYS)))
    found = planned_probabilities(MODEL, FLEET, made, history, np.clip(changed, 0, 100), planned, THRESHOLDS)
    unplanned = probabilities(MODEL, FLEET, made, highest_so_far(levels_after(history, forecast)), THRESHOLDS)
    assert (sign * (found - unplanned) >= 0).all()
    assert (np.diff(found, axis=2) >= 0).all()
    assert (np.diff(found, axis=1) <= 0).all()
