"""Retries: what is waited for, how long, and when it ends."""

from datetime import UTC, datetime
from threading import Event

import pytest

from turbo_forecast.sources.retries import TemporaryError, retry_after, retrying


def test_what_fails_for_a_while_is_asked_again() -> None:
    failures = [TemporaryError("away"), TemporaryError("away")]

    def asked() -> str:
        if failures:
            raise failures.pop()
        return "answer"

    messages: list[str] = []
    assert retrying(60, Event(), messages.append)(asked) == "answer"
    assert messages == ["away", "away"]


def test_patience_ends_before_a_wait_that_would_pass_it() -> None:
    calls = []

    def asked() -> None:
        calls.append(1)
        raise TemporaryError("busy", wait_seconds=3600)

    with pytest.raises(TemporaryError, match="busy"):
        retrying(5, Event())(asked)
    assert len(calls) == 1


def test_nothing_is_asked_again_for_nobody() -> None:
    ended = Event()
    ended.set()
    with pytest.raises(TemporaryError):
        retrying(3600, ended)(_fail)


def _fail() -> None:
    raise TemporaryError("away")


def test_other_errors_are_not_asked_again() -> None:
    calls = []

    def asked() -> None:
        calls.append(1)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        retrying(60, Event())(asked)
    assert len(calls) == 1


def test_the_header_retry_after_has_seconds_or_a_date() -> None:
    noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
    assert retry_after("7", noon) == 7
    assert retry_after("Wed, 01 Jan 2025 12:01:30 GMT", noon) == 90
    assert retry_after("Wed, 01 Jan 2025 11:00:00 GMT", noon) == 0
    assert [retry_after(text, noon) for text in (None, "", "soon", "-1")] == [0, 0, 0, 0]
