"""When a worker is replaced before anybody is to blame, and when it waits to be seen."""

import time
from collections.abc import Iterator

import pytest

from turbo_forecast.fleet import worker_growth
from turbo_forecast.fleet.worker_growth import Growth


class Held:
    """What the worker is said to hold, one answer after the other; the last one stays."""

    def __init__(self, *answers: float) -> None:
        self.answers: Iterator[float] = iter(answers)
        self.last = 0.0

    def __call__(self) -> float:
        self.last = next(self.answers, self.last)
        return self.last


def held(monkeypatch: pytest.MonkeyPatch, *answers: float) -> None:
    monkeypatch.setattr(worker_growth, "held_mb", Held(*answers))


def test_the_line_is_three_quarters_of_the_way_from_the_first_piece_of_work_to_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From 200 to 1,000: the line is 800."""
    own = Growth(1000)
    for mb in (200, 350, 500, 650, 799):
        held(monkeypatch, mb)
        assert not own.is_too_much()
    held(monkeypatch, 801)
    assert own.is_too_much()


def test_a_worker_is_replaced_where_as_much_as_a_piece_has_left_would_not_fit_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next piece would be blamed for what all have left: of 400 at most, there is no room above 600."""
    own = Growth(1000)
    for mb in (100, 500, 600):
        held(monkeypatch, mb)
        assert not own.is_too_much()
    held(monkeypatch, 601)
    assert own.is_too_much()


def test_what_is_given_back_when_somebody_asks_is_no_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Growth(1000)
    held(monkeypatch, 200)
    own.is_too_much()
    held(monkeypatch, 900, 300)
    assert not own.is_too_much()


@pytest.mark.parametrize("first", [500, 990, 2000])
def test_the_first_piece_of_work_is_never_too_much_and_the_same_again_is_no_growth(
    first: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a worker whose limit is tight would be replaced after each series."""
    own = Growth(1000)
    held(monkeypatch, first)
    assert not any(own.is_too_much() for _ in range(5))


def test_without_a_limit_nothing_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Growth(0)
    held(monkeypatch, 1, 10**9)
    assert not any(own.is_too_much() for _ in range(3))
    own.wait_to_be_seen()


def test_a_worker_waits_to_be_seen_only_while_it_holds_more_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_growth, "WAIT_SECONDS", 60.0)
    began = time.monotonic()
    held(monkeypatch, 1000)
    Growth(1000).wait_to_be_seen()
    held(monkeypatch, 1001, 1001, 1001, 900)
    Growth(1000).wait_to_be_seen()
    assert time.monotonic() - began < 30


def test_a_worker_that_nobody_ends_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parent counts shared memory by its share, and may judge otherwise."""
    monkeypatch.setattr(worker_growth, "WAIT_SECONDS", 0.2)
    held(monkeypatch, 5000)
    began = time.monotonic()
    Growth(1000).wait_to_be_seen()
    assert time.monotonic() - began >= 0.2
