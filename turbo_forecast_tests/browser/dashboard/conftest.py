"""What the dashboard's browser tests share: a month of a small demo fleet, and in the drill one of real car parks, each made once."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect

from turbo_forecast_tests.browser.clicks import PATIENCE
from turbo_forecast_tests.browser.conftest import SWITCHES
from turbo_forecast_tests.browser.dashboard.served import ENTRANTS, Dashboard, Made, dashboard, make_demo, make_month
from turbo_forecast_tests.browser.dashboard.visitor import Visitor
from turbo_forecast_tests.conftest import SHARED

DRILL = bool(os.environ.get("TURBO_FORECAST_DRILL"))
"""`make drill` looks at the car parks, too, and at every page in the dark; the suite has to end within minutes."""
HOSTS = 12
CAR_PARKS = "parking_occupancy_daily.parquet"
VIEWS = {"narrow": (390, 844, "light"), "wide": (1440, 900, "light")}
"""Width, height and colours."""
if DRILL:  # colours are the same for every width; in the suite, `test_by_hand.py` looks at the dark ones
    VIEWS["wide and dark"] = (1440, 900, "dark")


@dataclass(frozen=True)
class Shown:
    """A month, and the dashboard over it."""

    made: Made
    dashboard: Dashboard


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """2025-12 of twelve demo hosts, all entrants."""
    return make_demo(tmp_path_factory.mktemp("demo"), HOSTS)


@pytest.fixture(scope="session")
def served_demo(demo: Made) -> Iterator[Shown]:
    """The dashboard over the demo, where the month's report says that it is."""
    with dashboard(demo, demo.port) as served:
        yield Shown(demo, served)


@pytest.fixture(scope="session")
def car_parks(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """2025-12 of the car parks beside the checkout."""
    telemetry = SHARED / CAR_PARKS
    if not telemetry.exists():
        pytest.skip(f"{telemetry} is not there: real data is read from ../shared/data, beside the checkout")
    return make_month(tmp_path_factory.mktemp("parks") / "house", telemetry, {"entrants": ENTRANTS})


@pytest.fixture(scope="session")
def served_car_parks(car_parks: Made) -> Iterator[Shown]:
    """The dashboard over the car parks."""
    with dashboard(car_parks, car_parks.port) as served:
        yield Shown(car_parks, served)


@pytest.fixture(scope="session", params=["served_demo", "served_car_parks"] if DRILL else ["served_demo"])
def shown(request: pytest.FixtureRequest) -> Shown:
    """A month with its dashboard."""
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """Chromium without a window."""
    expect.set_options(timeout=PATIENCE)  # what is expected comes much sooner; the machine may be busy
    started = playwright.chromium.launch(executable_path=chromium, args=list(SWITCHES), headless=True)
    yield started
    started.close()


@contextmanager
def window(browser: Browser, **options: str) -> Iterator[BrowserContext]:
    """A window for many tests: to open one takes Chromium three times as long as a tab of it, in which nothing is left of the others.

    The dashboard keeps nothing in a browser: no cookies, no storage.
    """
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.new_page()  # stays: with its last tab, the window would be closed
    yield context
    assert context.storage_state() == {"cookies": [], "origins": []}
    context.close()


@pytest.fixture(scope="session")
def visitors(browser: Browser) -> Iterator[BrowserContext]:
    """The window in which visitors have their tabs."""
    with window(browser) as context:
        context.set_default_timeout(PATIENCE)
        yield context


@pytest.fixture
def visit(visitors: BrowserContext) -> Iterator[Callable[..., Visitor]]:
    """Open a tab on a dashboard, in one of VIEWS; at the end, nothing may have gone wrong in it."""
    tabs: list[Visitor] = []

    def visiting(of: Shown, view: str = "wide") -> Visitor:
        width, height, colours = VIEWS[view]
        visitor = Visitor.of(visitors, of.dashboard.url)
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
        tabs.append(visitor)
        return visitor

    yield visiting
    for visitor in tabs:
        visitor.page.close()
        assert visitor.mishaps == []
