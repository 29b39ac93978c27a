"""Dagster's own command line works on the project as it is: checking, launching a month, launching a range."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from turbo_forecast_tests.end_to_end.conftest import ROOT, House

pytestmark = pytest.mark.slow

SCRIPTS = Path(sys.executable).parent


def dagster(house: House, telemetry: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **house.environment,
        "TURBO_FORECAST_DATA": str(house.data),
        "TURBO_FORECAST_TELEMETRY": str(telemetry),
        "TURBO_FORECAST_CONFIG": str(house.settings),
    }
    return subprocess.run(
        [str(SCRIPTS / command[0]), *command[1:]],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
    )


def months(house: House) -> list[str]:
    return house.query("SELECT DISTINCT CAST(cutoff AS VARCHAR) AS month FROM champions ORDER BY 1")["month"].to_list()


def test_the_definitions_are_valid(house: House, telemetry: Path) -> None:
    done = dagster(house, telemetry, "dg", "check", "defs")
    assert done.returncode == 0, done.stderr
    assert "All definitions loaded successfully" in done.stdout + done.stderr
    assert not house.data.exists(), "looking at definitions writes nothing"


def test_dg_launches_a_month_as_our_own_command_does(house: House, published: House, telemetry: Path) -> None:
    done = dagster(house, telemetry, "dg", "launch", "--job", "monthly_forecast", "--partition", "2025-12")
    assert done.returncode == 0, done.stderr[-3000:]
    assert months(house) == ["2025-12-31"]
    ours = {name: digest for name, digest in published.digests().items() if name.endswith("/2025-12")}
    assert house.digests() == ours


def test_dg_launches_no_range_of_months_for_a_run_is_of_one(house: House, telemetry: Path) -> None:
    command = ("dg", "launch", "--job", "monthly_forecast", "--partition-range", "2025-11...2025-12")
    done = dagster(house, telemetry, *command)
    assert done.returncode != 0
    assert "require all selected assets to have a BackfillPolicy.single_run() policy" in done.stdout + done.stderr
    assert not house.data.exists(), "nothing was written"


def test_a_run_that_fails_is_a_failure_to_the_shell_with_our_sentence(house: House, tmp_path: Path) -> None:
    done = dagster(house, tmp_path / "gone.csv", "dg", "launch", "--job", "monthly_forecast", "--partition", "2025-12")
    assert done.returncode != 0
    assert "gone.csv does not exist" in done.stdout + done.stderr


HERE = {"TURBO_FORECAST_DATA": "/h/data", "TURBO_FORECAST_TELEMETRY": "/h/t", "TURBO_FORECAST_CONFIG": "/h/c.yaml"}


def recipe(target: str, *variables: str, **environment: str) -> str:
    """What `make` would run, without running it; what the Makefile reads is in the environment only if given here."""
    read = {"DATA", "PORT", "TELEMETRY", "CONFIG", "MONTH", "HOSTS", "MAKEFLAGS", "MAKELEVEL", *HERE}
    kept = {name: value for name, value in os.environ.items() if name not in read}
    command = ["make", "--always-make", "--dry-run", target, *variables]
    done = subprocess.run(command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=True)
    return " ".join(done.stdout.replace("\\\n", " ").split())


@pytest.mark.parametrize("target", ["run", "ui"])
def test_make_hears_the_environment_and_its_own_arguments_before_it(target: str) -> None:
    for path in HERE.values():
        assert f'"{path}"' in recipe(target, **HERE)
    told = recipe(target, "DATA=/own/data", "TELEMETRY=/own/t", "CONFIG=/own/c.yaml", **HERE)
    assert all(f'"/own/{name}"' in told for name in ("data", "t", "c.yaml"))
    assert "/h/" not in told


def test_make_run_without_telemetry_takes_the_demo_fleet() -> None:
    told = recipe("run")
    assert '--data "data" --demo-hosts 2000' in told
    assert "--telemetry" not in told
    assert "--config" not in told


def test_make_dashboard_serves_the_data_folder_at_the_port_that_is_asked_for() -> None:
    assert 'turbo_forecast dashboard --data "data" --port 3001' in recipe("dashboard")
    assert 'turbo_forecast dashboard --data "/h/data" --port 3001' in recipe("dashboard", **HERE)
    assert 'dashboard --data "/own" --port 8080' in recipe("dashboard", "DATA=/own", "PORT=8080", **HERE)


def test_make_clean_leaves_results_where_they_are() -> None:
    assert recipe("clean") == "rm -rf .venv .venv-* turbo_forecast.egg-info"
