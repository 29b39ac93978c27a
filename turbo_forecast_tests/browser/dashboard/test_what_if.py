"""What a planner does on the page What-if: type a change, see what moves, save it, and have a run make it."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
from playwright.sync_api import expect

from turbo_forecast import deep_links
from turbo_forecast.schemas import CAPACITY_OUTLOOK
from turbo_forecast.storage.plans import plans_of_text
from turbo_forecast_tests.browser.dashboard.conftest import Shown
from turbo_forecast_tests.browser.dashboard.visitor import Visitor


def test_a_change_that_is_typed_moves_dates_and_is_saved_as_a_scenario(
    shown: Shown, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    rows = shown.made.month.frame(CAPACITY_OUTLOOK)
    host, resource = (
        rows.filter(
            pl.col("kind") == "series",
            pl.col("scenario") == "baseline",
            pl.col("state").is_in(["expected", "possible"]),
        )
        .sort("urgency")["host_id", "resource"]
        .row(0)
    )
    visitor = visit(shown)
    visitor.open(deep_links.WHAT_IF)
    page = visitor.page
    number = page.locator("input[name=owner]").count() - 2  # the published change's row, then three that are empty
    for label, text in {
        "from this day on": "2026-01-02",
        "host or group": host,
        "resource, empty for all": resource,
        "by how much, or to which host": "-30",
    }.items():
        page.get_by_label(f"Row {number}: {label}", exact=True).fill(text)
    page.get_by_label(f"Row {number}: change", exact=True).select_option("change")
    page.get_by_role("button", name="Show what moves").first.click()
    expect(page.get_by_role("heading", name="What moves")).to_be_visible()
    assert visitor.violations() == []
    assert visitor.sideways == 0
    moved = page.get_by_role("row").filter(has=page.get_by_role("link", name=host, exact=True))
    expect(moved.first).to_contain_text("was")

    page.get_by_label("Name of the scenario").first.fill("thirty points less")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as scenario file").first.click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    plans = plans_of_text(path.read_text())
    (saved,) = plans.filter(scenario="thirty points less").rows(named=True)
    assert (saved["host_id"], saved["resource"], saved["what"], saved["amount"]) == (host, resource, "change", -30.0)
    published = plans_of_text((shown.made.house.folder / "plans.csv").read_text()).filter(scenario="baseline")
    assert plans.filter(scenario="baseline").drop("row").equals(published.drop("row")), (
        "what is published stays as it is"
    )


def test_a_mistake_is_told_beside_the_field_and_what_was_typed_stays(
    served_demo: Shown, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(served_demo, "narrow")
    visitor.open(deep_links.WHAT_IF)
    page = visitor.page
    page.get_by_label("Row 2: from this day on").fill("2026-01-02")
    page.get_by_label("Row 2: host or group").fill("no-such-host")
    page.get_by_label("Row 2: change", exact=True).select_option("retire")
    page.get_by_role("button", name="Show what moves").first.click()
    expect(page.get_by_role("alert")).to_contain_text("no-such-host")
    expect(page.get_by_label("Row 2: host or group")).to_have_value("no-such-host")
    expect(page.get_by_label("Row 2: host or group")).to_have_attribute("aria-invalid", "true")
    assert visitor.violations() == []
    assert visitor.sideways == 0
