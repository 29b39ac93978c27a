"""The days of a landed month are those by which it landed: each moment's, as the standard library has it, in every zone there is."""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from turbo_forecast.storage.telemetry.landed_reading import days_of
from turbo_forecast.storage.telemetry.month_clock import MonthClock

MONTHS = ("2023-03", "2023-10", "2025-03", "2025-10", "2025-11", "2026-03", "2026-10", "2026-11")


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def days(con: duckdb.DuckDBPyConnection, zone: str, month: str, moments: list[datetime]) -> list[date]:
    clock = MonthClock((), (), zone, *days_of(month))
    plain = [moment.replace(tzinfo=None) for moment in moments]
    found = con.execute(f"SELECT {clock.day('moment')} FROM (SELECT unnest($1::TIMESTAMP[]) AS moment)", [plain])
    return [row[0] for row in found.fetchall()]


@pytest.mark.parametrize("month", MONTHS)
def test_every_moment_around_a_month_is_of_its_zones_day(month: str, con: duckdb.DuckDBPyConnection) -> None:
    """Each half hour of the days on which any clock of the zone changes, and around the month's ends."""
    start = datetime.fromisoformat(f"{month}-01T00:00:00+00:00") - timedelta(days=2)
    every = [start + timedelta(minutes=30 * place) for place in range(35 * 48)]
    first, last = days_of(month)
    for zone in sorted({"Europe/Berlin", "America/Asuncion", "America/Vancouver", "Africa/Casablanca", "Australia/Lord_Howe",
                        "Africa/Cairo", "Asia/Beirut", "America/Havana", "Asia/Kathmandu", "Pacific/Apia"}):  # fmt: skip
        expected = [moment.astimezone(ZoneInfo(zone)).date() for moment in every]
        found = days(con, zone, month, every)
        inside = [place for place, day in enumerate(expected) if first <= day <= last]
        assert [found[place] for place in inside] == [expected[place] for place in inside], zone
        outside = set(range(len(every))) - set(inside)
        assert not [place for place in outside if first <= found[place] <= last], zone


def test_the_first_and_last_moment_of_a_month_are_of_it_in_every_zone(con: duckdb.DuckDBPyConnection) -> None:
    """Also where DuckDB's table of zones is older than Python's: its days are not asked for."""
    for zone in sorted(name for name in zoneinfo.available_timezones() if "/" in name):
        first, last = days_of("2026-11")
        edges = [datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC) for month in (11, 12)]
        assert days(con, zone, "2026-11", [edges[0], edges[1] - timedelta(microseconds=1)]) == [first, last], zone


@pytest.mark.parametrize(("zone", "hour"), [("UTC", 0), ("+05:30", -5.5), ("-03:00", 3), ("America/Asuncion", 4)])
def test_a_days_first_moment_is_that_of_the_zone(zone: str, hour: float, con: duckdb.DuckDBPyConnection) -> None:
    clock = MonthClock((), (), zone, *days_of("2023-10"))
    assert clock.start_of(con, date(2023, 10, 1)) == datetime(2023, 10, 1) + timedelta(hours=hour)
