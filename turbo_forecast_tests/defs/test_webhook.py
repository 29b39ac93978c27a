"""A message is handed over or not, within its time; whatever happens, nothing of the address is told."""

import logging
import socket
import time

import pytest

from reference.servers.loopback import free_port
from turbo_forecast.defs import webhook
from turbo_forecast.defs.webhook import is_web_address, undelivered
from turbo_forecast_tests.defs.receiver import SECRET, listening

MESSAGE = {"text": "Köln & 東京", "turbo_forecast": {"n": 1}}


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_receiver_that_answers_2xx_has_the_message(status: int) -> None:
    with listening(statuses=[status]) as receiver:
        assert undelivered(receiver.address, MESSAGE) is None
    assert receiver.requests == [("POST", str(status), MESSAGE)]


def test_a_user_and_password_in_the_address_are_sent_as_the_receiver_asks_for_them() -> None:
    with listening() as receiver:
        # RFC 7617's own example: user Aladdin, password "open sesame"
        address = receiver.address.replace("http://", "http://Aladdin:open%20sesame@")
        assert undelivered(address, MESSAGE) is None
        assert undelivered(receiver.address, MESSAGE) is None
    assert receiver.logins == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", None]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "it answered 404 Not Found"),
        (429, "it answered 429 Too Many Requests"),
        (500, "it answered 500 Internal Server Error"),
        (599, "it answered 599"),
    ],
)
def test_a_receiver_that_answers_otherwise_has_not_taken_it(status: int, said: str) -> None:
    with listening(statuses=[status]) as receiver:
        assert undelivered(receiver.address, MESSAGE) == said


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_because_the_message_would_be_lost_on_the_way(status: int) -> None:
    with listening(statuses=[status]) as receiver:
        receiver.headers["Location"] = f"{receiver.address}/elsewhere"
        assert (undelivered(receiver.address, MESSAGE) or "").startswith(f"it answered {status}")
    assert [kind for kind, _, _ in receiver.requests] == ["POST"]


def test_a_receiver_that_drips_is_given_up_after_the_time_that_one_message_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "PATIENCE_SECONDS", 0.5)
    begun = time.monotonic()
    with listening(drips=0.1) as receiver:  # each byte comes sooner than any time-out of the socket
        assert (undelivered(receiver.address, MESSAGE) or "").startswith("it did not answer within")
        assert time.monotonic() - begun < 2


def test_a_receiver_that_accepts_and_says_nothing_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PATIENCE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/{SECRET}"
        assert (undelivered(address, MESSAGE) or "").startswith("it did not answer within")


UNREACHABLE = {
    "nobody listens": ("http://127.0.0.1:{port}/{secret}", "it cannot be reached: Connection refused"),
    "no such name": ("http://{secret}.invalid/{secret}", "its name cannot be found"),
    "no such port": ("http://127.0.0.1:{secret}/{secret}", "it cannot be reached (InvalidURL)"),
    "user and password": ("http://user:{secret}@127.0.0.1:{port}/", "it cannot be reached: Connection refused"),
    "control character": ("http://127.0.0.1:{port}/{secret}\x01", "it cannot be reached (InvalidURL)"),
    "not ASCII": ("http://127.0.0.1:{port}/{secret}ü", "it cannot be reached (UnicodeEncodeError)"),
    "half a bracket": ("http://[::1/{secret}", "it cannot be reached (ValueError)"),
}


@pytest.mark.parametrize(("address", "said"), UNREACHABLE.values(), ids=UNREACHABLE.keys())
def test_why_nobody_was_reached_is_told_without_the_address(
    address: str, said: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    assert undelivered(address.format(port=free_port(), secret=SECRET), MESSAGE) == said
    assert SECRET not in "".join([caplog.text, *capfd.readouterr()])


def test_a_receiver_that_does_not_speak_tls_is_told_apart() -> None:
    with listening() as receiver:
        reason = undelivered(receiver.address.replace("http:", "https:"), MESSAGE) or ""
    assert reason.startswith("no encrypted connection came about (SSL")
    assert SECRET not in reason


def test_a_message_that_was_taken_leaves_no_trace_of_the_address_in_any_log(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with listening() as receiver:
        assert undelivered(receiver.address, MESSAGE) is None
    assert SECRET not in "".join([caplog.text, *capfd.readouterr()])


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://hooks.slack.com/services/T/B/x", True),
        ("HTTP://localhost:8080", True),
        ("http://[::1]:80/", True),
        ("file:///etc/passwd", False),
        ("ftp://host/path", False),
        ("hooks.slack.com/services", False),
        ("http://", False),
        ("http:///path", False),
        ("http://host/a b", False),
        ("http://host/a\n", False),
        ("", False),
    ],
)
def test_only_addresses_of_the_web_are_asked(text: str, is_one: bool) -> None:
    assert is_web_address(text) is is_one
