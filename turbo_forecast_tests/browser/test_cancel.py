"""A run is cancelled by a click and executed again by another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from turbo_forecast_tests.browser.clicks import Person
from turbo_forecast_tests.browser.server import Run, Server

MONTH = "2025-08"


@pytest.fixture(scope="module")
def gated(december: Run, server: Server, telemetry: Path) -> Iterator[None]:
    """Runs wait in their fleet step until the gate is open."""
    with server.other_entrants(telemetry, ["seasonal_naive", "turbo_forecast_tests.end_to_end.gate:build"]):
        yield


@pytest.fixture(scope="module")
def cancelled(gated: None, person: Person, server: Server, gate: Path) -> Run:
    """A run that waits in its fleet step, and is terminated there."""
    with server.launched() as runs:
        person.materialise_all(MONTH)
        server.wait("the fleet step", (gate / "reached").exists)
        person.open(f"/runs/{server.runs()[0].id}")
        terminate = person.button("Terminate 1 run")
        person.launch("the question", person.page.get_by_role("button", name="Terminate").first, terminate.is_visible)
        person.launch("the end", terminate, terminate.is_hidden)
    person.open(f"/runs/{runs[0].id}")
    person.sees("Canceled")
    person.picture("50-cancelled")
    return runs[0]


@pytest.fixture(scope="module")
def executed_again(cancelled: Run, person: Person, server: Server, gate: Path) -> Run:
    """The same run from its page, with nothing in its way."""
    (gate / "open").touch()
    before = len(server.runs())
    person.open(f"/runs/{cancelled.id}")
    with server.launched() as runs:
        person.launch("the run", person.button("Re-execute all"), lambda: len(server.runs()) > before)
    return runs[0]


def test_a_run_is_cancelled_by_a_click(cancelled: Run, server: Server) -> None:
    assert cancelled.status == "CANCELED"
    assert MONTH not in server.months_of("fleet_forecast")
    assert server.house.leftovers() == []


def test_a_cancelled_run_can_be_executed_again(executed_again: Run, server: Server) -> None:
    assert (executed_again.status, executed_again.month) == ("SUCCESS", MONTH)
    assert set(server.verdicts(MONTH).values()) == {"SUCCEEDED"}
