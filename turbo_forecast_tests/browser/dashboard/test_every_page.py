"""Every page of a month that the real command has made, as it is drawn in a browser."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast import deep_links
from turbo_forecast.schemas import CAPACITY_OUTLOOK, GROUP_MEMBERS
from turbo_forecast_tests.browser.clicks import SCREENSHOTS
from turbo_forecast_tests.browser.dashboard.conftest import VIEWS, Shown
from turbo_forecast_tests.browser.dashboard.served import SCENARIO
from turbo_forecast_tests.browser.dashboard.visitor import Visitor

PAGES = {
    "outlook": deep_links.OUTLOOK,
    "outlook, every threshold of a scenario": f"{deep_links.OUTLOOK}?threshold=every&scenario={SCENARIO}",
    "outlook, nothing found": f"{deep_links.OUTLOOK}?text=no-such-host",
    "host, none named": deep_links.HOST_PAGE,
    "host": f"{deep_links.HOST_PAGE}?host={{host}}",
    "host, no such": f"{deep_links.HOST_PAGE}?host=no-such-host",
    "group as a host": f"{deep_links.HOST_PAGE}?host={{group}}&kind=group",
    "groups": deep_links.GROUPS,
    "group": f"{deep_links.GROUPS}?group={{group}}",
    "what-if": f"{deep_links.WHAT_IF}?scenario={SCENARIO}",
    "track record": deep_links.TRACK_RECORD,
    "tournament": deep_links.TOURNAMENT,
    "run": deep_links.RUN,
}
NOT_THERE = "host, no such"


@pytest.mark.sweep(keep=9)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_drawn_without_a_fault_and_keeps_nobody_out(
    shown: Shown, visit: Callable[..., Visitor], page: str, view: str
) -> None:
    visitor = visit(shown, view)
    visitor.open(
        PAGES[page].format(host=urgent(shown), group=shown.made.month.frame(GROUP_MEMBERS)["group_name"].min())
    )
    picture(visitor, f"{page}-{view}-{shown.made.telemetry.stem}")
    assert visitor.sideways == 0
    assert visitor.violations() == []
    if page == NOT_THERE:  # its address is one of nothing, and the browser says so
        assert any("404" in mishap for mishap in visitor.mishaps)
        visitor.mishaps[:] = [mishap for mishap in visitor.mishaps if "404" not in mishap]


def urgent(shown: Shown) -> str:
    """The host that is first on the outlook."""
    rows = shown.made.month.frame(CAPACITY_OUTLOOK).filter(pl.col("kind") == "series").sort("urgency")
    return str(rows["host_id"][0])


def picture(visitor: Visitor, name: str) -> None:
    """Keep a picture of the page, where pictures are asked for."""
    if folder := os.environ.get(SCREENSHOTS):
        Path(folder).mkdir(parents=True, exist_ok=True)
        visitor.page.screenshot(path=Path(folder) / f"dashboard-{name.replace(' ', '-')}.png", full_page=True)
