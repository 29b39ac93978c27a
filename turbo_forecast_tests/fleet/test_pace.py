"""The pace: what is made of what workers note."""

import pytest

from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.executors.protocol import InFlight
from turbo_forecast.fleet.executors.worker_status import Tally
from turbo_forecast.fleet.pace import Pace, work_snapshot
from turbo_forecast.fleet.tasks import Step, Task


def at(lo: int, hi: int, series: int | None, finished: int) -> InFlight:
    return InFlight(Task(Step.FORECAST, Span(lo, hi)), series, 1.0, finished)


def test_series_of_a_chunk_in_flight_are_seen_and_so_is_what_lies_before_each_worker() -> None:
    """Of ten series three are finished and the fourth, being worked, counts for a half: 6.5 are left."""
    seen = work_snapshot([at(10, 20, 13, 3)], [Span(20, 30), Span(30, 35)], [], workers=2)
    assert (seen.unreported, seen.running, seen.waiting, seen.workers) == (3, [6.5], [10, 5], 2)


def test_a_chunk_that_is_being_written_has_nothing_left_but_is_not_reported_yet() -> None:
    seen = work_snapshot([at(10, 20, None, 10)], [], [], workers=1)
    assert (seen.unreported, seen.running) == (10, [0.0])


def test_a_chunk_whose_first_series_is_not_begun_is_all_before_its_worker() -> None:
    seen = work_snapshot([at(10, 20, None, 0)], [], [], workers=1)
    assert (seen.unreported, seen.running) == (0, [10.0])


def test_parts_that_are_finished_at_once_are_timed_from_the_first_on() -> None:
    """128 series in the first part, at second 10; two more parts until second 20: 10 s for 256 series."""
    pace = Pace(1280)
    pace.look([Tally(1, series=384, begun=1.0, first=10.0, until=20.0, busy=False, at_first=128)])
    assert pace.seconds_each == pytest.approx(10 / 256)
