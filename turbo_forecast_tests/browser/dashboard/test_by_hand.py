"""The dashboard in a browser over months made by hand, whose hosts have the worst names: what a visitor does with it.

Belongs here: clicking, typing, keys, colours. Does not belong here: that each page of a real month is without a fault
(`test_every_page.py`), and what pages say (`turbo_forecast_tests/dashboard/`).
"""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import polars as pl
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from reference.servers.loopback import free_port
from turbo_forecast.charts.export import vega_bundle
from turbo_forecast.dashboard.app import build_app
from turbo_forecast.dashboard.serving import own_names
from turbo_forecast_tests.browser.dashboard.conftest import window
from turbo_forecast_tests.published_months import FORMULA, LONG, MARKUP, QUOTED, RACK

VIEWS = {"narrow": (390, 844), "wide": (1440, 900)}
PAGES = [
    "/outlook",
    "/groups",
    f"/groups?group={quote(RACK)}",
    "/host",
    "/host?host=web-1",
    f"/host?host={quote(LONG)}",
]
PATIENCE = 60_000
"""Milliseconds; a chart is drawn in one second on a machine that has nothing else to do."""


@pytest.fixture(scope="module")
def address(published_fleet: Path) -> Iterator[str]:
    """The dashboard over three months made by hand."""
    port = free_port()
    app = build_app(published_fleet, hosts=own_names("127.0.0.1"), vega=vega_bundle)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture(scope="module")
def tabs(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """The window in which each test has a tab of its own."""
    with window(browser, base_url=address) as context:
        yield context


@pytest.fixture
def page(tabs: BrowserContext, request: pytest.FixtureRequest, address: str) -> Iterator[Page]:
    """A tab, wide unless a test asks for another; at the end nothing may have gone wrong in it, and no other server been asked."""
    width, height = VIEWS[getattr(request, "param", "wide")]
    mishaps: list[str] = []
    found = tabs.new_page()
    found.set_viewport_size({"width": width, "height": height})
    found.set_default_timeout(PATIENCE)
    found.on("console", lambda message: mishaps.append(message.text) if message.type in ("error", "warning") else None)
    found.on("pageerror", lambda error: mishaps.append(str(error)))
    found.on("dialog", lambda dialog: mishaps.append(dialog.message))
    found.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else mishaps.append(asked.url))
    yield found
    found.close()
    assert mishaps == []


def drawn(page: Page, colours: str = "light") -> None:
    """Wait until the page's charts are drawn."""
    for chart in page.locator("div.chart").all():
        expect(chart).to_have_attribute("data-drawn", colours, timeout=PATIENCE)


def query(page: Page) -> dict[str, list[str]]:
    """The address's parameters."""
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.sweep(keep=6)
@pytest.mark.parametrize("page", VIEWS, indirect=True)
@pytest.mark.parametrize("path", PAGES)
def test_the_worst_names_break_no_page_and_keep_nobody_out(page: Page, path: str) -> None:
    page.goto(path)
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
        drawn(page, colours)
        found = Axe().run(page).response["violations"]
        grave = [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")]
        assert grave == []


def test_filters_are_set_by_hand_and_stand_in_the_address(page: Page) -> None:
    page.goto("/outlook")
    assert page.locator("tbody tr").count() == 12
    page.get_by_label("Host contains").fill("web")
    page.locator("details.choice summary").click()
    page.get_by_label("memory").check()
    page.keyboard.press("Escape")
    expect(page.get_by_label("memory")).to_be_hidden()
    page.get_by_label("Threshold").select_option("70 %")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    # what was not asked is no part of the address
    assert query(page) == {"text": ["web"], "resource": ["memory"], "threshold": ["70"]}
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(12)


@pytest.mark.parametrize("page", ["narrow"], indirect=True)
def test_on_a_narrow_screen_filters_are_folded_and_rows_are_cards(page: Page) -> None:
    page.goto("/outlook")
    expect(page.get_by_label("Host contains")).to_be_hidden()
    page.get_by_text("Filters").click()
    expect(page.get_by_label("Host contains")).to_be_visible()
    first = page.locator("tbody tr").first
    assert first.evaluate("row => getComputedStyle(row).display") == "grid"
    assert page.get_by_role("table").count() == 1


def test_a_month_is_chosen_and_stays_chosen(page: Page) -> None:
    page.goto("/outlook?resource=cpu")
    page.get_by_label("Month").select_option("2025-11")
    page.wait_for_url(re.compile("month=2025-11"))
    expect(page.get_by_text("Known up to 2025-11-30")).to_be_visible()
    assert query(page) == {"month": ["2025-11"], "resource": ["cpu"]}
    page.get_by_role("link", name="Groups", exact=True).click()
    expect(page.get_by_text("Known up to 2025-11-30")).to_be_visible()


@pytest.mark.parametrize(("words", "ending"), [("CSV", "csv"), ("XLSX", "xlsx")])
def test_all_rows_are_saved_as_a_file(page: Page, words: str, ending: str, tmp_path: Path) -> None:
    page.goto("/outlook?kind=series")
    with page.expect_download() as started:
        page.get_by_role("link", name=words, exact=True).click()
    assert started.value.suggested_filename == f"outlook-2025-12.{ending}"
    started.value.save_as(tmp_path / f"saved.{ending}")
    if ending == "csv":
        rows = pl.read_csv(tmp_path / "saved.csv")
        assert len(rows) == 10
        assert f"'{FORMULA}" in rows["host_id"].to_list()
    else:
        assert (tmp_path / "saved.xlsx").read_bytes()[:2] == b"PK"


def test_a_row_leads_to_its_host_whatever_its_name(page: Page) -> None:
    for name in (QUOTED, MARKUP, FORMULA):
        page.goto("/outlook")
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator("h1")).to_have_text(name)
        drawn(page)
        assert query(page)["host"] == [name]


def test_names_are_suggested_while_one_types(page: Page) -> None:
    page.goto("/host")
    page.get_by_label("Host or group").press_sequentially("web", delay=30)
    expect(page.locator("datalist#names option")).to_have_count(1)
    assert page.locator("datalist#names option").get_attribute("value") == "web-1"
    page.get_by_label("Host or group").press("Enter")
    expect(page.locator("h1")).to_have_text("web-1")


def test_the_chart_follows_the_windows_width_and_the_readers_colours(page: Page) -> None:
    page.goto("/host?host=web-1")
    drawn(page)
    canvas = page.locator("div.chart canvas")
    wide = canvas.evaluate("canvas => canvas.clientWidth")
    page.set_viewport_size({"width": 800, "height": 900})
    page.wait_for_function(f"document.querySelector('div.chart canvas').clientWidth < {wide} - 300")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    page.emulate_media(color_scheme="dark")
    drawn(page, "dark")
    expect(canvas).to_have_count(1)


def test_a_day_that_is_pointed_at_is_told(page: Page) -> None:
    page.goto("/host?host=web-1&resource=cpu")
    drawn(page)
    box = page.locator("div.chart canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 2)
    tip = page.locator("#vg-tooltip-element")
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("observed")


def test_the_keyboard_reaches_the_content_first_and_is_seen(page: Page) -> None:
    page.goto("/outlook")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="To the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    inside = page.evaluate("document.activeElement.closest('main') !== null")
    assert inside
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_without_scripts_every_page_is_whole(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=address)
    page = context.new_page()
    page.goto("/host?host=web-1")
    expect(page.get_by_text("The chart is drawn by a script")).to_be_visible()
    expect(page.get_by_role("button", name="Show").first).to_be_visible()
    page.goto("/outlook")
    page.get_by_label("Host contains").fill("web")
    page.get_by_role("button", name="Show").last.click()
    expect(page.locator("tbody tr")).to_have_count(2)
    context.close()
