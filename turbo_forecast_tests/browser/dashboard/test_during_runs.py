"""Readers and runs do not disturb each other: both directions, with real processes on one data folder.

A month is made again by the command while its pages are loaded without a pause; and it is made again while everything that
reads has it open. `make drill` does the same with a larger fleet, more pages, and settings that change from run to run.
"""

import os
import re
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import pytest
import yaml
from playwright.sync_api import Browser, expect

from turbo_forecast.schemas import CAPACITY_OUTLOOK, SERIES_OUTCOMES
from turbo_forecast_tests.browser.dashboard.served import Dashboard, Made, addresses, dashboard, ended, make_demo
from turbo_forecast_tests.browser.dashboard.visitor import Visitor

DRILL = bool(os.environ.get("TURBO_FORECAST_DRILL"))
HOSTS = 300
"""Of the drill's own fleet; without it, the demo's month is made again."""
LOADS, READERS, RUNS = (5_000, 4, 3) if DRILL else (500, 2, 1)
PAUSE_SECONDS = 0.0 if DRILL else 0.02
"""Between the loads of a reader: so that in a suite that shares its processors the run is not what waits."""
LOADING_SECONDS = 60.0
"""How long a page may take where a run needs all processors."""
RUN_ID = re.compile(r"made by run\s*<code>([0-9a-f-]{36})</code>")


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The month that is made again: what comes of it is what was there, but in the drill."""
    if not DRILL:
        return request.getfixturevalue("demo")  # type: ignore[no-any-return]
    return make_demo(tmp_path_factory.mktemp("fleet"), HOSTS)


@pytest.fixture(scope="module")
def served(fleet: Made) -> Iterator[Dashboard]:
    """One dashboard, open through all of these runs."""
    with dashboard(fleet) as serving:
        yield serving


@dataclass
class Loads:
    """What readers met. runs: the ids of the runs whose month the page `Run` showed."""

    count: int = 0
    faults: list[str] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    slowest: float = 0.0


@contextmanager
def readers(served: Dashboard, paths: Sequence[str], least: int) -> Iterator[Loads]:
    """Load these pages in turn, by several readers, from before the block begins, and until it has ended and `least` are loaded."""
    loads, lock, over = Loads(), threading.Lock(), threading.Event()

    def read(number: int) -> None:
        place = number * len(paths) // READERS
        while not over.is_set() or loads.count < least:
            path = paths[place % len(paths)]
            begun = time.monotonic()
            fault, text = load(served.url + path)
            with lock:
                loads.count += 1
                loads.slowest = max(loads.slowest, time.monotonic() - begun)
                loads.runs |= set(RUN_ID.findall(text))
                if fault:
                    loads.faults.append(f"{path}: {fault}")
            place += 1
            time.sleep(PAUSE_SECONDS)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        while loads.count < len(paths):  # every page has been loaded before anything happens
            time.sleep(0.05)
        yield loads
    finally:
        over.set()
        for thread in threads:
            thread.join()


def load(address: str) -> tuple[str, str]:
    """What is wrong with the answer, empty where nothing is, and its text."""
    try:
        with urllib.request.urlopen(address, timeout=LOADING_SECONDS) as answer:
            content = answer.read()
    except urllib.error.HTTPError as error:
        return f"{error.code}: {error.read().decode(errors='replace')[-600:]}", ""
    except OSError as error:
        return repr(error), ""
    return ("", content.decode(errors="replace")) if content else ("an empty answer", "")


def change_settings(made: Made, number: int) -> None:
    """Thresholds that differ from run to run, so that readers would meet a mixture if there were one."""
    settings = yaml.safe_load(made.house.settings.read_text())
    settings["outlook"]["thresholds"] = [70, 80, 90, 95] if number % 2 else [60, 75, 90]
    made.house.write_settings(settings)


def test_pages_are_loaded_without_a_fault_while_their_month_is_made_again(fleet: Made, served: Dashboard) -> None:
    hosts = fleet.month.frame(SERIES_OUTCOMES)["host_id"].unique().sort().to_list()[:6]
    runs = [fleet.month.manifest.run_id]
    with readers(served, addresses(fleet.month, hosts), LOADS) as loads:
        for number in range(RUNS):
            if DRILL:
                change_settings(fleet, number)
            finished = ended(fleet.run())
            assert finished.code == 0, finished.err
            runs.append(fleet.month.manifest.run_id)
    assert Counter(loads.faults) == Counter()
    assert loads.count >= LOADS
    assert loads.runs == set(runs), "each was shown while it was the latest"
    assert len(set(runs)) == RUNS + 1
    assert served.complaints == ""
    print(f"{loads.count} pages during {RUNS} run(s), the slowest in {loads.slowest:.1f} s")


def test_a_run_succeeds_while_everything_that_reads_has_its_month_open(
    fleet: Made, served: Dashboard, browser: Browser
) -> None:
    host = str(fleet.month.frame(CAPACITY_OUTLOOK).filter(kind="series").sort("urgency")["host_id"][0])
    pages = ("outlook", f"host?host={host}", "groups", "what-if", "track-record", "tournament", "run")
    context, over = browser.new_context(), threading.Event()
    windows = [Visitor.of(context, served.url) for _ in pages]
    idle = duckdb.connect()
    with questions(fleet, host, over) as answers:
        for window, page in zip(windows, pages, strict=True):
            window.open(f"/{page}")
        views = fleet.published.folder / "turbo_forecast.duckdb"
        idle.execute(f"ATTACH '{views}' AS published (READ_ONLY)")
        before = idle.sql("SELECT count(*) FROM published.capacity_outlook").fetchall()
        run_before = fleet.month.manifest.run_id

        finished = ended(fleet.run())

    assert finished.code == 0, finished.err
    assert "checks passed" in finished.out
    assert fleet.month.manifest.run_id != run_before
    assert [answer for answer in answers if answer[1] != 0] == []
    assert {command for command, _, _ in answers} == {"outlook", "show"}
    assert idle.sql("SELECT count(*) FROM published.capacity_outlook").fetchall() == before, (
        "what was there when it was opened"
    )
    idle.close()
    for window in windows:
        window.page.reload()
        window.seen()
        assert window.mishaps == []
    expect(windows[-1].page.locator("main")).to_contain_text(fleet.month.manifest.run_id)
    context.close()
    assert served.complaints == ""


@contextmanager
def questions(fleet: Made, host: str, over: threading.Event) -> Iterator[list[tuple[str, int, str]]]:
    """Ask `outlook` and `show` in turn, each in a process of its own, within the block; what was asked, the exit code, and errors."""
    answers: list[tuple[str, int, str]] = []

    def ask() -> None:
        while not over.is_set() or len(answers) < 2:
            arguments = ("outlook", "--json") if len(answers) % 2 == 0 else ("show", host, "--json")
            answer = fleet.asked(*arguments)
            answers.append((arguments[0], answer.code, answer.err))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join()
