"""Answers that no test server gives when it is told to: statuses, warnings, web pages, JSON that was cut off."""

import json
import socket
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from turbo_forecast.errors import SettingsError, SourceError
from turbo_forecast.sources.prometheus.settings import PrometheusOptions
from turbo_forecast.sources.prometheus.source import PrometheusSource
from turbo_forecast_tests.sources.prometheus.fetched import hours

TWO_HOURS = hours(date(2025, 3, 1), 2)
START = int(TWO_HOURS.start.timestamp())
GOOD = {
    "status": "success",
    "data": {
        "resultType": "matrix",
        "result": [{"metric": {"instance": "a:9100"}, "values": [[START + 3600, "1.5"], [START + 7200, "2.5"]]}],
    },
}
Answers = Callable[[httpx.Request], httpx.Response]


def asked(*answers: httpx.Response | Exception, **options: Any) -> tuple[list[httpx.Request], list[float]]:
    """The requests and the values of a fetch of which each request gets the next answer; the last one for ever."""
    requests, left = [], list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given, Exception):
            raise given
        return given

    given = {"address": "http://metrics.test:9090/prometheus", "queries": {"cpu": "up"}, "patience_seconds": 2.0}
    source = PrometheusSource(
        "fleet", PrometheusOptions.model_validate({**given, **options}), httpx.MockTransport(answer)
    )
    batches = list(source.fetch(TWO_HOURS))
    return requests, [value for batch in batches for value in batch["value"].to_pylist()]


def good(**changes: object) -> httpx.Response:
    return httpx.Response(200, json={**GOOD, **changes})


def refused(response: httpx.Response | Exception, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        asked(response, **options)
    said = str(caught.value)
    assert said.startswith("sources.fleet: cpu: ")
    assert "\n" not in said
    return said.removeprefix("sources.fleet: cpu: ")


@pytest.mark.parametrize(
    "passing",
    [
        httpx.Response(429, headers={"Retry-After": "1"}, text="slow down"),
        httpx.Response(500, json={"status": "error", "errorType": "internal", "error": "disk"}),
        httpx.Response(502, html="<html>Bad Gateway</html>"),
        httpx.Response(200, content=json.dumps(GOOD).encode()[:60]),
        httpx.Response(
            422, json={"status": "error", "error": "fetch series: rpc error: code = Unavailable desc = store"}
        ),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        httpx.ConnectError("refused"),
    ],
    ids=["429", "500", "502", "cut off", "store away", "time-out", "closed", "refused"],
)
def test_what_passes_is_asked_again(passing: httpx.Response | Exception) -> None:
    requests, values = asked(passing, good())
    assert len(requests) == 2
    assert values == [1.5, 2.5]


def test_a_wait_that_is_longer_than_the_patience_is_not_begun() -> None:
    said = refused(httpx.Response(429, headers={"Retry-After": "3600"}, text="too many requests of tenant"))
    assert said == (
        "the server answered 429 Too Many Requests: too many requests of tenant; it was asked again for 2 s (patience_seconds)"
    )


@pytest.mark.parametrize(
    ("response", "sentence"),
    [
        (httpx.Response(401), "the server refused the credentials, or there are none (401 Unauthorized)"),
        (httpx.Response(403, text="no org id"), "or there are none (403 Forbidden: no org id)"),
        (httpx.Response(404, text="404 page not found"), "there is no Prometheus API at this address (404 Not Found)"),
        (httpx.Response(200, html="<!doctype html><title>Grafana</title>"), "it answers with a web page"),
        (
            httpx.Response(302, headers={"Location": "https://sso.test/login?ticket=1"}),
            "sends on to https://sso.test/login: give",
        ),
        (httpx.Response(200, json=[1]), "the answer is none of a Prometheus API"),
        (good(data={"resultType": "string", "result": [0, "x"]}), "the query gives no series of numbers"),
        (
            good(data={"resultType": "matrix", "result": [{"metric": {}, "histograms": []}]}),
            "the query gives histograms",
        ),
        (
            httpx.Response(400, json={"status": "error", "error": "parse error:\nhere"}),
            "cannot be answered: parse error: here",
        ),
    ],
)
def test_what_does_not_pass_is_one_sentence_at_once(response: httpx.Response, sentence: str) -> None:
    said = refused(response)
    assert sentence in said
    assert "asked again" not in said


@pytest.mark.parametrize("partial", [{"warnings": ["store s3 is away"]}, {"isPartial": True}])
def test_an_answer_that_may_lack_data_is_an_error(partial: dict[str, object]) -> None:
    assert refused(good(**partial)).startswith("the answer may lack data, and is not used: ")


def test_evaluations_at_other_times_than_asked_are_refused() -> None:
    moved = json.loads(json.dumps(GOOD).replace(str(START + 7200), str(START + 7000)))
    assert "query front ends do that align ranges with steps" in refused(httpx.Response(200, json=moved))


def test_a_host_without_an_address_in_the_network_is_told_at_once_a_name_server_that_is_away_is_asked_again() -> None:
    def unresolved(number: int, text: str) -> httpx.ConnectError:
        error = httpx.ConnectError(text)
        error.__cause__ = socket.gaierror(number, text)
        return error

    said = refused(unresolved(socket.EAI_NONAME, "Name or service not known"))
    assert (
        said
        == "the host of http://metrics.test:9090/prometheus has no address in the network: Name or service not known"
    )
    requests, values = asked(unresolved(socket.EAI_AGAIN, "Temporary failure in name resolution"), good())
    assert (len(requests), values) == (2, [1.5, 2.5])


@pytest.mark.parametrize(
    "limit",
    [
        httpx.Response(422, json={"status": "error", "error": "query processing would load too many samples into memory"}),
        httpx.Response(400, json={"status": "error", "error": "exceeded maximum resolution of 11,000 points per timeseries"}),
        httpx.Response(422, json={"status": "error", "error": "the query exceeded the maximum number of series (err-mimir-max-series-per-query)"}),
        httpx.Response(503, json={"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}),
        httpx.Response(504, html="<html>Gateway Timeout</html>"),
    ],
)  # fmt: skip
def test_a_limit_halves_the_span(limit: httpx.Response) -> None:
    halves = [
        httpx.Response(200, json={**GOOD, "data": {"resultType": "matrix", "result": [
            {"metric": {"instance": "a:9100"}, "values": [[START + 3600 * (i + 1), str(i)]]}]}}) for i in range(2)
    ]  # fmt: skip
    requests, values = asked(limit, *halves)
    assert values == [0.0, 1.0]
    asked_for = [parse_qs(request.content.decode()) for request in requests]
    assert [(int(form["start"][0]) - START, int(form["end"][0]) - START) for form in asked_for] == [
        (3600, 7200),
        (3600, 3600),
        (7200, 7200),
    ]


def test_a_single_span_that_takes_too_long_is_asked_again() -> None:
    slow = httpx.Response(504)
    first = {"metric": {"instance": "a:9100"}, "values": [[START + 3600, "1"]]}
    one = httpx.Response(200, json={**GOOD, "data": {"resultType": "matrix", "result": [first]}})
    none = httpx.Response(200, json={**GOOD, "data": {"resultType": "matrix", "result": []}})
    requests, values = asked(slow, slow, one, none)
    assert (len(requests), values) == (4, [1.0])


def test_a_request_says_all_that_the_options_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "planted-token")
    monkeypatch.setenv("EDGE", "planted-edge")
    requests, _ = asked(
        good(),
        queries={"cpu": "rate(x{$hosts}[$step])"},
        token_env="TOKEN",
        tenant="team-a",
        headers={"X-Team": "planning"},
        header_envs={"X-Edge": "EDGE"},
        parameters={"max_source_resolution": "auto"},
    )
    request = requests[0]
    assert (request.method, str(request.url)) == ("POST", "http://metrics.test:9090/prometheus/api/v1/query_range")
    sent = {
        "authorization": "Bearer planted-token",
        "x-scope-orgid": "team-a",
        "x-team": "planning",
        "x-edge": "planted-edge",
    }
    assert {name: request.headers[name] for name in sent} == sent
    form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
    assert form["query"] == 'rate(x{instance!=""}[3600s])'
    assert (form["partial_response"], form["nocache"], form["max_source_resolution"]) == ("false", "1", "auto")


def test_a_server_that_repeats_a_secret_does_not_bring_it_into_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "planted-token")
    said = refused(httpx.Response(400, text="bad header Authorization: Bearer planted-token"), token_env="TOKEN")
    assert "planted-token" not in said
    assert "Bearer [secret]" in said


@pytest.mark.parametrize("before", range(60, 90))
def test_a_long_text_is_not_cut_within_a_secret(monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    monkeypatch.setenv("TOKEN", "planted-token")
    text = "." * before + "planted-token" + "." * 400
    for response in (httpx.Response(400, text=text), good(warnings=[text]), httpx.Response(403, text=text)):
        said = refused(response, token_env="TOKEN")
        assert "planted" not in said
        assert "-token" not in said


def test_a_secret_that_is_not_there_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    with pytest.raises(SettingsError, match="sources.fleet: token_env: the environment's variable NOT_SET is not set"):
        asked(good(), token_env="NOT_SET")
    with pytest.raises(
        SettingsError, match="sources.fleet: header_envs.X-Edge: the environment's variable NOT_SET is not"
    ):
        asked(good(), header_envs={"X-Edge": "NOT_SET"})
