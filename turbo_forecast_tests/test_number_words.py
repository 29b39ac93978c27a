"""Numbers, days and counts as people read them: nothing is rounded to what it is not."""

from datetime import UTC, date, datetime

import pytest

from turbo_forecast import number_words as words
from turbo_forecast.number_words import (
    counted,
    days_ago,
    noun,
    number,
    percent,
    plain,
    points,
    probability,
    rounded,
    share,
    threshold,
)


@pytest.mark.parametrize(("count", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_000, "1,000 rows")])
def test_a_count_has_the_noun_that_it_asks_for(count: int, said: str) -> None:
    assert counted(count, "row") == said
    assert f"{count:,} {noun(count, 'row')}" == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 series are"), (1, "1 series is"), (1_000, "1,000 series are")])
def test_a_noun_with_a_plural_of_its_own_has_it(count: int, said: str) -> None:
    assert counted(count, "series is", "series are") == said


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((90.0, "90"), (92.5, "92.5"), (100.0, "100"), (0.12345, "0.1235"), (1_234.5, "1,234.5"), (-2.5, "-2.5")),
        *((0.1 + 0.2, "0.3"), (12 * 1.1, "13.2"), (-1e-9, "0"), (-0.0, "0"), (0.00001, "0"), (1e15, "1,000,000,000,000,000"), (None, "–")),
    ],
)  # fmt: skip
def test_a_number_has_the_digits_that_a_person_would_write(value: float | None, expected: str) -> None:
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((200 / 3, "66.7"), (1_500.0, "1,500"), (1_234_567.8, "1,234,568"), (0.04, "0.04"), (0.1 + 0.2, "0.3"), (0.0, "0")),
        *((-2 / 3, "-0.667"), (1e-30, "0"), (float("inf"), "inf"), (float("nan"), "nan")),
    ],
)  # fmt: skip
def test_so_many_digits_are_written_without_an_exponent(value: float, expected: str) -> None:
    assert rounded(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((0.0, "0 %"), (1e-9, "< 1 %"), (0.005, "< 1 %"), (0.006, "1 %"), (0.01, "1 %"), (0.5, "50 %"), (0.994, "99 %")),
        *((0.995, "> 99 %"), (1 - 1e-9, "> 99 %"), (1.0, "100 %"), (None, "–")),
    ],
)  # fmt: skip
def test_a_probability_is_certain_only_where_it_is(value: float | None, expected: str) -> None:
    assert probability(value) == expected


def test_points_have_a_sign_and_nothing_has_minus_nothing() -> None:
    assert [points(each) for each in (1.25, -0.04, -3.26, 0.0, None)] == ["+1.2", "+0.0", "−3.3", "+0.0", "–"]


def test_figures_have_the_digits_that_are_asked_for() -> None:
    assert (number(-1_234.56), number(2.0, 2), percent(12.5, 1), share(0.5), threshold(92.5)) == ("−1,234.6", "2.00", "12.5 %", "50 %", "92.5 %")  # fmt: skip


def test_what_is_not_known_is_a_dash() -> None:
    assert {each(None) for each in (words.whole, number, points, percent, share, threshold, words.day, words.moment)} == {"–"}  # fmt: skip


def test_days_and_moments_are_written_as_iso_8601_has_them() -> None:
    assert words.day(date(2026, 3, 1)) == words.day(datetime(2026, 3, 1, 6, 30, tzinfo=UTC)) == "2026-03-01"
    assert words.moment(datetime(2026, 3, 1, 6, 30, tzinfo=UTC)) == "2026-03-01 06:30 UTC"


@pytest.mark.parametrize(
    ("days", "said"), [(0, "today"), (1, "1 day ago"), (330, "330 days ago"), (-1, "in the future")]
)
def test_days_are_counted_back_from_today(days: int, said: str) -> None:
    assert days_ago(days) == said
