"""What the dashboard's browser tests share: a month of a small demo fleet, and in the drill one of real car parks, each made once."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Playwright, expect

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


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Open a window on a dashboard, in one of VIEWS; at the end, nothing may have gone wrong in it."""
    open_windows = []

    @contextmanager
    def window(view: str) -> Iterator[Callable[[str], Visitor]]:
        width, height, colours = VIEWS[view]
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        try:
            yield lambda url: Visitor.of(context, url)
        finally:
            context.close()

    def visiting(of: Shown, view: str = "wide") -> Visitor:
        manager = window(view)
        visitor = manager.__enter__()(of.dashboard.url)
        open_windows.append((manager, visitor))
        return visitor

    yield visiting
    for manager, visitor in open_windows:
        manager.__exit__(None, None, None)
        assert visitor.mishaps == []
