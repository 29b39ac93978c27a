"""Cycles by day of the month: which days are alike, where one is found, and that a forecast gets it back."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.models.cycle_calendar import CALENDAR_DAYS, PLACES, days_of_year, month_places
from turbo_forecast.models.month_cycle import MonthCycle, cycle_search
from turbo_forecast.models.protocol import Forecast, Window
from turbo_forecast.models.registry import build_entrant
from turbo_forecast.settings import forecast_settings
from turbo_forecast.windows import date_of, day_number

FIRST = day_number(date(2022, 1, 1))
DAYS = np.arange(FIRST, day_number(date(2024, 8, 31)) + 1)
ASKED = np.arange(DAYS[-1] + 1, DAYS[-1] + 123)
RNG = np.random.default_rng(5)


def is_last(day: int) -> bool:
    return date_of(day + 1).day == 1


def is_last_working(day: int) -> bool:
    """Monday to Friday, and every later day of the month is a Saturday or Sunday."""
    later = [date_of(later) for later in range(day + 1, day + 4)]
    this = date_of(day)
    return this.weekday() < 5 and all(each.weekday() >= 5 for each in later if each.month == this.month)


def peaks(where, height: float, days: np.ndarray = DAYS, noise: float = 2.0, seed: int = 0) -> np.ndarray:
    hit = np.array([where(int(day)) for day in days])
    return 20 + noise * np.random.default_rng(seed).standard_normal(days.size) + height * hit


class Flat:
    """Forecasts the mean of what it is shown, give or take one."""

    shown: Window

    def forecast(self, window: Window) -> Forecast:
        self.shown = window
        flat = np.full(window.horizon.size, window.y.mean())
        return Forecast(flat, flat - 1, flat + 1, solver="mean")


@given(day=st.integers(-200_000, 200_000))
@settings(max_examples=60, deadline=None)
def test_a_days_places_are_what_the_calendar_says(day: int) -> None:
    this = np.datetime64(day, "D")
    first = this.astype("datetime64[M]").astype("datetime64[D]")
    after = (this.astype("datetime64[M]") + 1).astype("datetime64[D]")
    month = np.arange(first, after)
    working = [each for each in month if np.is_busday(each)]
    expected = {-1}
    from_start, from_end = list(month).index(this), list(month[::-1]).index(this)
    expected |= {from_start} if from_start < 28 else set()
    expected |= {28 + from_end} if from_end < 7 else set()
    if this in working:
        expected |= {35 + working.index(this)} if working.index(this) < 5 else set()
        expected |= {40 + working[::-1].index(this)} if working[::-1].index(this) < 5 else set()
    assert set(month_places()[day % CALENDAR_DAYS].tolist()) | {-1} == expected


def test_the_29th_of_february_is_the_28ths_day_of_the_year_and_december_ends_on_day_364() -> None:
    def of(*day: int) -> int:
        return int(days_of_year()[day_number(date(*day))])

    assert [of(2024, 2, 28), of(2024, 2, 29), of(2024, 3, 1), of(2023, 3, 1)] == [58, 58, 59, 59]
    assert [of(2023, 1, 1), of(2023, 12, 31), of(2024, 12, 31)] == [0, 364, 364]


@pytest.mark.parametrize(
    ("where", "places"),
    [
        (is_last, {28}),
        (lambda day: date_of(day).day == 15, {14}),
        (is_last_working, {40}),
        (lambda day: date_of(day).day <= 2, {0, 1}),
    ],
    ids=["last day", "fifteenth", "last working day", "first two days"],
)
@pytest.mark.parametrize("height", [8.0, 60.0, -15.0])
def test_a_peak_is_found_where_it_is_and_as_high_as_it_is(where, places: set[int], height: float) -> None:
    effects = cycle_search()(DAYS, peaks(where, height))
    assert effects is not None
    assert set(np.flatnonzero(effects)) == places
    assert effects.size == PLACES + 1
    # medians of twelve values of deviation 2 err by 2 sqrt(pi / 24) = 0.7
    np.testing.assert_allclose(effects[list(places)], height, atol=2.8)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.standard_normal(n),
        lambda rng, n: rng.standard_normal(n).cumsum(),
        lambda rng, n: rng.standard_t(2, n),
        lambda rng, n: np.where(rng.random(n) < 0.05, rng.uniform(0, 50, n), 0.0),
        lambda rng, n: 10.0 * (np.arange(n) % 7 == 3) + rng.standard_normal(n),
        lambda rng, n: np.repeat(rng.uniform(0, 100, n // 90 + 1), 90)[:n],
        lambda rng, n: np.full(n, rng.uniform(0, 100)),
    ],
    ids=["noise", "random walk", "heavy tails", "rare bursts", "week", "level shifts", "constant"],
)
def test_series_without_a_cycle_are_left_alone(draw) -> None:
    rng = np.random.default_rng(11)
    found = [cycle_search()(DAYS, draw(rng, DAYS.size)) for _ in range(100)]
    assert sum(each is not None for each in found) <= 1


def test_a_cycle_that_ended_a_year_ago_is_gone_and_one_of_eight_months_is_there() -> None:
    ended, began = DAYS[-1] - 365, DAYS[-1] - 244
    assert cycle_search()(DAYS, peaks(lambda day: is_last(day) and day < ended, 30)) is None
    young = DAYS[began < DAYS]
    effects = cycle_search()(young, peaks(is_last, 30, young))
    assert effects is not None
    assert effects[28] == pytest.approx(30, abs=3)


def test_the_entrant_sees_no_cycle_and_its_forecast_and_bounds_get_it_back() -> None:
    inner = Flat()
    found = MonthCycle(inner).forecast(Window(DAYS, peaks(is_last, 40), ASKED, 1))
    ends = np.array([is_last(int(day)) for day in ASKED])
    assert inner.shown.y.max() < 30
    np.testing.assert_allclose(found.yhat[ends], 60, atol=2.5)
    np.testing.assert_allclose(found.yhat[~ends], 20, atol=0.5)
    np.testing.assert_allclose(found.upper - found.yhat, 1)
    np.testing.assert_allclose(found.yhat - found.lower, 1)


def test_without_a_cycle_the_entrant_answers_for_itself() -> None:
    inner, window = Flat(), Window(DAYS, 20 + RNG.standard_normal(DAYS.size), ASKED, 1)
    MonthCycle(inner).forecast(window)
    assert inner.shown is window


def test_the_kept_answer_is_of_the_same_values_on_the_same_days_alone() -> None:
    search, with_peaks = cycle_search(), peaks(is_last, 40)
    kept = search(DAYS, with_peaks)
    assert search(DAYS.copy(), with_peaks.copy()) is kept
    assert search(DAYS, 20 + RNG.standard_normal(DAYS.size)) is None
    moved = search(DAYS + 10, with_peaks)  # the same values on other days: the peaks are in the middle of the month
    assert moved is not None
    assert moved[28] == 0
    assert search(DAYS[:400], with_peaks[:400]) is not None


@pytest.mark.parametrize("name", ["prophet_smooth", "reverting_level", "recent_level", "yearly_profile"])
def test_entrants_of_the_default_field_forecast_month_ends_and_prophet_stays_itself(name: str) -> None:
    window = Window(DAYS, peaks(is_last, 60), ASKED, 1)
    ends = np.array([is_last(int(day)) for day in ASKED])
    run = forecast_settings(uncertainty_samples=10)
    np.testing.assert_allclose(build_entrant(name, run).forecast(window).yhat[ends], 80, atol=6)
    assert (build_entrant("prophet", run).forecast(window).yhat[ends] < 50).all()
