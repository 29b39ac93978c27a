"""The two instance files: Dagster takes both, and they agree on all that holds across runs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from dagster._core.instance.ref import InstanceRef
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "dagster_home"
DEVELOPMENT, PRODUCTION = "dagster.yaml", "dagster.production.yaml"
OF_BOTH = ("concurrency", "run_monitoring", "run_retries", "telemetry", "nux")
OF_PRODUCTION = {"storage", "run_queue", "retention", "compute_logs", "code_servers"}
VARIABLES = {
    "TURBO_FORECAST_PG_HOST": "db.example.org",
    "TURBO_FORECAST_PG_PORT": "5433",
    "TURBO_FORECAST_PG_USER": "turbo",
    "TURBO_FORECAST_PG_PASSWORD": "p@ss:w/rd%",
    "TURBO_FORECAST_PG_DB": "runs",
}


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((HOME / name).read_text())
    return content


def variables_of(content: object) -> set[str]:
    """The environment variables that a file takes values from."""
    if isinstance(content, Mapping):
        own = {str(content["env"])} if set(content) == {"env"} else set()
        return own.union(*map(variables_of, content.values()))
    return set().union(*map(variables_of, content)) if isinstance(content, list) else set()


@pytest.mark.parametrize("name", [DEVELOPMENT, PRODUCTION])
def test_dagster_takes_the_file(name: str) -> None:
    validated, _ = dagster_instance_config(str(HOME), name)
    assert set(read(name)) <= set(validated)


def test_the_files_agree_on_what_holds_across_runs() -> None:
    development, production = read(DEVELOPMENT), read(PRODUCTION)
    assert set(development) == {*OF_BOTH, "storage"}
    assert set(production) == {*OF_BOTH, *OF_PRODUCTION}
    for section in OF_BOTH:
        mine, theirs = development[section], production[section]
        assert {name: theirs[name] for name in mine} == mine, section
    more = set(production["run_monitoring"]) - set(development["run_monitoring"])
    assert more == {"cancel_timeout_seconds", "max_runtime_seconds", "poll_interval_seconds"}


@pytest.mark.parametrize("name", [DEVELOPMENT, PRODUCTION])
def test_one_month_runs_at_a_time_and_one_step_is_at_the_warehouse(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = instance_of(name, tmp_path, monkeypatch)
    coordinator = instance.run_coordinator_data
    assert coordinator is not None
    assert coordinator.class_name == QueuedRunCoordinator.__name__
    concurrency = instance.settings["concurrency"]
    assert concurrency["pools"] == {"granularity": "op", "default_limit": 1}
    assert concurrency["runs"]["tag_concurrency_limits"] == [{"key": "dagster/partition", "limit": 1}]


def instance_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstanceRef:
    """What Dagster makes of the file, as the `dagster.yaml` of a folder; no database is asked."""
    (tmp_path / "dagster.yaml").symlink_to(HOME / name)
    for variable, value in {**VARIABLES, "TURBO_FORECAST_LOGS": str(tmp_path / "printed")}.items():
        monkeypatch.setenv(variable, value)
    return InstanceRef.from_dir(str(tmp_path))


def test_storage_is_postgresql_at_the_place_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster_postgres.utils import pg_url_from_config
    from sqlalchemy.engine import make_url

    resolved: dict[str, Any] = {}

    def told(inst_data: object, config_value: dict[str, Any]) -> None:
        resolved.update(config_value)
        raise LookupError

    monkeypatch.setattr("dagster_postgres.DagsterPostgresStorage.from_config_value", told)
    data = instance_of(PRODUCTION, tmp_path, monkeypatch).storage_data
    assert data is not None
    with pytest.raises(LookupError):
        data.rehydrate(as_type=object)
    url = make_url(pg_url_from_config(resolved))
    assert (url.drivername, url.host, url.port) == ("postgresql+psycopg2", "db.example.org", 5433)
    assert (url.username, url.password, url.database) == ("turbo", "p@ss:w/rd%", "runs")
    assert url.query["connect_timeout"] == "10"


def test_no_host_is_the_socket_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster_postgres.utils import pg_url_from_config
    from sqlalchemy.engine import make_url

    parts = {"hostname": "", "port": 5432, "username": "turbo", "password": "", "db_name": "runs"}
    url = make_url(pg_url_from_config({"postgres_db": {**parts, "scheme": "postgresql+psycopg2"}}))
    assert (url.host or "", url.password, url.database) == ("", None, "runs")


def test_what_steps_print_is_kept_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = instance_of(PRODUCTION, tmp_path, monkeypatch).compute_log_manager
    assert isinstance(manager, LocalComputeLogManager)
    assert manager.get_captured_local_path(["run"], "out").startswith(str(tmp_path / "printed"))


def test_the_production_file_holds_no_secret_and_asks_for_each_part() -> None:
    assert variables_of(read(PRODUCTION)) == {*VARIABLES, "TURBO_FORECAST_LOGS"}
    connection = read(PRODUCTION)["storage"]["postgres"]["postgres_db"]
    asked = {name for name, value in connection.items() if isinstance(value, dict) and set(value) == {"env"}}
    assert asked == {"hostname", "port", "username", "password", "db_name"}


def test_ticks_are_forgotten_after_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster._core.definitions.run_request import InstigatorType
    from dagster._core.instance.config import get_default_tick_retention_settings, get_tick_retention_settings

    retention = instance_of(PRODUCTION, tmp_path, monkeypatch).settings["retention"]
    for kind, section in ((InstigatorType.SCHEDULE, "schedule"), (InstigatorType.SENSOR, "sensor")):
        days = get_tick_retention_settings(retention[section], get_default_tick_retention_settings(kind))
        assert all(value > 0 for value in days.values()), "-1 is for ever"


def test_git_keeps_both_files() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "dagster_home/*" in ignored, "what Dagster writes there is nobody's"
    for name in (DEVELOPMENT, PRODUCTION):
        assert f"!dagster_home/{name}" in ignored


def test_the_instance_needs_no_variable_in_development(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TURBO_FORECAST_")]:
        monkeypatch.delenv(name)
    (tmp_path / "dagster.yaml").symlink_to(HOME / DEVELOPMENT)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        assert instance.get_runs() == []
