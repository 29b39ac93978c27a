"""How a window is cut: spans of steps and of days, pieces of them, nothing twice and nothing left out."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turbo_forecast.errors import SourceError
from turbo_forecast.sources.prometheus.cutting import DAY, Piece, Run, runs
from turbo_forecast.sources.protocol import Window

LATER = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = 3600


def stamp(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc]  # year, month, day, hour


def test_the_first_evaluation_is_a_step_after_the_start_and_the_last_at_the_end() -> None:
    (run,) = runs(Window.of_days(date(2025, 3, 1), date(2025, 3, 31), "UTC"), HOUR, "UTC", LATER, "fleet")
    assert run == Run(stamp(2025, 3, 1), HOUR, 744)
    assert run.evaluations == (stamp(2025, 3, 1, 1), stamp(2025, 4, 1))


def test_the_days_on_which_clocks_change_are_runs_of_their_own() -> None:
    window = Window.of_days(date(2025, 3, 28), date(2025, 4, 1), "Europe/Berlin")
    assert runs(window, DAY, "Europe/Berlin", LATER, "fleet") == [
        Run(stamp(2025, 3, 27, 23), DAY, 2),
        Run(stamp(2025, 3, 29, 23), 23 * HOUR, 1),
        Run(stamp(2025, 3, 30, 22), DAY, 2),
    ]


def test_a_month_may_begin_with_a_day_whose_midnight_does_not_come() -> None:
    window = Window.of_days(date(2023, 10, 1), date(2023, 10, 31), "America/Asuncion")
    assert runs(window, DAY, "America/Asuncion", LATER, "fleet") == [
        Run(stamp(2023, 10, 1, 4), 23 * HOUR, 1),
        Run(stamp(2023, 10, 2, 3), DAY, 30),
    ]


def test_days_may_be_those_of_an_offset() -> None:
    window = Window.of_days(date(2025, 3, 1), date(2025, 3, 31), "+05:30")
    assert runs(window, DAY, "+05:30", LATER, "fleet") == [Run(stamp(2025, 2, 28, 18) + HOUR // 2, DAY, 31)]


def test_a_zone_that_changes_by_half_an_hour_ends_with_a_shorter_step() -> None:
    window = Window.of_days(date(2025, 10, 1), date(2025, 10, 31), "Australia/Lord_Howe")
    every = runs(window, HOUR, "UTC", LATER, "fleet")
    assert [(run.seconds, run.count) for run in every] == [(HOUR, 743), (HOUR // 2, 1)]
    assert every[-1].end == window.end.timestamp()


def test_a_span_that_has_not_ended_is_not_asked_for() -> None:
    window = Window.of_days(date(2025, 3, 1), date(2025, 3, 31), "UTC")
    now = datetime(2025, 3, 2, 10, 30, tzinfo=UTC)
    assert runs(window, HOUR, "UTC", now, "fleet") == [Run(stamp(2025, 3, 1), HOUR, 34)]
    assert runs(window, HOUR, "UTC", window.start, "fleet") == []


def test_days_of_another_zone_are_refused() -> None:
    window = Window.of_days(date(2025, 3, 1), date(2025, 3, 31), "Asia/Kolkata")
    with pytest.raises(SourceError, match="a step of 1d is a day of UTC, and 2025-02-28 18:30 UTC"):
        runs(window, DAY, "UTC", LATER, "fleet")


@given(st.integers(1, 9000), st.integers(1, 12_000))
def test_pieces_hold_each_span_once_and_none_is_too_long(count: int, longest: int) -> None:
    run = Run(0, 60, count)
    parts = [piece.run for piece in Piece("cpu", run).shorter(longest)]
    ends = [part.first + 60 * (i + 1) for part in parts for i in range(part.count)]
    assert ends == [60 * (i + 1) for i in range(count)]
    assert all(1 <= part.count <= longest for part in parts)


def test_pieces_hold_each_host_once() -> None:
    piece = Piece("cpu", Run(0, 60, 1), tuple("abcde"))
    assert [part.hosts for part in piece.of_fewer_hosts(2)] == [("a", "b"), ("c", "d"), ("e",)]


def test_a_month_is_whole_in_every_zone() -> None:
    for zone in ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"):
        window = Window.of_days(date(2025, 10, 1), date(2025, 10, 31), zone)
        for step in (300, HOUR, DAY):
            every = runs(window, step, zone, LATER, "fleet")
            assert (
                sum((timedelta(seconds=run.seconds * run.count) for run in every), timedelta())
                == window.end - window.start
            )
