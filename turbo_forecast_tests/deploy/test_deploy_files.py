"""The files of deploy/: each is what its program takes, and each file, command and variable that they name exists."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from turbo_forecast.commands.app import main
from turbo_forecast.defs.alerts import WEBHOOK
from turbo_forecast.defs.code_server import PORT
from turbo_forecast.settings import DeploymentSettings, Environment, load_settings
from turbo_forecast.settings import environment as of_environment
from turbo_forecast_tests.deploy.test_instance_files import VARIABLES, read

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
CODE = DEPLOY / "systemd" / "turbo-forecast-code.service"
KNOWN = {
    *(
        value
        for value in vars(of_environment).values()
        if isinstance(value, str) and value.startswith("TURBO_FORECAST_")
    ),
    *VARIABLES,
    "TURBO_FORECAST_LOGS",
    WEBHOOK,
    "DAGSTER_HOME",
    "XDG_CACHE_HOME",
}
"""The variables that something reads."""
CHART = {
    *("global", "generatePostgresqlPasswordSecret", "postgresql", "dagsterWebserver", "dagster-user-deployments"),
    *("runLauncher", "dagsterDaemon", "computeLogManager", "retention", "telemetry", "additionalInstanceConfig"),
}
"""Names of the chart's own values, of those that are used here."""
NAMED = re.compile(r"\bTURBO_FORECAST_[A-Z_]+\b")


def every_file() -> list[Path]:
    return sorted(path for path in DEPLOY.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", [*every_file(), ROOT / "docs" / "production.md"], ids=lambda path: path.name)
def test_each_variable_that_is_named_is_read_by_something(path: Path) -> None:
    found = set(NAMED.findall(path.read_text()))
    assert {name.rstrip("_") for name in found} - {"TURBO_FORECAST_PG"} <= KNOWN


def test_the_known_variables_are_those_that_the_product_reads() -> None:
    assert set(Environment().variables()) <= KNOWN


def directives(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_there_is_a_service_for_each_process() -> None:
    assert {unit.stem for unit in UNITS} == {
        f"turbo-forecast-{name}" for name in ("code", "daemon", "webserver", "dashboard")
    }


def test_systemd_takes_the_services(tmp_path: Path) -> None:
    verifier = shutil.which("systemd-analyze")
    if not verifier:
        pytest.skip("systemd-analyze is not here: Debian's package systemd")
    for unit in UNITS:  # whose commands must be there for the verifier to be content
        text = unit.read_text()
        for program in re.findall(r"/opt/turbo-forecast/\.venv/bin/[\w-]+", text):
            text = text.replace(program, "/bin/true")
        text = re.sub(r"EnvironmentFile=.*", "", text)
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        [verifier, "verify", "--man=no", *sorted(tmp_path.glob("*.service"))],
        capture_output=True,
        text=True,
        timeout=120,
    )
    mine = [line for line in (done.stdout + done.stderr).splitlines() if "turbo-forecast" in line]
    assert mine == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_each_service_is_confined_and_restarted(unit: Path) -> None:
    found = directives(unit)
    assert found["User"] == ["turbo-forecast"]
    assert (found["ProtectSystem"], found["NoNewPrivileges"], found["CapabilityBoundingSet"]) == (
        ["strict"],
        ["yes"],
        [""],
    )
    assert found["Restart"] == ["always"]
    assert found["KillMode"] == ["mixed"], "a signal to all would end what the process itself ends in order"
    assert "MemoryDenyWriteExecute" not in found, "kernels are compiled into memory"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_commands_of_the_services_exist(unit: Path) -> None:
    scripts = (ROOT / "pyproject.toml").read_text()
    for command in [*directives(unit)["ExecStart"], *directives(unit).get("ExecReload", [])]:
        program, *arguments = command.split()
        name = Path(program).name
        assert name in {"python", "dagster-daemon", "dagster-webserver"} or f"{name} =" in scripts
        if name == "python":
            assert arguments[:2] == ["-m", "turbo_forecast.defs.code_server"]
            assert arguments[arguments.index("--port") + 1] == str(PORT)
        for argument in arguments:
            if argument.startswith("/opt/turbo-forecast/"):
                assert (ROOT / argument.removeprefix("/opt/turbo-forecast/")).is_file()


def test_only_services_that_need_secrets_get_them() -> None:
    with_secrets = {unit.stem.rpartition("-")[2] for unit in UNITS if "EnvironmentFile" in directives(unit)}
    assert with_secrets == {"code", "daemon", "webserver"}


def test_a_stop_of_the_code_server_waits_for_a_run() -> None:
    assert directives(CODE)["TimeoutStopSec"] == ["30min"]
    compose = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
    assert compose["services"]["code"]["stop_grace_period"] == "30m"


@pytest.mark.parametrize("path", ["systemd/turbo-forecast.env.example", "container/environment.example"])
def test_the_environment_files_set_what_the_instance_asks_for(path: str) -> None:
    lines = [line for line in (DEPLOY / path).read_text().splitlines() if line and not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines)
    assert set(VARIABLES) <= set(given)
    assert given["TURBO_FORECAST_PG_PASSWORD"] == "change-me"
    assert all(name in KNOWN or name.startswith("PGSSL") for name in given)


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "container" / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]  # type: ignore[misc]


def test_the_containerfile_copies_files_that_exist() -> None:
    copied = [value.split()[:-1] for name, value in instructions() if name == "COPY" and not value.startswith("--from")]
    assert len(copied) >= 5
    for source in [each for sources in copied for each in sources]:
        assert (ROOT / source).exists(), source


def test_the_image_is_of_the_lock_and_not_of_root() -> None:
    found = instructions()
    assert len([name for name, _ in found if name == "FROM"]) == 2, "what builds it is not in it"
    assert any("--require-hashes -r requirements.lock" in value for name, value in found if name == "RUN")
    names = [name for name, _ in found]
    user = next(value for name, value in found if name == "USER")
    assert user.split(":")[0].isdigit(), "Kubernetes cannot tell of a name that it is not root"
    assert names.index("USER") < len(names) - 1
    warmed = next(index for index, (name, value) in enumerate(found) if name == "RUN" and "warm.py" in value)
    assert warmed > names.index("USER"), "kernels are kept for their owner alone"


def test_the_image_holds_every_part_of_the_instance() -> None:
    (environment,) = [value for name, value in instructions() if name == "ENV"]
    given = dict(pair.split("=", 1) for pair in environment.split())
    assert {"DAGSTER_HOME", "TURBO_FORECAST_DATA", "TURBO_FORECAST_LOGS", "XDG_CACHE_HOME"} <= set(given)
    targets = [value.split()[-1] for name, value in instructions() if name == "COPY"]
    (linked,) = re.findall(r"ln -s (\S+) (\S+)", "\n".join(value for name, value in instructions() if name == "RUN"))
    assert linked[0] in targets
    assert linked[1] == f"{given['DAGSTER_HOME']}/dagster.yaml"
    assert not linked[0].startswith("/var/lib/turbo-forecast"), "a volume would keep the file of an older image"


def test_the_containers_workspace_is_that_of_the_checkout_with_the_containers_name() -> None:
    (own,) = yaml.safe_load((DEPLOY / "container" / "workspace.yaml").read_text())["load_from"]
    (checkouts,) = yaml.safe_load((ROOT / "workspace.production.yaml").read_text())["load_from"]
    assert own["grpc_server"] == {**checkouts["grpc_server"], "host": "code"}


def test_compose_starts_the_four_processes_and_keeps_to_itself_what_is_not_for_others() -> None:
    compose = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"postgres", "code", "daemon", "webserver", "dashboard"}
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "ports" not in services["code"]
    assert "ports" not in services["postgres"]
    used = {volume.split(":")[0] for service in services.values() for volume in service["volumes"]}
    assert {name for name in used if name.isidentifier()} == set(compose["volumes"])
    assert (DEPLOY / "container" / compose["x-product"]["build"]["context"]).resolve() == ROOT
    assert (ROOT / compose["x-product"]["build"]["dockerfile"]).is_file()
    for name in ("daemon", "webserver"):
        assert services[name]["stop_signal"] == "SIGINT"


def values() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
    return content


def test_the_charts_values_have_its_names() -> None:
    assert set(values()) == CHART


def test_the_cluster_has_the_same_queue_monitoring_and_retries() -> None:
    assert values()["additionalInstanceConfig"] == {
        name: read("dagster.production.yaml")[name]
        for name in ("concurrency", "run_queue", "run_monitoring", "run_retries", "retention", "nux")
    }
    daemon = values()["dagsterDaemon"]
    written_by_the_chart = [daemon[name]["enabled"] for name in ("runCoordinator", "runMonitoring", "runRetries")]
    assert [*written_by_the_chart, values()["retention"]["enabled"]] == [False] * 4, "a key may stand there once"


def test_the_cluster_has_dagster_and_postgresql_as_the_lock_has_them() -> None:
    (locked,) = re.findall(r"^dagster==([\d.]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    for part in ("dagsterWebserver", "dagsterDaemon"):
        assert values()[part]["image"]["tag"] == locked
    assert f"--version {locked}" in (DEPLOY / "kubernetes" / "values.yaml").read_text()
    scheme = read("dagster.production.yaml")["storage"]["postgres"]["postgres_db"]["scheme"]
    assert values()["postgresql"]["postgresqlScheme"] == scheme
    assert "postgresqlPassword" not in values()["postgresql"]


def test_the_clusters_volume_and_settings_are_those_that_stand_before_it(tmp_path: Path) -> None:
    claim, settings = yaml.safe_load_all((DEPLOY / "kubernetes" / "before.yaml").read_text())
    (deployment,) = values()["dagster-user-deployments"]["deployments"]
    volumes = {volume["name"]: volume for volume in deployment["volumes"]}
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert volumes["settings"]["configMap"]["name"] == settings["metadata"]["name"]
    assert {mount["name"] for mount in deployment["volumeMounts"]} == set(volumes)
    (name,) = settings["data"]
    mounted = next(m["mountPath"] for m in deployment["volumeMounts"] if m["name"] == "settings")
    variables = {each["name"]: each["value"] for each in deployment["env"]}
    assert variables["TURBO_FORECAST_CONFIG"] == f"{mounted}/{name}"
    (tmp_path / name).write_text(settings["data"][name])
    assert load_settings(tmp_path / name).deployment == DeploymentSettings()


def test_the_dashboards_command_takes_the_services_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboard", "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--data", "--host", "--port"):
        assert option in shown
