"""Who works the series: what can be set, and the sentence for what cannot work."""

from pathlib import Path

import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.settings import ExecutorSettings, forecast_settings, load_settings

TCP = {"kind": "dask", "address": "tcp://host:8786"}
TLS = {"kind": "dask", "address": "tls://host:8786", "ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}


def test_worker_processes_are_the_default() -> None:
    assert forecast_settings().executor.kind == "processes"


@pytest.mark.parametrize("given", [TCP, TLS, {**TCP, "address": "tcp://[::1]:8786"}, {**TCP, "wait_seconds": 5.0}])
def test_a_cluster_is_reached_over_tcp_or_tls(given: dict[str, object]) -> None:
    executor = forecast_settings(executor=given).executor
    assert {name: getattr(executor, name) for name in given} == given


def test_a_settings_file_says_the_same_as_keywords(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("forecast: {executor: {kind: dask, address: 'tcp://host:8786', silence_seconds: 30}}\n")
    wanted = forecast_settings(executor={**TCP, "silence_seconds": 30.0})
    assert load_settings(path).forecast.executor == wanted.executor


def test_paths_may_be_paths() -> None:
    options = {name: Path(value) if name in ("ca", "cert", "key") else value for name, value in TLS.items()}
    assert forecast_settings(executor=options).executor == ExecutorSettings(**TLS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "spark"}, "executor.kind: must be one of processes, dask, not 'spark'"),
        ({"kind": "dask"}, "executor: address is missing; give the scheduler's, such as tcp://host:8786"),
        ({**TCP, "address": "http://host:8786"}, "executor: address must begin with tcp:// or tls://, not 'http://'"),
        ({**TCP, "address": "host:8786"}, "executor: address must be such as tcp://host:8786 or tls://host:8786"),
        ({**TCP, "address": "tcp://host"}, "executor: address must be such as tcp://host:8786"),
        ({**TCP, "address": "tcp://user:word@host:8786"}, "executor: address must be such as tcp://host:8786"),
        ({**TCP, "address": "tcp://host:99999"}, "executor: address must end in a port from 1 to 65535, not 99999"),
        (
            {**TCP, "address": "tls://host:8786"},
            "tls:// needs the files ca, cert and key; there is no ca, no cert, no key",
        ),
        ({**TLS, "key": ""}, "executor: an address with tls:// needs the files ca, cert and key; there is no key"),
        (
            {**TLS, "address": "tcp://host:8786"},
            "executor: ca, cert and key are files of TLS; give an address with tls://",
        ),
        ({"address": "tcp://host:8786"}, "executor: address is only for kind: dask; say kind: dask, or leave it out"),
        ({**TCP, "adress": "x"}, "executor.adress: is no option; did you mean address?"),
        ({**TCP, "wait_seconds": 0.0}, "executor.wait_seconds: must be more than 0.0, not 0.0"),
        (
            {**TCP, "silence_seconds": "10"},
            "executor.silence_seconds: must be a number, not '10'; leave the quotes out",
        ),
        ("dask", "executor: must be a mapping of options to values, not 'dask'"),
    ],
)
def test_what_cannot_work_is_told_in_a_sentence(given: object, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        forecast_settings(executor=given)
    assert said in str(error.value)


def test_a_refused_address_is_not_shown_where_it_may_hold_a_password() -> None:
    with pytest.raises(SettingsError) as error:
        forecast_settings(executor={**TCP, "address": "tcp://user:s3cret@host:8786"})
    assert "s3cret" not in str(error.value)
