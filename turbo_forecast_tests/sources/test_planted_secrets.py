"""A secret, planted in every place where somebody might put one, is in nothing that is said or written."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from turbo_forecast.commands.app import main
from turbo_forecast.month_keys import last_over

SECRET = "hunter2-Planted/="
HOST = "127.0.0.1:1"
"""Nobody answers there."""
PROMETHEUS = {"kind": "prometheus", "address": f"http://{HOST}", "preset": "node_exporter", "patience_seconds": 0}
SQL = {
    "kind": "sql",
    "address": f"postgresql://u@{HOST}/db",
    "attempts": 1,
    "query": "SELECT 1 AS value WHERE :start < :end",
}
Said = Callable[..., str]


@pytest.fixture
def said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Said:
    """What `check-telemetry` and `land` say of a source, given by an address or by its section; neither can succeed."""
    caplog.set_level(logging.DEBUG)
    for name in ("TELEMETRY", "CONFIG", "DATA"):
        monkeypatch.setenv(f"TURBO_FORECAST_{name}", "")
    for name, value in (("NO_PROXY", "*"), ("FLEET_SECRET", SECRET)):
        monkeypatch.setenv(name, value)
    (tmp_path / "secret").write_text(SECRET)

    def ask(address: str = "", section: dict[str, object] | None = None) -> str:
        config, data = tmp_path / "settings.yaml", tmp_path / "data"
        config.write_text(json.dumps({"sources": {"fleet": section}} if section else {}))
        named = ["--config", str(config)]
        assert main(["check-telemetry", address or "fleet", *named]) == 2
        land = ["land", "--month", last_over(), "--data", str(data), *named]
        assert main([*land, *(("--telemetry", address) if address else ())]) in (1, 2)
        printed = capfd.readouterr()
        written = [f"{path} {path.read_bytes()!r}" for path in data.rglob("*") if path.is_file()]
        return "\n".join([printed.out, printed.err, caplog.text, *written])

    return ask


def require_hidden(message: str) -> None:
    """Neither all of it, nor what stands before its slash or between that and an @, in any case of letters."""
    assert "error: " in message
    assert "hunter2" not in message.lower(), message
    assert "planted" not in message.lower().replace("test_planted_secrets", ""), message


@pytest.mark.parametrize("scheme", ["prometheus+http", "postgresql", "zabbix+postgresql", "mysql"])
@pytest.mark.parametrize("where", ["me:{}@{}/db", "me:1/{}@{}/db", "{}@{}:x/db", "{1}/db?password={0}", "{1}/db#{0}"])
def test_in_an_address(scheme: str, where: str, said: Said) -> None:
    require_hidden(said(f"{scheme}://{where.format(SECRET, HOST)}"))


@pytest.mark.parametrize(
    "options",
    [
        {"username": "u", "password_env": "FLEET_SECRET"},
        {"username": "u", "password_env": SECRET},
        {"token_env": "FLEET_SECRET"},
        {"token_env": SECRET},
        {"token": SECRET},
        {"password": SECRET},
        {"header_envs": {"X-Api-Key": "FLEET_SECRET"}},
        {"header_envs": {"X-Api-Key": SECRET}},
        {"headers": {"Authorization": f"Bearer {SECRET}"}},
        {"headers": {"X-Api-Key": SECRET}},
        {"parameters": {"api_key": SECRET}},
        {"address": f"http://me:{SECRET}@{HOST}"},
        {"address": f"http://me:1/{SECRET}@{HOST}"},
        {"address": f"http://{HOST}/?token={SECRET}"},
    ],
)  # fmt: skip
def test_in_an_option_of_prometheus(options: dict[str, object], said: Said) -> None:
    require_hidden(said(section={**PROMETHEUS, **options}))


@pytest.mark.parametrize("kind", ["sql", "zabbix"])
@pytest.mark.parametrize(
    "options",
    [
        {"password_env": "FLEET_SECRET"},
        {"password_env": SECRET},
        {"password": SECRET},
        {"address": f"postgresql://me:{SECRET}@{HOST}/db"},
        {"address": f"postgresql://me@{HOST}/db?password={SECRET}"},
        {"address": f"host=127.0.0.1 port=1 user=me password={SECRET} dbname=db"},
        {"address": f"me:{SECRET}@{HOST}/db"},
    ],
)  # fmt: skip
def test_in_an_option_of_a_database(kind: str, options: dict[str, object], said: Said) -> None:
    section = {**SQL, "kind": kind, **options}
    require_hidden(said(section=section if kind == "sql" else {k: v for k, v in section.items() if k != "query"}))


def test_in_a_file(said: Said, tmp_path: Path) -> None:
    file = str(tmp_path / "secret")
    for section in ({**PROMETHEUS, "token_file": file}, {**SQL, "password_file": file}):
        require_hidden(said(section=section))
