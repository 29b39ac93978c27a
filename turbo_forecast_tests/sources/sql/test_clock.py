"""Clock times, dates and numbers become the moments that the standard library and the zone's rules give."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from turbo_forecast.sources.sql.clock import LocalClock, of_numbers
from turbo_forecast.sources.sql.database import QueryError


def moments(zone: str, walls: list[object], series: list[int] | None = None) -> list[datetime]:
    numbers = pl.Series(series or [0] * len(walls), dtype=pl.UInt32)
    return LocalClock(zone).moments(pl.Series(walls), numbers).to_list()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"])
def test_a_clock_s_hours_are_those_of_the_standard_library(zone: str) -> None:
    """Of two years, but hours that do not come."""
    tz = ZoneInfo(zone)
    walls = [datetime(2025, 1, 1) + timedelta(hours=hour) for hour in range(2 * 8760)]
    there = [
        wall for wall in walls if wall.replace(tzinfo=tz).astimezone(UTC).astimezone(tz).replace(tzinfo=None) == wall
    ]
    assert moments(zone, list(there)) == [wall.replace(tzinfo=tz).astimezone(UTC) for wall in there]


def test_an_hour_that_comes_twice_is_first_the_earlier_and_then_the_later_one_of_each_series() -> None:
    wall = datetime(2025, 10, 26, 2, 30)  # Berlin: at 03:00 CEST the clock is put back to 02:00 CET
    clock = LocalClock("Europe/Berlin")
    first = clock.moments(pl.Series([wall, wall]), pl.Series([0, 1], dtype=pl.UInt32))
    second = clock.moments(pl.Series([wall, wall]), pl.Series([1, 2], dtype=pl.UInt32))
    summer, winter = datetime(2025, 10, 26, 0, 30, tzinfo=UTC), datetime(2025, 10, 26, 1, 30, tzinfo=UTC)
    assert (first.to_list(), second.to_list()) == ([summer, summer], [winter, summer])


def test_an_hour_that_does_not_come_is_refused() -> None:
    with pytest.raises(QueryError, match="2025-03-30 02:30:00 does not exist in Europe/Berlin"):
        moments("Europe/Berlin", [datetime(2025, 3, 30, 2, 30)])


def test_a_day_is_its_first_moment_even_where_it_begins_at_one_o_clock() -> None:
    days = [date(2025, 4, 24), date(2025, 4, 25), date(2025, 4, 26)]  # Cairo: 25 April 2025 begins at 01:00
    first = [
        datetime(2025, 4, 23, 22, tzinfo=UTC),
        datetime(2025, 4, 24, 22, tzinfo=UTC),
        datetime(2025, 4, 25, 21, tzinfo=UTC),
    ]
    assert moments("Africa/Cairo", list(days)) == first
    assert moments("Africa/Cairo", [datetime(day.year, day.month, day.day) for day in days]) == first


def test_a_time_that_is_none_stays_none_beside_hours_that_come_twice() -> None:
    wall = datetime(2025, 10, 31, 0, 30)  # Cairo: at 24:00 on 30 October the clock is put back to 23:00
    twice, none = datetime(2025, 10, 30, 23, 30), None
    found = moments("Africa/Cairo", [twice, none, twice, wall, datetime(2025, 4, 25)])
    utc = [datetime(2025, 10, 30, hour, 30, tzinfo=UTC) for hour in (20, 21, 22)]
    assert found == [utc[0], None, utc[1], utc[2], datetime(2025, 4, 24, 22, tzinfo=UTC)]


@pytest.mark.parametrize("kind", [pl.Int32, pl.Int64, pl.UInt64, pl.Float64])
def test_seconds_since_1970_are_moments_whatever_type_they_are_of(kind: pl.DataType) -> None:
    moment = datetime(2025, 12, 1, 13, tzinfo=UTC)
    assert of_numbers(pl.Series([int(moment.timestamp())], dtype=kind), "seconds").to_list() == [moment]


def test_milliseconds_that_are_taken_for_seconds_are_refused() -> None:
    moment = datetime(2025, 12, 1, 13, 0, 0, 5000, tzinfo=UTC)
    numbers = pl.Series("at", [int(moment.timestamp() * 1000)])
    assert of_numbers(numbers, "milliseconds").to_list() == [moment]
    with pytest.raises(QueryError, match="column at counts seconds since 1970, but holds 1,764,594,000,005: set epoch"):
        of_numbers(numbers, "seconds")
