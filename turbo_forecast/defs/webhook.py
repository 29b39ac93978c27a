"""Handing one message over to an HTTP receiver whose address is a secret.

Belongs here: the request, how long it may take, and the words for what came of it. Does not belong here: what the
message says (`alert_messages.py`), and when it is sent again (`alerts.py`).

The standard library's client is used because it logs nothing: requests logs an address's path (on the level DEBUG)
and httpx the whole address (on INFO), and Slack's addresses are the permission to post.
"""

import json
import os
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

PATIENCE_SECONDS = 10.0
"""How long one message may take from the look-up of the receiver's name to its answer."""

_WEB = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)


class _NoRedirects(HTTPRedirectHandler):
    """A redirect is an answer like any other: following it would turn the message into a GET without content."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = build_opener(_NoRedirects)


def is_web_address(text: str) -> bool:
    """Whether the text is an http:// or https:// address; the client also knows file:// and ftp://."""
    return _WEB.fullmatch(text) is not None


def undelivered(address: str, message: Mapping[str, object]) -> str | None:
    """Post the message as JSON. None where the receiver has taken it (status 2xx), else why not.

    The reason holds nothing of the address. The answer is waited for in a thread: the client's own timeout begins anew
    with every byte that arrives, and does not cover the look-up of the name.
    """
    outcome: SimpleQueue[str | None] = SimpleQueue()
    Thread(target=lambda: outcome.put(_post(address, message)), daemon=True).start()
    try:
        return outcome.get(timeout=PATIENCE_SECONDS)
    except Empty:
        return _LATE


_LATE = f"it did not answer within {PATIENCE_SECONDS:g} seconds"


def _post(address: str, message: Mapping[str, object]) -> str | None:
    try:
        request = _request(address, json.dumps(message).encode())
        with _OPENER.open(request, timeout=PATIENCE_SECONDS):
            return None
    except HTTPError as answer:
        with answer:
            return f"it answered {_status(answer.code)}"
    except Exception as error:  # whatever it is, its own words may hold the address
        return _why(error.reason if isinstance(error, URLError) else error)


def _request(address: str, content: bytes) -> Request:
    """The request; a user and password in the address are sent as HTTP's basic authentication (RFC 7617).

    The client itself would take them for a part of the name, and look that up.
    """
    headers = {"Content-Type": "application/json", "User-Agent": "turbo-forecast"}
    parts = urlsplit(address)
    login, _, place = parts.netloc.rpartition("@")
    if login:
        headers["Authorization"] = f"Basic {b64encode(unquote(login).encode()).decode()}"
    return Request(urlunsplit(parts._replace(netloc=place)), data=content, headers=headers, method="POST")


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}" if code in HTTPStatus._value2member_map_ else str(code)


def _why(error: object) -> str:
    """Why there was no answer, in words of ours or of the system's: a library's may hold the address."""
    if isinstance(error, TimeoutError):
        return _LATE
    if isinstance(error, socket.gaierror):
        return "its name cannot be found"
    if isinstance(error, ssl.SSLError):  # an OSError, too, whose number is not the system's
        return f"no encrypted connection came about ({type(error).__name__})"
    if isinstance(error, OSError) and error.errno:
        return f"it cannot be reached: {os.strerror(error.errno)}"
    return f"it cannot be reached ({type(error).__name__})"
