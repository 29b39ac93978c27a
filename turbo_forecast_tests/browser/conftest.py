"""What browser tests share: one UI for all of them, on an instance that is empty at first, and a person before it.

The tests tell one story, and each needs the states before its own: those are fixtures, so that a test can run alone.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, sync_playwright

from turbo_forecast_tests.browser.clicks import Person
from turbo_forecast_tests.browser.server import Run, Server, serving, settings
from turbo_forecast_tests.end_to_end.conftest import House, as_telemetry, six_series

CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first of them is the same browser without what draws windows: a page costs a third."""
SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
"""A container has no sandbox to offer; and the browser asks nobody but the UI for anything."""
MONTH = "2025-12"
"""The last month of the telemetry."""
RANGE = ("2025-11", MONTH)
"""Its first month is at first made by a program with a defect (`blocked`): the range makes it again, as a run of its own would."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser, or a skip that says how to get it."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not found:
        pytest.skip("browser tests need Chromium, which is not on the PATH: apt-get install chromium-headless-shell")
    return found


@pytest.fixture(scope="session")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six healthy series, 2023-01-01 to 2025-12-31."""
    return as_telemetry(six_series(), tmp_path_factory.mktemp("telemetry") / "six.parquet")


@pytest.fixture(scope="session")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder at which runs with the gate's entrant wait until there is a file `open` in it."""
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="session")
def server(chromium: str, gate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The UI over an empty instance and an empty data folder, with no telemetry set."""
    folder = tmp_path_factory.mktemp("browser")
    house = House(folder / "house")
    house.write_settings(settings(None))
    with serving(house, folder / "dagster.log", GATE_OF_THE_TEST=str(gate)) as running:
        yield running


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives browsers: a process can have one of them."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def person(
    server: Server, chromium: str, playwright: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Person]:
    """Somebody who has never seen this UI: an empty profile."""
    browser = playwright.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"),
        executable_path=chromium,
        args=list(SWITCHES),
        headless=True,
        viewport={"width": 1500, "height": 1000},
    )
    try:
        yield Person(browser.pages[0], server)
    finally:
        browser.close()


@pytest.fixture(scope="session")
def first_look(person: Person) -> str:
    """The text of the first page that a person sees of an empty instance."""
    person.until(
        lambda: person.sees("Materialize all"),
        lambda: person.open("/"),
        person.page.get_by_role("link", name="Lineage").click,
    )
    person.sees(re.compile("^tournament$"))
    person.picture("01-empty-lineage")
    return str(person.page.inner_text("body"))


@pytest.fixture(scope="session")
def without_telemetry(first_look: str, person: Person, server: Server) -> Run:
    """The run of a person who has not said where the telemetry is."""
    with server.launched() as runs:
        person.materialise_unpartitioned("base_table")
    person.open(f"/runs/{runs[0].id}")
    person.sees("telemetry is not set")
    person.picture("02-telemetry-not-set")
    return runs[0]


@pytest.fixture(scope="session")
def december(without_telemetry: Run, person: Person, server: Server, telemetry: Path) -> Run:
    """The month, materialised by clicks after the telemetry was named in the settings file and the definitions reloaded."""
    server.house.write_settings(settings(telemetry))
    person.open("/asset-groups")
    before = server.read_at()
    person.launch("the definitions' reading", person.button("Reload definitions"), lambda: server.read_at() > before)
    server.wait("the location, reloaded", server.loaded)
    with server.launched() as runs:
        person.materialise_all(MONTH, picture="03-choose-the-month")
        running = server.wait("the run", lambda: [run for run in server.runs() if run.month == MONTH])
        person.open(f"/runs/{running[0].id}")
        person.sees("STEP_START")
        person.picture("04-watch-the-run")
    person.open(f"/runs/{runs[0].id}")
    person.sees("Success")
    person.picture("05-the-run-has-ended")
    return runs[0]


@pytest.fixture(scope="session")
def blocked(december: Run, person: Person, server: Server, telemetry: Path) -> Run:
    """The range's first month, forecast by a program that loses a host."""
    defect = "turbo_forecast_tests.end_to_end.defect:build"
    with server.other_entrants(telemetry, ["seasonal_naive", defect]), server.launched() as runs:
        person.materialise_all(RANGE[0])
    person.open(f"/runs/{runs[0].id}")
    person.sees("Failure")
    person.picture("20-downstream-is-blocked")
    return runs[0]


@pytest.fixture(scope="session")
def both_months(blocked: Run, person: Person, server: Server) -> list[Run]:
    """The runs that the range starts: the base table's, which is of no month, and one for each month."""
    with server.launched(count=1 + len(RANGE)) as runs:
        person.materialise_all(f"[{RANGE[0]}...{RANGE[-1]}]", picture="30-choose-a-range")
    person.open("/runs")
    person.sees(RANGE[-1])
    person.picture("31-one-run-a-month")
    return runs


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of one UI share it: they run in one process, and can be left out with -m 'not browser'.

    The dashboard's tests are of another UI, and can run at the same time.
    """
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            of_dashboard = item.path.is_relative_to(here / "dashboard")
            item.add_marker(pytest.mark.xdist_group("dashboard" if of_dashboard else "browser"))
