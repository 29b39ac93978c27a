"""Retries of what failed for a while: exponential back-off with jitter, bounded in total, ended at once when nobody waits any more.

Belongs here: when to ask again, and for how long. Does not belong here: which failures are of that kind (each kind of source).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_before_delay,
    stop_when_event_set,
    wait_random_exponential,
)

LONGEST_WAIT_SECONDS = 30.0
"""Between two attempts, unless the server asks for more."""
_BACK_OFF = wait_random_exponential(multiplier=0.25, max=LONGEST_WAIT_SECONDS)


class TemporaryError(Exception):
    """A failure that may pass: its message says what failed. wait_seconds: what the server asked for, at least."""

    def __init__(self, message: str, wait_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


def retrying(patience_seconds: float, ended: Event, on_wait: Callable[[str], None] | None = None) -> Retrying:
    """Calls again what raises TemporaryError, and raises the last one when the patience is used up or `ended` is set.

    on_wait: is told what failed, before each wait.
    """

    def before_sleep(state: RetryCallState) -> None:
        if on_wait is not None and state.outcome is not None:
            on_wait(str(state.outcome.exception()))

    return Retrying(
        before_sleep=before_sleep,
        retry=retry_if_exception_type(TemporaryError),
        wait=_wait,
        stop=stop_before_delay(patience_seconds) | stop_when_event_set(ended),
        sleep=sleep_using_event(ended),
        reraise=True,
    )


def _wait(state: RetryCallState) -> float:
    """Seconds until the next attempt: random, up to a bound that doubles with each; not less than the server asked for."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait_seconds if isinstance(error, TemporaryError) else 0.0
    return asked + _BACK_OFF(state)


def retry_after(header: str | None, now: datetime | None = None) -> float:
    """Seconds of HTTP's header Retry-After, which has seconds or a date (RFC 9110, 10.2.3); 0 where it says nothing."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), 1e9)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())
