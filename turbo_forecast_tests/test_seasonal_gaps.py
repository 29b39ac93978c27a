"""Which weekdays and months a series was observed on."""

from datetime import date, timedelta

import numpy as np
import pytest

from turbo_forecast.seasonal_gaps import (
    MONTHS,
    WEEKDAYS,
    hardly_observed,
    places_of_stretch,
    unknown_weekdays,
    unobserved,
    weekday,
)
from turbo_forecast_tests.calendars import FIRST, THREE_YEARS, dates, where


def test_weekdays_are_those_of_the_calendar() -> None:
    days = np.arange(FIRST - 40_000, FIRST + 40_000, 7 * 13 + 1)
    assert weekday(days).tolist() == [day.weekday() for day in dates(days)]


def test_three_days_of_a_weekday_are_hardly_any_beside_many_and_enough_beside_few() -> None:
    assert hardly_observed(np.array([156, 3, 4, 0])).tolist() == [False, True, False, True]
    assert hardly_observed(np.array([8, 2, 3, 1])).tolist() == [False, False, False, True]
    assert not hardly_observed(np.array([3, 3, 2, 2, 2, 2, 2])).any()


@pytest.mark.parametrize("kept", [(0, 1, 2, 3, 4), (5, 6), (0, 3), (0, 1, 2, 3, 4, 5)])
def test_weekdays_without_a_day_are_unknown(kept: tuple[int, ...]) -> None:
    days = where(lambda day: day.weekday() in kept)
    assert np.flatnonzero(~unknown_weekdays(days)).tolist() == list(kept)
    names = tuple(WEEKDAYS[i] for i in range(7) if i not in kept)
    assert unobserved(days).weekdays == names
    assert unobserved(days).sentence == f"never observed on {', '.join(names)}"


def test_months_without_a_day_are_unknown_to_a_history_of_two_years() -> None:
    second_half = where(lambda day: day.month > 6)
    assert unobserved(second_half).months == MONTHS[:6]
    both = where(lambda day: day.month > 6 and day.weekday() < 5)
    assert unobserved(both).sentence == (
        "never observed on Saturday, Sunday and in January, February, March, April, May, June"
    )
    assert unobserved(second_half[second_half < FIRST + 500]).months == ()


def test_a_few_strays_on_a_weekday_are_said_to_be_few() -> None:
    strays = where(lambda day: day.weekday() < 5 or day in (date(2023, 1, 7), date(2024, 6, 1)))
    assert unobserved(strays).sentence == "hardly ever observed on Saturday, Sunday"


@pytest.mark.parametrize(
    "days", [THREE_YEARS, THREE_YEARS[::2], THREE_YEARS[:10], THREE_YEARS[:1], THREE_YEARS[:0], THREE_YEARS[:60]]
)
def test_a_history_without_a_pattern_in_its_gaps_knows_everything(days: np.ndarray) -> None:
    assert unobserved(days).sentence == ""


def between(first: tuple[int, int], last: tuple[int, int]):
    """Whether a date lies from one month and day to another, over new year too."""

    def lies(day: date) -> bool:
        place = (day.month, day.day)
        return first <= place <= last if first <= last else place >= first or place <= last

    return lies


@pytest.mark.parametrize(
    ("off", "sentence"),
    [
        (between((7, 10), (8, 20)), "never observed from 07-10 to 08-20"),
        (between((12, 20), (1, 19)), "never observed from 12-20 to 01-19"),
        (between((2, 1), (2, 28)), "hardly ever observed in February"),  # but for the one leap day
        (
            between((1, 1), (7, 12)),
            "never observed in January, February, March, April, May, June and from 07-01 to 07-12",
        ),
        (between((1, 1), (7, 3)), "never observed in January, February, March, April, May, June"),
        (between((7, 10), (8, 5)), ""),  # 27 days
        (
            lambda day: day.day > 2,
            "never observed from 01-03 to 01-31, 03-03 to 03-31, 04-03 to 04-30, 8 more stretches of the year",
        ),
    ],
)
def test_a_stretch_of_the_year_is_named_by_its_first_and_last_day(off, sentence: str) -> None:
    found = unobserved(where(lambda day: not off(day)))
    assert found.sentence == sentence
    places = [place for name in found.stretches for place in places_of_stretch(name)]
    assert all(off(date(2024, 1, 1) + timedelta(days=place)) for place in places)
    assert len(set(places)) == len(places)


def test_a_stretch_around_new_year_goes_on_at_its_beginning() -> None:
    assert places_of_stretch("12-30 to 01-02") == [364, 365, 0, 1]
    assert places_of_stretch("02-28 to 03-01") == [58, 59, 60]
