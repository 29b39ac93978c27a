"""What an operator asks a shared installation: whether each process is well, and whether the tables are up to date."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from turbo_forecast_tests.end_to_end.conftest import ROOT
from turbo_forecast_tests.production.installation import Installation

BIN = Path(sys.executable).parent


def command(installation: Installation, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(BIN / arguments[0]), *arguments[1:]],
        cwd=ROOT,
        env=installation.environment,
        capture_output=True,
        text=True,
        timeout=170,
    )


def test_the_webserver_says_what_it_is(installation: Installation) -> None:
    with urllib.request.urlopen(f"{installation.server.url}/server_info", timeout=60) as answer:
        told = json.load(answer)
    assert told["dagster_version"] in (ROOT / "pyproject.toml").read_text()


def test_the_daemon_and_the_code_server_are_found_well(installation: Installation) -> None:
    installation.server.wait(
        "the daemon's signs of life", lambda: command(installation, "dagster-daemon", "liveness-check").returncode == 0
    )
    health = ("dagster", "api", "grpc-health-check", "--port")
    assert command(installation, *health, str(installation.code_port)).returncode == 0


def test_migrating_an_instance_that_is_up_to_date_changes_nothing(installation: Installation) -> None:
    before = installation.postgres.ask("SELECT version_num FROM alembic_version")
    done = command(installation, "dagster", "instance", "migrate")
    assert done.returncode == 0, done.stderr
    assert installation.postgres.ask("SELECT version_num FROM alembic_version") == before


def test_definitions_are_read_again_by_the_command_of_the_service(installation: Installation) -> None:
    reload = ("python", "-m", "turbo_forecast.defs.code_server", "--port", str(installation.code_port), "--reload")
    before = installation.log("code").read_text().count("Started Dagster code server")
    done = command(installation, *reload)
    assert done.returncode == 0, done.stderr
    after = installation.log("code").read_text().count("Started Dagster code server")
    assert after == before + 1
    installation.server.wait("the definitions", installation.server.loaded)


def test_a_database_that_is_away_is_no_sign_of_life(installation: Installation) -> None:
    nobody = {**installation.environment, "TURBO_FORECAST_PG_PORT": "1"}
    done = subprocess.run(
        [str(BIN / "dagster-daemon"), "liveness-check"],
        cwd=ROOT,
        env=nobody,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode != 0
    assert installation.environment["TURBO_FORECAST_PG_PASSWORD"] not in done.stdout + done.stderr
