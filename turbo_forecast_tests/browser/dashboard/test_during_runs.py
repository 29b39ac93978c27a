"""Readers and runs do not disturb each other: both directions, with real processes on one data folder.

A month is made again by the command while its pages are loaded again and again, and while everything that reads has it
open. `make drill` does the same with a larger fleet, more pages, and more runs, whose settings change from run to run.
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
from turbo_forecast_tests.browser.dashboard.served import KEY, Dashboard, Made, addresses, dashboard, ended, make_demo
from turbo_forecast_tests.browser.dashboard.visitor import Visitor
from turbo_forecast_tests.end_to_end.conftest import Finished

DRILL = bool(os.environ.get("TURBO_FORECAST_DRILL"))
HOSTS = 300
"""Of the drill's own fleet; without it, the demo's month is made again."""
LOADS, READERS, RUNS = (5_000, 4, 4) if DRILL else (200, 2, 1)
"""At the last run, everything that reads has the month open."""
PAUSE_SECONDS = 0.0 if DRILL else 0.5
"""Between the loads of a reader, while nothing is published: so that in a suite that shares its processors the run is not what waits."""
PUBLISHING_SECONDS = 2.0
"""Between two changes of a month's folder while it is published. Meanwhile, readers make no pause."""
QUESTIONS_PAUSE_SECONDS = 0.0 if DRILL else 4.0
"""Between two questions: each is a process, whose start takes as much as all that it answers."""
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


@dataclass(frozen=True)
class Opened:
    """What has the month open, besides those who load its pages: windows, a connection, and questions in processes of their own.

    windows: one for each kind of page. counted: rows of the outlook as the connection saw them before the run, and after it.
    answers: of `questions`.
    """

    windows: list[Visitor]
    counted: list[int]
    answers: list[tuple[str, int, str]]


@dataclass
class Loads:
    """What readers met. runs: the ids of the runs whose month the page `Run` showed."""

    count: int = 0
    faults: list[str] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    slowest: float = 0.0


@contextmanager
def readers(served: Dashboard, fleet: Made, paths: Sequence[str], least: int) -> Iterator[Loads]:
    """Load these pages in turn, by several readers, from before the block begins until each is loaded after it, and `least` in all."""
    loads, lock, over = Loads(), threading.Lock(), threading.Event()
    published = fleet.published.month_folder(KEY)

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
            if time.time() - published.stat().st_mtime > PUBLISHING_SECONDS:
                over.wait(PAUSE_SECONDS)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        while loads.count < len(paths):  # every page has been loaded before anything happens
            time.sleep(0.05)
        yield loads
    finally:
        least = max(least, loads.count + READERS * len(paths))  # meanwhile, one of the readers loads all of them
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


@contextmanager
def opened(fleet: Made, served: Dashboard, browser: Browser) -> Iterator[Opened]:
    """Have the month open in all ways within the block, and leave the windows open after it."""
    host = str(fleet.month.frame(CAPACITY_OUTLOOK).filter(kind="series").sort("urgency")["host_id"][0])
    pages = ("outlook", f"host?host={host}", "groups", "what-if", "track-record", "tournament", "run")
    context = browser.new_context()
    windows = [Visitor.of(context, served.url) for _ in pages]
    with questions(fleet, host, threading.Event()) as answers, duckdb.connect() as idle:
        for window, page in zip(windows, pages, strict=True):
            window.open(f"/{page}")
        views = fleet.published.folder / "turbo_forecast.duckdb"
        idle.execute(f"ATTACH '{views}' AS published (READ_ONLY)")

        def rows() -> int:
            ((found,),) = idle.sql("SELECT count(*) FROM published.capacity_outlook").fetchall()
            return int(found)

        counted = [rows()]
        yield Opened(windows, counted, answers)
        counted.append(rows())


@dataclass(frozen=True)
class Remade:
    """The month, made again. runs: the ids of the run before and of each of these. last: what the last of them has printed."""

    runs: list[str]
    last: Finished
    loads: Loads
    opened: Opened


@pytest.fixture(scope="module")
def remade(fleet: Made, served: Dashboard, browser: Browser) -> Iterator[Remade]:
    """The month made again while it is read."""
    hosts = fleet.month.frame(SERIES_OUTCOMES)["host_id"].unique().sort().to_list()[:6]
    runs = [fleet.month.manifest.run_id]

    def again() -> Finished:
        finished = ended(fleet.run())
        assert finished.code == 0, finished.err
        runs.append(fleet.month.manifest.run_id)
        return finished

    with readers(served, fleet, addresses(fleet.month, hosts), LOADS) as loads:
        for number in range(RUNS - 1):
            change_settings(fleet, number)
            again()
        with opened(fleet, served, browser) as everything:
            last = again()
    yield Remade(runs, last, loads, everything)
    everything.windows[0].page.context.close()


def test_pages_are_loaded_without_a_fault_while_their_month_is_made_again(remade: Remade, served: Dashboard) -> None:
    loads = remade.loads
    assert Counter(loads.faults) == Counter()
    assert loads.count >= LOADS
    assert loads.runs == set(remade.runs), "each was shown while it was the latest"
    assert len(set(remade.runs)) == RUNS + 1
    assert served.complaints == ""
    print(f"{loads.count} pages during {RUNS} run(s), the slowest in {loads.slowest:.1f} s")


def test_a_run_succeeds_while_everything_that_reads_has_its_month_open(remade: Remade, served: Dashboard) -> None:
    opened = remade.opened
    assert "checks passed" in remade.last.out
    assert remade.runs[-1] != remade.runs[-2]
    assert [answer for answer in opened.answers if answer[1] != 0] == []
    assert {command for command, _, _ in opened.answers} == {"outlook", "show"}
    before, after = opened.counted
    assert after == before, "what was there when it was opened"
    for window in opened.windows:
        window.page.reload()
        window.seen()
        assert window.mishaps == []
    expect(opened.windows[-1].page.locator("main")).to_contain_text(remade.runs[-1])
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
            over.wait(QUESTIONS_PAUSE_SECONDS)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join()
