"""Seasonal columns keep to what was observed, and are Prophet's where everything was."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.seasonal_gaps import slot_of_year, weekday
from turbo_forecast.turbo_prophet.daily_calendar import Calendar
from turbo_forecast.turbo_prophet.features import Spec
from turbo_forecast.turbo_prophet.known_phases import unknown_slots
from turbo_forecast_tests.calendars import FIRST, THREE_YEARS, dates, where


def test_places_of_the_year_are_those_of_a_leap_year() -> None:
    days = np.arange(FIRST - 40_000, FIRST + 40_000, 7 * 13 + 1)
    leap = [date(2024, day.month, day.day).timetuple().tm_yday - 1 for day in dates(days)]
    assert slot_of_year(days).tolist() == leap


def test_a_gap_of_the_year_is_unknown_when_the_season_is_too_coarse_to_bridge_it() -> None:
    slots = np.arange(366)
    gap = np.setdiff1d(slots, np.arange(100, 130))  # 30 days: more than 365.25 / 15, less than 365.25 / 6
    assert np.flatnonzero(unknown_slots(gap, 10)).tolist() == list(range(100, 130))
    assert not unknown_slots(gap, 4).any()
    over_new_year = np.arange(20, 340)  # 26 days from the end and 20 from the start
    assert np.flatnonzero(unknown_slots(over_new_year, 10)).tolist() == [*range(20), *range(340, 366)]


def test_lone_days_between_gaps_of_the_year_identify_nothing() -> None:
    first_of_month = slot_of_year(where(lambda day: day.day == 1))
    assert unknown_slots(first_of_month, 10).all()


@settings(max_examples=60, deadline=None)
@given(
    kept=st.sets(st.integers(0, 6), min_size=2),
    gap=st.tuples(st.integers(0, 365), st.integers(0, 300)),
    orders=st.sampled_from([("auto", "auto"), (4, "auto"), (10, 3)]),
)
def test_columns_are_prophets_where_all_is_known_and_centred_or_zero_elsewhere(kept, gap, orders) -> None:
    off = (slot_of_year(THREE_YEARS) - gap[0]) % 366 < gap[1]
    days = THREE_YEARS[np.isin(weekday(THREE_YEARS), list(kept)) & ~off]
    yearly, weekly = orders
    spec = {"yearly_seasonality": yearly, "weekly_seasonality": weekly}
    plain = Calendar(FIRST, FIRST + 1500, Spec(**spec)).history(days)
    history = Calendar(FIRST, FIRST + 1500, Spec(**spec, known_phases_only=True)).history(days)
    k = history.columns.sigmas.size
    np.testing.assert_allclose(history.XtX, history.X[:, :k].T @ history.X[:, :k], rtol=1e-9, atol=1e-9)
    if history.season is None:
        assert np.array_equal(history.X, plain.X)
    else:
        known = history.X[:, :k] != 0
        np.testing.assert_allclose(history.X[:, :k].sum(axis=0), 0, atol=1e-9)
        shift = (plain.X - history.X)[:, :k]
        for column in range(k):
            assert np.ptp(shift[known[:, column], column]) < 1e-9 if known[:, column].any() else True


@pytest.mark.parametrize(
    ("kept", "unknown_day", "known_day"),
    [
        (lambda day: day.day <= 7, (5, 20), (5, 4)),  # each gap of 21 to 24 days is bridged, twelve of them are not
        (lambda day: day.month in (11, 12, 1) or (day.month == 2 and day.day in (23, 24)), (2, 12), (12, 1)),
        (lambda day: day.day in (1, 24), (9, 12), (9, 24)),
    ],
)
def test_gaps_that_are_each_short_enough_are_unknown_where_they_leave_the_season_free(
    kept, unknown_day: tuple[int, int], known_day: tuple[int, int]
) -> None:
    unknown = unknown_slots(slot_of_year(where(kept)), 10)
    place = {day: date(2024, *day).timetuple().tm_yday - 1 for day in (unknown_day, known_day)}
    assert unknown[place[unknown_day]]
    assert not unknown[place[known_day]]


def test_a_season_of_as_many_columns_as_places_observed_is_known_at_those_places_alone() -> None:
    quarter_ends = slot_of_year(where(lambda day: day.month % 3 == 0 and (day + timedelta(days=1)).day == 1))
    unknown = unknown_slots(quarter_ends, 2)  # five columns, four places
    assert np.flatnonzero(~unknown).tolist() == sorted(set(quarter_ends.tolist()))


def test_the_first_ten_days_of_each_month_identify_a_season() -> None:
    assert not unknown_slots(slot_of_year(where(lambda day: day.day <= 10)), 10).any()
