"""Options of a Prometheus: what is taken, what is refused, and that no refusal shows a secret."""

from typing import Any

import pytest
from pydantic import ValidationError

from turbo_forecast.errors import SettingsError
from turbo_forecast.settings import one_sentence
from turbo_forecast.sources.prometheus.settings import PrometheusOptions
from turbo_forecast.sources.prometheus.source import PrometheusSource
from turbo_forecast.sources.protocol import Source
from turbo_forecast.sources.registry import source_of

HERE = {"address": "http://host:9090", "preset": "node_exporter"}


def refusal(**options: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        PrometheusOptions.model_validate({**HERE, **options})
    return one_sentence(caught.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"address": "http://planner:s3cret@host:9090"}, "has credentials in it"),
        ({"address": "ftp://host"}, "must begin with http:// or https:// and name a host"),
        ({"address": "http://"}, "must begin with http:// or https:// and name a host"),
        ({"address": "http://host:999999"}, "no readable host or port"),
        ({"address": "http://host/?token=s3cret"}, "must end before ? and #"),
        ({"address": ""}, "address is missing: give where the HTTP API is"),
        ({"preset": "none"}, "there is nothing to ask"),
        ({"preset": "windows"}, "preset: must be one of none, node_exporter, not 'windows'"),
        ({"queries": {"cpu": "rate(x[$__rate_interval])"}}, "has Grafana's $__rate_interval: write $step"),
        ({"queries": {"gpu": " "}}, "queries.gpu is empty"),
        ({"host_label": "1 x"}, "must be a label's name"),
        ({"zone": "Berlin", "step": "1d"}, "must be a zone such as Europe/Berlin, not 'Berlin'"),
        ({"zone": "+02:00", "step": "1d"}, "must be a zone such as Europe/Berlin"),
        ({"zone": "Europe/Berlin"}, "zone is only for step: 1d"),
        ({"step": "90s"}, "must be one of 5m, 10m"),
        ({"username": "planner"}, "username needs password_env or password_file"),
        ({"password_env": "P"}, "username needs password_env or password_file"),
        ({"token_env": "T", "token_file": "t"}, "token_env and token_file are both set"),
        ({"username": "u", "password_env": "P", "token_env": "T"}, "a password and a token are both named"),
        ({"token_env": "T", "header_envs": {"Authorization": "A"}}, "header_envs has Authorization"),
        ({"headers": {"X-Api-Key": "s3cret"}}, "looks like a secret: name its variable"),
        ({"headers": {"X-Scope-OrgID": "a"}}, "is no header that can be set here"),
        ({"headers": {"X-Team": "a\u00e9"}}, "has characters that no header can hold"),
        ({"parameters": {"query": "up"}}, "query is set for each query"),
        ({"parameters": {"token": "s3cret"}}, "looks like a secret"),
        ({"cert_file": "c.pem"}, "cert_file and key_file belong together"),
        ({"ca_file": "c.pem"}, "need an address with https://"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence_without_a_secret(options: dict[str, Any], sentence: str) -> None:
    said = refusal(**options)
    assert sentence in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://host:9090/", "http://host:9090"),
        ("https://mimir.test/prometheus/", "https://mimir.test/prometheus"),
        ("http://host:9090/api/v1/query", "http://host:9090"),
        ("http://[::1]:9090", "http://[::1]:9090"),
    ],
)
def test_an_address_is_kept_without_what_the_api_adds(given: str, kept: str) -> None:
    assert PrometheusOptions.model_validate({**HERE, "address": given}).address == kept


def test_a_section_of_the_settings_file_makes_a_source_or_one_sentence() -> None:
    made = source_of("fleet", {"kind": "prometheus", **HERE})
    assert isinstance(made, PrometheusSource)
    assert isinstance(made, Source)
    assert made.query["address"] == "http://host:9090"
    with pytest.raises(SettingsError) as caught:
        source_of("fleet", {"kind": "prometheus", **HERE, "address": "http://planner:s3cret@host"})
    assert str(caught.value).startswith("sources.fleet: address: has credentials in it")
    assert "s3cret" not in str(caught.value)


def test_an_address_stands_for_a_prometheus_with_node_exporters_metrics() -> None:
    recognised = PrometheusSource.recognises("prometheus+https://mimir.test/prometheus")
    assert recognised == {"address": "https://mimir.test/prometheus", "preset": "node_exporter"}
    assert PrometheusOptions.model_validate(recognised).address == "https://mimir.test/prometheus"
    assert [PrometheusSource.recognises(text) for text in ("http://host:9090", "prometheus+ftp://x", "a.csv")] == [
        None
    ] * 3


def test_ports_are_left_out_where_the_label_is_the_scraped_address() -> None:
    strips = {
        label: PrometheusOptions.model_validate({**HERE, "host_label": label}).strips_port
        for label in ("instance", "nodename")
    }
    assert strips == {"instance": True, "nodename": False}
    assert PrometheusOptions.model_validate({**HERE, "host_label": "node", "strip_port": True}).strips_port


def test_what_decides_the_rows_holds_the_queries_and_no_header() -> None:
    options = PrometheusOptions.model_validate(
        {**HERE, "queries": {"network": "", "gpu": "x"}, "headers": {"X-Team": "planning"}, "tenant": "a"}
    )
    decisive = options.decisive
    assert list(decisive["queries"]) == ["cpu", "memory", "disk:$mountpoint", "gpu"]
    assert decisive["tenant"] == "a"
    assert "planning" not in str(decisive)


def test_promql_may_have_lines_and_comments_and_other_options_may_not() -> None:
    query = "# what is used\navg_over_time(used_percent[$step])"
    assert PrometheusOptions.model_validate({**HERE, "queries": {"cpu": query}}).resources["cpu"] == query
    assert "must not hold control characters" in refusal(tenant="a\nb")
    assert "must not hold control characters" in refusal(queries={"a\nb": "up"})
    assert "must not hold control characters" in refusal(queries={"cpu": "up\x00"})
