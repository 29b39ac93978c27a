"""The code server of a shared installation: what it refuses, which runs it ends, that Dagster takes the process's place."""

import fcntl
import os
from pathlib import Path

import pytest
import yaml

from reference.servers.loopback import free_port
from turbo_forecast.defs import code_server
from turbo_forecast.defs.code_server import HOST, LOCK_NAME, PORT, main
from turbo_forecast.defs.links import LOCATION

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation's folder, and no settings."""
    for name in ("TELEMETRY", "CONFIG", "FIRST_MONTH"):
        monkeypatch.delenv(f"TURBO_FORECAST_{name}", raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    monkeypatch.setenv("TURBO_FORECAST_DATA", str(tmp_path / "data"))
    return folder


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Collects what the process would become."""
    commands: list[list[str]] = []

    def execv(path: str, arguments: list[str]) -> None:
        assert path == arguments[0]
        commands.append(arguments)

    monkeypatch.setattr(os, "execv", execv)
    return commands


def held_lock(home: Path) -> bool:
    with (home / LOCK_NAME).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_dagsters_code_server_takes_the_process_over_and_keeps_its_lock(home: Path, become: list[list[str]]) -> None:
    main(["--port", "4711"])
    (command,) = become
    assert command[1:5] == ["-m", "dagster", "code-server", "start"]
    assert command[command.index("--port") + 1] == "4711"
    assert command[command.index("--host") + 1] == "127.0.0.1", "nobody but this machine may have code executed"
    assert command[command.index("--location-name") + 1] == LOCATION
    assert held_lock(home)


def test_address_and_location_are_those_of_the_workspace() -> None:
    (entry,) = yaml.safe_load((ROOT / "workspace.production.yaml").read_text())["load_from"]
    assert entry == {"grpc_server": {"host": HOST, "port": PORT, "location_name": LOCATION}}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DAGSTER_HOME", "", "error: DAGSTER_HOME must name the folder of dagster.yaml"),
        ("DAGSTER_HOME", "/nowhere/at/all", "error: DAGSTER_HOME must name the folder of dagster.yaml"),
        ("TURBO_FORECAST_FIRST_MONTH", "soon", "TURBO_FORECAST_FIRST_MONTH"),
        ("TURBO_FORECAST_CONFIG", "/nowhere/settings.yaml", "/nowhere/settings.yaml"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence(
    variable: str,
    value: str,
    said: str,
    home: Path,
    become: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    assert main([]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert become == []


def test_a_reload_where_nobody_answers_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert main(["--reload", "--port", str(port)]) == 2
    assert capsys.readouterr().err == f"error: no code server answers at 127.0.0.1:{port}\n"
    assert not (home / LOCK_NAME).exists()


def test_runs_that_were_left_are_ended_when_the_new_server_serves(
    home: Path, become: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[object, ...]] = []
    monkeypatch.setattr(code_server, "orphaned_runs", lambda instance: ["a run"])
    monkeypatch.setattr(code_server, "end_beside_server", lambda *given: started.append(given))
    main(["--host", "0.0.0.0"])
    assert started == [(["a run"], "127.0.0.1", PORT)]
    assert len(become) == 1


def test_the_module_names_what_dagster_loads() -> None:
    (entry,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert entry["python_module"] == {"module_name": code_server.MODULE, "location_name": LOCATION}
