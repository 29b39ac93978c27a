"""The connection to a Prometheus: requests with credentials, retried where that helps, answers as plain values.

Belongs here: HTTP. Does not belong here: which queries are asked (`querying.py`), and what a refusal means (`refusals.py`).
"""

import base64
import logging
import ssl
from collections.abc import Generator, Mapping
from threading import Event
from typing import Any, Self

import httpx

from turbo_forecast.errors import SettingsError, SourceError, refusal
from turbo_forecast.option_rules import shown
from turbo_forecast.sources.prometheus.cutting import Run
from turbo_forecast.sources.prometheus.refusals import (
    AbsentError,
    RefusedError,
    TooLargeError,
    connection_failure,
    content,
    require_success,
)
from turbo_forecast.sources.prometheus.settings import TENANT, PrometheusOptions
from turbo_forecast.sources.retries import TemporaryError, retrying
from turbo_forecast.sources.secrets import redacted, secret

logger = logging.getLogger(__name__)
CONNECT_SECONDS = 10.0
SERVER_TIMEOUT_SHARE = 0.9
"""Of timeout_seconds: a server that gives up before we do says that the query took too long, and it is asked for less."""
_WHOLE_ANSWER = {
    "partial_response": "false",  # Thanos: an error where a store is away, not what the others have
    "nocache": "1",  # VictoriaMetrics: it moves start and end of longer ranges, for its cache, without
}


class _Credentials(httpx.Auth):
    """Sets the headers that are secret. They are read for each request, for tokens in files are exchanged while a program works."""

    def __init__(self, where: str, options: PrometheusOptions) -> None:
        self._where, self._options = where, options
        self.seen: set[str] = set()
        """All that was ever sent, to be taken out of what is shown."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        for name, value in self.headers().items():
            request.headers[name] = value
        yield request

    def headers(self) -> dict[str, str]:
        """The headers. Raises SettingsError where a variable or file is not there."""
        options, found = self._options, {}
        for name, variable in options.header_envs.items():
            found[name] = self._secret(f"header_envs.{name}", variable, "", suffix=False)
        if options.username:
            password = self._secret("password", options.password_env, options.password_file)
            pair = f"{options.username}:{password}"
            self.seen.add(pair)
            found["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        if options.token_env or options.token_file:
            found["Authorization"] = f"Bearer {self._secret('token', options.token_env, options.token_file)}"
        return found

    def _secret(self, option: str, variable: str, file: str, *, suffix: bool = True) -> str:
        value = secret(f"{self._where}: {option}", variable=variable, file=file, suffix=suffix) or ""
        self.seen.add(value)
        if not value.isascii() and option != "password":
            raise SettingsError(f"{self._where}: {option} has characters that no header can hold")
        return value


class Client:
    """One Prometheus, until it is closed. Its methods may be called by several threads.

    where: the source, as sentences name it; ended: set when nobody waits for answers any more.
    transport: in the place of the network, for tests.
    """

    def __init__(
        self,
        where: str,
        options: PrometheusOptions,
        ended: Event,
        patience_seconds: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._where, self._options, self._ended, self._patience = where, options, ended, patience_seconds
        self._credentials = _Credentials(where, options)
        self._http = httpx.Client(
            auth=self._credentials,
            headers={**options.headers, **({TENANT: options.tenant} if options.tenant else {})},
            timeout=httpx.Timeout(options.timeout_seconds, connect=min(CONNECT_SECONDS, options.timeout_seconds)),
            limits=httpx.Limits(max_connections=options.side_by_side, max_keepalive_connections=options.side_by_side),
            # without TLS there is nobody to trust, and reading the system's authorities would take 20 ms of each window
            verify=self._trust() if options.address.startswith("https://") else False,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _trust(self) -> ssl.SSLContext:
        """Who is trusted, and as whom this client presents itself. Raises SettingsError, naming the option and the file."""
        options, option, file = self._options, "ca_file", self._options.ca_file
        try:
            context = ssl.create_default_context(cafile=file or None)
            if options.cert_file:
                option, file = "cert_file, key_file", f"{options.cert_file}, {options.key_file}"
                # an empty password: without one, OpenSSL asks for it on the terminal
                context.load_cert_chain(options.cert_file, options.key_file, password="")
        except (OSError, ValueError) as error:  # an ssl.SSLError is an OSError
            reason = "it is no PEM file that can be used, or its key has a password"
            if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
                reason = refusal(error)
            raise SettingsError(f"{self._where}: {option}: {shown(file)} cannot be read: {reason}") from None
        return context

    def matrix(self, what: str, query: str, run: Run) -> list[Any]:
        """The series of a query at the ends of a run's spans, as the API has them. what: the resource, as sentences name it.

        Raises TooLargeError where the server has a limit, SourceError for all else that it does not answer. A single span that
        takes too long is asked again: no shorter one can be asked for.
        """
        start, end = run.evaluations
        form = {
            **self._options.parameters,
            "query": query,
            "start": start,
            "end": end,
            "step": run.seconds,
            **_WHOLE_ANSWER,
        }
        form["timeout"] = f"{max(1, int(SERVER_TIMEOUT_SHARE * self._options.timeout_seconds))}s"
        data = self._request(what, "query_range", form, post=True, shortest=run.count == 1)
        if not isinstance(data, dict) or data.get("resultType") != "matrix":
            raise SourceError(f"{self._where}: {what}: the query gives no series of numbers")
        result = data["result"]
        assert isinstance(result, list)
        return result

    def hosts(self, run: Run) -> list[str]:
        """All values of the host's label around a run, sorted."""
        form = {"start": run.first - run.seconds, "end": run.end, "partial_response": "false"}
        found = self._request("hosts", f"label/{self._options.host_label}/values", form)
        return sorted({*map(str, found)} - {""})

    def build(self) -> Mapping[str, Any]:
        """What the server says of its version; empty where it has no such answer."""
        found = self._request("version", "status/buildinfo", {}, optional=True)
        return found if isinstance(found, dict) else {}

    def _request(
        self,
        what: str,
        path: str,
        form: Mapping[str, Any],
        *,
        post: bool = False,
        shortest: bool = False,
        optional: bool = False,
    ) -> Any:
        """The data of an answer; None where there is no such path and it is optional.

        Raises TooLargeError, or SourceError with one sentence without secrets.
        """

        def on_wait(failure: str) -> None:
            logger.warning("%s: %s: %s; it is asked again", self._where, what, failure)

        try:
            return retrying(self._patience, self._ended, on_wait)(self._attempt, path, form, post, shortest)
        except TooLargeError:
            raise
        except RefusedError as error:
            if optional and isinstance(error, AbsentError):
                return None
            raise SourceError(f"{self._where}: {what}: {error}") from None
        except TemporaryError as error:
            patience = f"{self._patience:g} s (patience_seconds)"
            raise SourceError(f"{self._where}: {what}: {error}; it was asked again for {patience}") from None

    def _attempt(self, path: str, form: Mapping[str, Any], post: bool, shortest: bool) -> Any:
        if self._ended.is_set():
            raise RefusedError("nobody waits for the answer any more")
        url = f"{self._options.address}/api/v1/{path}"
        try:
            response = self._http.post(url, data=form) if post else self._http.get(url, params=form)
        except httpx.HTTPError as error:
            failure = connection_failure(error, self._options.address)
        except httpx.InvalidURL:
            failure = RefusedError("the address cannot be used")
        else:
            return self._data(response, shortest)
        raise failure  # here, where it does not carry httpx's error, whose request has the secret headers

    def _data(self, response: httpx.Response, shortest: bool) -> Any:
        try:
            require_success(response, self._redacted)
        except TooLargeError as error:
            if shortest and error.of_time:
                raise TemporaryError(str(error)) from None
            raise
        return content(response, self._redacted)

    def _redacted(self, text: str) -> str:
        return redacted(text, self._credentials.seen)
