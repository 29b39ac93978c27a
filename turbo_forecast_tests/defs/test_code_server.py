"""The code server of a shared installation: what it refuses, which runs it ends, that Dagster takes the process's place."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test

from turbo_forecast.defs import code_server
from turbo_forecast.defs.code_server import HOST, LOCK_NAME, PORT, end_left_runs, main
from turbo_forecast.defs.links import LOCATION
from turbo_forecast_tests.browser.server import free_port

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


def origin(location: str) -> object:
    from dagster._core.remote_origin import (
        GrpcServerCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )

    server = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000, location_name=location)
    return RemoteJobOrigin(RemoteRepositoryOrigin(server, "__repository__"), "monthly_forecast")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


GRPC = {GRPC_INFO_TAG: '{"host": "127.0.0.1", "port": 4000}'}


def test_a_run_that_a_server_left_is_failed_and_its_place_is_free(instance: dg.DagsterInstance) -> None:
    storage, said = instance.event_log_storage, list[str]()
    storage.set_concurrency_slots("duckdb_writer", 1)
    run = create_run_for_test(
        instance, status=dg.DagsterRunStatus.STARTED, remote_job_origin=origin(LOCATION), tags=GRPC
    )
    storage.claim_concurrency_slot("duckdb_writer", run.run_id, "fleet_forecast")
    end_left_runs(instance, said.append)
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE
    assert list(storage.get_concurrency_info("duckdb_writer").claimed_slots) == []
    assert said == [f"run {run.run_id} was left by a code server that has ended: recorded as failed"]


@pytest.mark.parametrize(
    ("status", "location", "tags"),
    [
        (dg.DagsterRunStatus.STARTED, "sales", GRPC),
        (dg.DagsterRunStatus.STARTED, LOCATION, {}),
        (dg.DagsterRunStatus.STARTED, None, {}),
        (dg.DagsterRunStatus.STARTING, LOCATION, GRPC),
        (dg.DagsterRunStatus.QUEUED, LOCATION, GRPC),
        (dg.DagsterRunStatus.SUCCESS, LOCATION, GRPC),
    ],
    ids=["another location's", "a pod's", "the command's", "one that is starting", "one in the queue", "an ended one"],
)
def test_other_runs_are_left_as_they_are(
    status: dg.DagsterRunStatus, location: str | None, tags: dict[str, str], instance: dg.DagsterInstance
) -> None:
    run = create_run_for_test(
        instance, status=status, remote_job_origin=origin(location) if location else None, tags=tags
    )
    end_left_runs(instance, lambda line: pytest.fail(line))
    kept = instance.get_run_by_id(run.run_id)
    assert kept is not None
    assert kept.status is status


def test_the_module_names_what_dagster_loads() -> None:
    (entry,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert entry["python_module"] == {"module_name": code_server.MODULE, "location_name": LOCATION}
