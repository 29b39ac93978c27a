"""Errors in a server's answers: which are retried, which are retried in smaller parts, and the sentence for the others.

Belongs here: statuses, error texts and failures of the connection, by kind. Does not belong here: asking (`client.py`).
"""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson

from turbo_forecast.sources.retries import TemporaryError, retry_after
from turbo_forecast.text import one_line, shown_location

LONGEST_SHOWN = 240
"""Characters of a server's own text that are shown."""
LONGEST_READ = 16_384
"""Characters of it that are looked at."""
TOO_MANY_REQUESTS, CONTENT_TOO_LARGE, GATEWAY_TIMEOUT = 429, 413, 504
_ANY_LIMIT = re.compile(
    r"too many (samples|points|series|bytes|chunks)|exceed|cannot select more than|larger than|err-mimir-max|not enough memory"
    r"|too long query",
    re.IGNORECASE,
)
"""What Prometheus, Thanos, Mimir and VictoriaMetrics say of a query that is too large for their limits."""
_SERIES_LIMIT = re.compile(r"series|chunk|too long query|maxUniqueTimeseries", re.IGNORECASE)
_POINTS_LIMIT = re.compile(r"per timeseries|maxPointsPerTimeseries|resolution", re.IGNORECASE)
_TIMED_OUT = re.compile(r"timed out|timeout|deadline", re.IGNORECASE)
_UNAVAILABLE = re.compile(r"code = unavailable|connection (refused|reset)|no such host|i/o timeout", re.IGNORECASE)
"""What a server says when another one behind it is away, as Thanos does of its stores, with any status."""
_TEMPORARY_DNS_ERRORS = (socket.EAI_AGAIN,)
Redact = Callable[[str], str]
"""Takes secrets out of a text: before it is cut, for no half of one is recognised."""


class RefusedError(Exception):
    """The server will not answer this, however often it is asked: the message says why, as the end of a sentence."""


class AbsentError(RefusedError):
    """There is no such path of the API at the address."""


class TooLargeError(RefusedError):
    """The query is too large for a limit of the server.

    of_series: the limit is of series, not of points; of_time: of time, which a busy server needs more of than an idle one.
    """

    def __init__(self, message: str, *, of_series: bool = False, of_time: bool = False) -> None:
        super().__init__(message)
        self.of_series, self.of_time = of_series, of_time


def require_success(response: httpx.Response, redact: Redact) -> None:
    """Raises TemporaryError, TooLargeError or RefusedError for an answer whose status is no success."""
    if response.is_success:
        return
    status = f"{response.status_code} {response.reason_phrase}".strip()
    whole = redact(_server_text(response))
    message = _shown(one_line(whole, LONGEST_READ))
    answered = f"the server answered {status}" + (f": {message}" if message else "")
    if response.status_code in (401, 403):
        raise RefusedError(
            f"the server refused the credentials, or there are none ({status}{': ' + message if message else ''})"
        )
    if response.status_code == TOO_MANY_REQUESTS or _UNAVAILABLE.search(whole):
        raise TemporaryError(answered, retry_after(response.headers.get("Retry-After")))
    if response.status_code == GATEWAY_TIMEOUT or (response.is_server_error and _TIMED_OUT.search(whole)):
        raise TooLargeError(answered, of_time=True)
    if response.status_code == CONTENT_TOO_LARGE or _ANY_LIMIT.search(whole):
        raise TooLargeError(answered, of_series=bool(_SERIES_LIMIT.search(whole)) and not _POINTS_LIMIT.search(whole))
    if response.is_server_error:
        raise TemporaryError(answered, retry_after(response.headers.get("Retry-After")))
    if response.has_redirect_location:
        place = shown_location(response.headers["Location"])
        raise RefusedError(
            f"the server sends on to {one_line(place, LONGEST_SHOWN)}: give that address, or log in by a token"
        )
    if response.status_code in (404, 405) or _is_html(response):
        raise AbsentError(
            f"there is no Prometheus API at this address ({status}): it may need a path, as Mimir's /prometheus does"
        )
    raise RefusedError(f"the query cannot be answered: {message or status}")


def content(response: httpx.Response, redact: Redact) -> Any:
    """The `data` of a successful answer. Raises TemporaryError for one that was cut off, RefusedError for one that cannot be used."""
    if _is_html(response):
        raise AbsentError("there is no Prometheus API at this address: it answers with a web page")
    try:
        answer = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        raise TemporaryError("the answer is no JSON, or was cut off") from None
    if not isinstance(answer, dict) or answer.get("status") != "success" or "data" not in answer:
        raise RefusedError("the answer is none of a Prometheus API")
    if answer.get("warnings") or answer.get("isPartial"):
        message = redact("; ".join(map(str, answer.get("warnings") or ["it says isPartial"])))
        raise RefusedError(f"the answer may lack data, and is not used: {one_line(message, LONGEST_SHOWN)}")
    return answer["data"]


def _server_text(response: httpx.Response) -> str:
    """The error that an answer holds; nothing for a web page."""
    if _is_html(response):
        return ""
    try:
        found = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return response.content.decode(errors="replace")
    return str(found.get("error") or found.get("message") or "") if isinstance(found, dict) else str(found)


def _shown(message: str) -> str:
    """A server's text for a sentence: the beginning and the end of a long one, for VictoriaMetrics tells the reason last."""
    if len(message) <= LONGEST_SHOWN:
        return message
    return f"{message[: LONGEST_SHOWN // 3]} … {message[-2 * LONGEST_SHOWN // 3 :]}"


def _is_html(response: httpx.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "") or response.content[:1] == b"<"


def connection_failure(error: httpx.HTTPError, address: str) -> Exception:
    """What becomes of a request that no answer came to: TemporaryError, or RefusedError where it will never come."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = f"the server's certificate is not trusted: {cause.verify_message}"
            return RefusedError(f"{why}; name its authority's file in ca_file")
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return RefusedError(f"there is no TLS connection to {address}: {_ssl_reason(cause)}")
        if isinstance(cause, socket.gaierror) and cause.errno not in _TEMPORARY_DNS_ERRORS:
            return RefusedError(f"the host of {address} has no address in the network: {cause.strerror}")
    if isinstance(error, httpx.UnsupportedProtocol | httpx.TooManyRedirects | httpx.DecodingError):
        return RefusedError(f"the server's answer cannot be read: {one_line(str(error), LONGEST_SHOWN)}")
    if isinstance(error, httpx.TimeoutException):
        return TemporaryError(f"{address} does not answer in time")
    message = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), str(error))
    return TemporaryError(
        f"{address} cannot be reached: {_shown(one_line(message or type(error).__name__, LONGEST_READ))}"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what caused it, the innermost first."""
    if error is not None:
        yield from _causes(error.__cause__ or error.__context__)
        yield error


def _ssl_reason(error: ssl.SSLError) -> str:
    reason = (error.reason or str(error)).replace("_", " ").lower()
    if "wrong version number" in reason or "record layer failure" in reason:
        return f"{reason}; is it http:// there?"
    if "certificate required" in reason or "bad certificate" in reason:
        return f"{reason}; name this client's certificate in cert_file and key_file"
    return one_line(reason, LONGEST_SHOWN)
