"""What is lost when the code server is killed in mid-run, when PostgreSQL is stopped and started: nothing, and nothing is made twice."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from turbo_forecast_tests.browser.server import ENDED, settings
from turbo_forecast_tests.production.installation import Installation, ended_months
from turbo_forecast_tests.production.test_six_months import PART

pytestmark = pytest.mark.skipif(not os.environ.get("TURBO_FORECAST_DRILL"), reason="make drill: minutes of waiting")
KILLED, OUTAGE, REFUSED = ended_months(10)[:3]
GATED = ["seasonal_naive", "turbo_forecast_tests.end_to_end.gate:build"]


@contextmanager
def gated(installation: Installation, gate: Path) -> Iterator[None]:
    """In the block, runs wait in their fleet step until the gate is open."""
    for name in ("reached", "open"):
        (gate / name).unlink(missing_ok=True)
    installation.house.write_settings(settings(installation.telemetry, GATED))
    installation.server.reload()
    try:
        yield
    finally:
        (gate / "open").touch()
        installation.house.write_settings(settings(installation.telemetry))
        installation.server.reload()


def runs_of(installation: Installation, month: str) -> list[tuple[str, str]]:
    """Ids and statuses of the month's runs, the earliest first."""
    return [(run.id, run.status) for run in reversed(installation.server.runs()) if run.month == month]


@pytest.fixture(scope="module")
def killed(installation: Installation, gate: Path) -> list[tuple[str, str]]:
    """The runs of a month whose code server is killed with all its processes, and started again."""
    with gated(installation, gate):
        installation.launch(KILLED, assets=PART)
        installation.server.wait("the fleet step", (gate / "reached").exists)
        installation.kill("code")
        installation.start("code")
        (gate / "open").touch()

        def executed_again() -> list[tuple[str, str]]:
            found = runs_of(installation, KILLED)
            return found if len(found) == 2 and found[1][1] in ENDED else []

        installation.settle()
        ended: list[tuple[str, str]] = installation.server.wait("the run, executed again", executed_again, 300)
    return ended


def test_a_run_whose_code_server_was_killed_is_recorded_as_failed_and_executed_again(
    killed: list[tuple[str, str]], installation: Installation
) -> None:
    (lost, failed), (again, succeeded) = killed
    assert (failed, succeeded) == ("FAILURE", "SUCCESS")
    assert (
        f"run {lost} was left by a code server that has ended: recorded as failed"
        in installation.log("code").read_text()
    )
    stored = installation.house.query(
        f"SELECT DISTINCT run_id FROM run_audit WHERE strftime(cutoff, '%Y-%m') = '{KILLED}'"
    )
    assert stored["run_id"].to_list() == [again]


def test_nobody_holds_a_place_at_the_warehouse_when_all_runs_have_ended(
    killed: list[tuple[str, str]], installation: Installation
) -> None:
    with installation.instance() as instance:
        info = instance.event_log_storage.get_concurrency_info("duckdb_writer")
    assert (info.slot_count, list(info.claimed_slots), list(info.pending_steps)) == (1, [], [])


def test_a_second_code_server_is_refused_and_ends_no_run(
    killed: list[tuple[str, str]], installation: Installation
) -> None:
    first = installation.processes["code"]
    second = installation.start("code")
    assert second.wait(timeout=90) == 2
    installation.processes["code"] = first
    told = installation.log("code").read_text().splitlines()
    assert (
        f"error: a code server is at work for DAGSTER_HOME {installation.house.home} already: end that one first"
        in told
    )
    assert first.poll() is None


@pytest.fixture(scope="module")
def outage(killed: list[tuple[str, str]], installation: Installation, gate: Path) -> tuple[str, str]:
    """A run during which PostgreSQL was stopped and started."""
    with gated(installation, gate):
        run_id = installation.launch(OUTAGE, assets=PART)
        installation.server.wait("the fleet step", (gate / "reached").exists)
        installation.postgres.stop()
        installation.postgres.start()
        installation.settle()
        (gate / "open").touch()
        installation.server.wait("the run's end", lambda: installation.status(run_id) in ENDED, 300)
    return run_id, installation.status(run_id)


def test_a_run_outlives_a_restart_of_the_database(outage: tuple[str, str], installation: Installation) -> None:
    run_id, status = outage
    assert status == "SUCCESS"
    assert runs_of(installation, OUTAGE) == [(run_id, "SUCCESS")]


def test_after_a_restart_of_the_database_the_queue_goes_on(outage: tuple[str, str], installation: Installation) -> None:
    run_id = installation.launch(job="latest_month_check")
    installation.server.wait("the run's end", lambda: installation.status(run_id) in ENDED)
    assert installation.status(run_id) == "SUCCESS"


@pytest.mark.parametrize(("name", "kind"), [("webserver", signal.SIGINT), ("daemon", signal.SIGINT)])
def test_webserver_and_daemon_end_when_they_are_asked_to(
    name: str, kind: signal.Signals, installation: Installation
) -> None:
    assert installation.stop(name, kind=kind) == 0
    installation.start(name)
    installation.settle()


def test_a_code_server_that_is_asked_to_end_waits_for_the_run_at_work(installation: Installation, gate: Path) -> None:
    with gated(installation, gate):
        run_id = installation.launch(REFUSED, assets=PART)
        installation.server.wait("the fleet step", (gate / "reached").exists)
        process = installation.processes["code"]
        process.send_signal(signal.SIGTERM)
        (gate / "open").touch()
        installation.server.wait("the run's end", lambda: installation.status(run_id) in ENDED, 300)
        process.wait(timeout=90)
        installation.start("code")
        installation.settle()
    assert installation.status(run_id) == "SUCCESS"
