"""When days begin: on days of 23 and 25 hours, and where midnight does not come."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from turbo_forecast.day_edges import day_edges, start_of_day
from turbo_forecast.landing.due import month_window


def test_a_month_of_a_zone_has_days_of_23_and_25_hours() -> None:
    edges = day_edges(date(2025, 10, 1), date(2025, 10, 31), "Europe/Berlin")
    hours = [(after - before) / timedelta(hours=1) for before, after in pairwise(edges)]
    assert len(hours) == 31
    assert hours[25] == 25, "on the 26th clocks were set back"
    assert {*hours[:25], *hours[26:]} == {24}
    window = month_window("2025-10", "Europe/Berlin")
    assert (
        (edges[0], edges[-1])
        == (window.start, window.end)
        == (
            datetime(2025, 9, 30, 22, tzinfo=UTC),
            datetime(2025, 10, 31, 23, tzinfo=UTC),
        )
    )


def test_a_day_whose_midnight_does_not_come_begins_an_hour_later() -> None:
    """Paraguay put its clocks forward at the midnight with which October 2023 began: at 4:00 UTC it was one o'clock."""
    assert start_of_day(date(2023, 10, 1), "America/Asuncion") == datetime(2023, 10, 1, 4, tzinfo=UTC)
    assert start_of_day(date(2023, 10, 2), "America/Asuncion") == datetime(2023, 10, 2, 3, tzinfo=UTC)
    assert start_of_day(date(2023, 10, 2), "-03:00") == datetime(2023, 10, 2, 3, tzinfo=UTC)
