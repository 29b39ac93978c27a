"""Against a real Prometheus that has limits, asks for credentials, or goes away: the fetch is whole, or one sentence says why not."""

import base64
import json
import logging
import threading
import traceback
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from shutil import copytree

import pyarrow as pa
import pytest

from reference.servers.prometheus import Prometheus
from turbo_forecast.errors import SettingsError, SourceError, TurboForecastError
from turbo_forecast.sources.prometheus import client
from turbo_forecast_tests.certificates import Authority
from turbo_forecast_tests.sources.prometheus.conftest import StartPrometheus
from turbo_forecast_tests.sources.prometheus.fetched import MARCH, frame, gauges, hours, rows, source

pytestmark = pytest.mark.xdist_group("prometheus")

PASSWORD = "planted-pass-7f3a"
HASHED = "$2b$04$abcdefghijklmnopqrstuu.Zw3D9472FF2oweUMjCzfx/5SKs5tJa"
"""The same by bcrypt, as Prometheus' web configuration wants it."""
BRIEF = hours(date(2025, 3, 1), 30)


def test_a_server_that_is_started_again_in_the_middle_costs_nothing(
    start_prometheus: StartPrometheus, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_prometheus()
    failures = []
    known = client.connection_failure
    monkeypatch.setattr(
        client, "connection_failure", lambda error, address: failures.append(error) or known(error, address)
    )
    options = {"queries": gauges("many"), "max_points": 100}
    fetching = source(server.address, side_by_side=1, **options).fetch(MARCH)
    batches = [next(fetching)]
    server.stop()
    starting = threading.Thread(target=server.start)
    starting.start()
    batches += fetching
    starting.join()
    assert failures, "the outage was over before anything was asked"
    assert frame(pa.Table.from_batches(batches)).equals(rows(source(prometheus.address, **options)))


def test_a_server_that_stays_away_is_given_up_after_the_patience(start_prometheus: StartPrometheus) -> None:
    server = start_prometheus()
    server.stop()
    with pytest.raises(SourceError) as caught:
        rows(source(server.address, queries=gauges("many"), patience_seconds=0.5))
    assert str(caught.value) == (
        f"sources.fleet: many: {server.address} cannot be reached: Connection refused; it was asked again for 0.5 s (patience_seconds)"
    )


@pytest.mark.parametrize("most", [100, 30])
def test_limits_of_the_server_are_met_by_shorter_spans_and_fewer_hosts(
    start_prometheus: StartPrometheus, prometheus: Prometheus, most: int
) -> None:
    """40 hosts: 100 samples are two evaluations of all, 30 are one of some."""
    server = start_prometheus(f"--query.max-samples={most}")
    found = rows(source(server.address, queries=gauges("many")), BRIEF)
    assert found.equals(rows(source(prometheus.address, queries=gauges("many")), BRIEF))
    assert found.height == 40 * 30


def test_a_query_that_cannot_be_asked_in_parts_is_refused_with_advice(start_prometheus: StartPrometheus) -> None:
    server = start_prometheus("--query.max-samples=30")
    with pytest.raises(SourceError) as caught:
        rows(source(server.address, queries={"many": "avg_over_time(many_percent[$step])"}), BRIEF)
    assert "query processing would load too many samples" in str(caught.value)
    assert "write $hosts into the selectors of its query" in str(caught.value)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def locked(
    prometheus_blocks: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus with TLS that asks for a user's password and a client's certificate."""
    folder = tmp_path_factory.mktemp("locked")
    cert, key = authority.pair("server")
    config = folder / "web.yml"
    tls = f"cert_file: {cert}, key_file: {key}, client_ca_file: {authority.ca}, client_auth_type: RequireAndVerifyClientCert"
    config.write_text(f"tls_server_config: {{{tls}}}\nbasic_auth_users: {{planner: {HASHED}}}\n")
    server = Prometheus(folder / "server", [f"--web.config.file={config}"], scheme="https")
    server.client = tuple(map(str, authority.pair("probe")))
    copytree(prometheus_blocks, server.folder / "data")
    with server.running():
        yield server


@pytest.fixture
def keys(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of a client that is let in."""
    monkeypatch.setenv("FLEET_PASSWORD", PASSWORD)
    cert, key = map(str, authority.pair("client"))
    user = {"username": "planner", "password_env": "FLEET_PASSWORD"}
    return {**user, "ca_file": str(authority.ca), "cert_file": cert, "key_file": key}


def test_tls_with_a_clients_certificate_and_a_password_let_in(
    locked: Prometheus, prometheus: Prometheus, keys: dict[str, str]
) -> None:
    found = rows(source(locked.address, queries=gauges("many"), **keys), BRIEF)
    assert found.equals(rows(source(prometheus.address, queries=gauges("many")), BRIEF))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"username": "stranger"}, "the server refused the credentials, or there are none (401 Unauthorized"),
        ({"ca_file": ""}, "the server's certificate is not trusted: unable to get local issuer certificate"),
        ({"cert_file": "", "key_file": ""}, "name this client's certificate in cert_file and key_file"),
    ],
)
def test_who_is_not_let_in_gets_one_sentence(
    locked: Prometheus, keys: dict[str, str], change: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SourceError) as caught:
        rows(source(locked.address, queries=gauges("many"), **{**keys, **change}), BRIEF)
    assert str(caught.value).startswith("sources.fleet: many: ")
    assert sentence in str(caught.value)
    assert "patience" not in str(caught.value), "it was asked again, though that helps nobody"


def test_http_and_https_are_not_mixed_up(locked: Prometheus, prometheus: Prometheus) -> None:
    with pytest.raises(SourceError, match="sent an HTTP request to an HTTPS server"):
        rows(source(locked.address.replace("https", "http"), queries=gauges("many")), BRIEF)
    with pytest.raises(SourceError, match="is it http:// there?"):
        rows(source(prometheus.address.replace("http", "https"), queries=gauges("many")), BRIEF)


def test_a_file_of_tls_that_cannot_be_used_is_named(keys: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    for change, sentence in [
        ({"ca_file": "/absent.pem"}, "sources.fleet: ca_file: '/absent.pem' cannot be read: No such file or directory"),
        ({"key_file": str(tmp_path / "no.pem")}, "it is no PEM file that can be used"),
    ]:
        with pytest.raises(SettingsError) as caught:
            rows(source("https://127.0.0.1:1", queries=gauges("many"), **{**keys, **change}), BRIEF)
        assert sentence in str(caught.value)


def test_no_secret_is_in_anything_that_is_raised_or_logged_or_kept(
    locked: Prometheus, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pair = base64.b64encode(f"planner:{PASSWORD}".encode()).decode()
    for options in (keys, {**keys, "username": "stranger"}):
        asked = source(locked.address, queries={**gauges("many"), "cpu": "sum("}, **options)
        with pytest.raises(TurboForecastError) as caught:
            rows(asked, BRIEF)
        shown = [*_chain(caught.value), *traceback.format_exception(caught.value), json.dumps(asked.query), repr(asked)]
        shown += [str(vars(asked)), caplog.text]
        assert not any(secret in text for text in shown for secret in (PASSWORD, pair))


def _chain(error: BaseException | None) -> Iterator[str]:
    """An error with all that it came from, also what no traceback shows, and what these hold."""
    while error is not None:
        yield f"{error!r} {vars(error)}"
        for held in vars(error).values():
            yield str(getattr(held, "headers", ""))
        error = error.__cause__ or error.__context__
