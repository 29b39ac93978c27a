"""What a planner does with the outlook: filter it by hand, and take it away as a file.

What must be there is asked in SQL of `published/turbo_forecast.duckdb`, which no page reads.
"""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import polars as pl
import pytest
from playwright.sync_api import Page, expect

from turbo_forecast import deep_links
from turbo_forecast_tests.browser.dashboard.conftest import Shown
from turbo_forecast_tests.browser.dashboard.visitor import Visitor

ROWS = re.compile(r"([\d,]+) rows?, ")
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def outlook(shown: Shown, visit: Callable[..., Visitor]) -> Visitor:
    """A planner before the whole outlook of either month."""
    visitor = visit(shown)
    visitor.open(deep_links.OUTLOOK)
    return visitor


def asked(shown: Shown, conditions: str, columns: str = "host_id, resource, state, probability_182") -> pl.DataFrame:
    """Rows of the published outlook for which the conditions hold."""
    with duckdb.connect(str(shown.made.published.folder / "turbo_forecast.duckdb"), read_only=True) as con:
        return con.sql(
            f"SELECT {columns} FROM capacity_outlook WHERE cutoff = '2025-12-31' AND scenario = 'baseline' AND {conditions} "
            "ORDER BY urgency"
        ).pl()


def count(visitor: Visitor) -> int:
    """How many rows the page says that there are; 0 where nothing answers."""
    said = visitor.page.locator(".above-table").inner_text()
    found = ROWS.search(said)
    assert found, said
    return int(found[1].replace(",", ""))


def show(visitor: Visitor) -> None:
    """Send the filters."""
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("form", name="Filters").get_by_role("button", name="Show").click()
    visitor.seen()


def choose(visitor: Visitor, field: str, value: str) -> None:
    """Choose a value of a filter, by the name that it has in addresses."""
    form = visitor.page.get_by_role("form", name="Filters")
    form.locator(f"select[name={field}]").select_option(value)


def fill(visitor: Visitor, field: str, text: str) -> None:
    """Type into a filter, by the name that it has in addresses."""
    visitor.page.get_by_role("form", name="Filters").locator(f"input[name={field}]").fill(text)


def shown_rows(visitor: Visitor) -> list[tuple[str, str]]:
    """Host and resource of the rows of the first page."""
    hosts = visitor.page.locator("table tbody th a:first-child").all_inner_texts()
    return list(zip(hosts, visitor.column("Resource"), strict=True))


def test_every_filter_leaves_the_rows_that_answer_it(shown: Shown, outlook: Visitor) -> None:
    page, everybody = outlook.page, count(outlook)
    choose(outlook, "threshold", "90")
    choose(outlook, "kind", "series")
    show(outlook)
    at_90 = asked(shown, "threshold = 90 AND kind = 'series'")
    assert count(outlook) == at_90.height < everybody
    assert shown_rows(outlook) == at_90.select("host_id", "resource").rows()[: len(shown_rows(outlook))]

    choose(outlook, "at_least", "0.1")
    show(outlook)
    likely = asked(shown, "threshold = 90 AND kind = 'series' AND probability_182 >= 0.1")
    assert count(outlook) == likely.height
    assert 0 < likely.height < at_90.height
    assert shown_rows(outlook) == likely.select("host_id", "resource").rows()[: len(shown_rows(outlook))]

    chosen = likely["host_id"][-1]
    fill(outlook, "text", chosen.upper())
    show(outlook)
    assert {host for host, _ in shown_rows(outlook)} == {chosen}

    page.get_by_role("link", name="Clear").click()
    outlook.seen()
    assert count(outlook) == everybody


def test_a_group_leaves_its_hosts_and_itself(shown: Shown, outlook: Visitor) -> None:
    with duckdb.connect(str(shown.made.published.folder / "turbo_forecast.duckdb"), read_only=True) as con:
        group, hosts = con.sql(
            "SELECT group_name, list(DISTINCT host_id) FROM group_members GROUP BY 1 "
            "ORDER BY count(DISTINCT host_id) DESC, 1 LIMIT 1"
        ).fetchall()[0]
    choose(outlook, "group", group)
    choose(outlook, "threshold", "90")
    show(outlook)
    names = ", ".join(f"'{host}'" for host in hosts)
    assert count(outlook) == asked(shown, f"threshold = 90 AND (host_id IN ({names}) OR host_id = '{group}')").height


def test_a_state_is_chosen_and_left_by_a_click(shown: Shown, outlook: Visitor) -> None:
    counts = outlook.page.get_by_role("list", name="How many are in each state")
    of_state = counts.get_by_role("link").filter(has_text="unlikely")
    number = int(of_state.locator("strong").inner_text().replace(",", ""))
    assert number > 0
    of_state.click()
    expect(of_state).to_have_attribute("aria-current", "true")
    outlook.seen()
    assert count(outlook) == number
    assert set(outlook.column("State")) == {"unlikely"}
    counts.get_by_role("link").filter(has_text="unlikely").click()
    expect(counts.locator("[aria-current]")).to_have_count(0)


def test_resources_are_chosen_from_a_list_that_opens(served_demo: Shown, visit: Callable[..., Visitor]) -> None:
    visitor = visit(served_demo)
    visitor.open(f"{deep_links.OUTLOOK}?threshold=90")
    visitor.page.locator("details.choice summary").click()
    for resource in ("cpu", "disk"):
        visitor.page.get_by_role("checkbox", name=resource).check()
    show(visitor)
    assert set(visitor.column("Resource")) <= {"cpu", "disk"}
    assert count(visitor) == asked(served_demo, "threshold = 90 AND resource IN ('cpu', 'disk')").height


def test_a_day_is_asked_for_and_no_probability_by_then_is_above_that_of_the_whole_forecast(outlook: Visitor) -> None:
    def shares() -> dict[tuple[str, str], str]:
        return dict(zip(shown_rows(outlook), outlook.column("Probability"), strict=True))

    whole = shares()
    fill(outlook, "before", "2026-02-01")
    show(outlook)
    expect(outlook.page.locator("caption").first).to_contain_text("2026-01-31")
    by_then = shares()
    assert by_then.keys() == whole.keys()
    assert by_then != whole
    assert all(percent(share) <= percent(whole[name]) for name, share in by_then.items())


def percent(text: str) -> float:
    """A share as it is shown."""
    return float(text.replace("%", "").replace("<", "").replace(">", "").replace("\u202f", "").strip())


def saved(page: Page, name: str, folder: Path) -> Path:
    """The file that a link saves."""
    with page.expect_download() as download:
        page.get_by_role("link", name=name, exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def workbook(path: Path) -> list[list[str]]:
    """The cells of a workbook's sheet, as text."""
    with zipfile.ZipFile(path) as book:
        strings = [
            "".join(part.text or "" for part in each.iter(f"{SHEET}t"))
            for each in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        ]
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))

    def text(cell: ElementTree.Element) -> str:
        value = cell.findtext(f"{SHEET}v") or ""
        return strings[int(value)] if cell.get("t") == "s" else value

    return [[text(cell) for cell in row] for row in sheet.iter(f"{SHEET}row")]


def test_files_hold_all_rows_of_the_filters_in_their_order(shown: Shown, outlook: Visitor, tmp_path: Path) -> None:
    choose(outlook, "threshold", "90")
    show(outlook)
    expected = asked(shown, "threshold = 90", "host_id, resource, threshold, likely")
    csv, xlsx = (saved(outlook.page, name, tmp_path) for name in ("CSV", "XLSX"))
    assert csv.name == "outlook-2025-12.csv"
    assert xlsx.name == "outlook-2025-12.xlsx"

    rows = pl.read_csv(io.BytesIO(csv.read_bytes()), try_parse_dates=True)
    assert rows.select("host_id", "resource").rows() == expected.select("host_id", "resource").rows()
    assert rows["likely"].cast(pl.Date).to_list() == expected["likely"].to_list()

    header, *cells = workbook(xlsx)
    assert header == rows.columns
    hosts, likely = header.index("host_id"), header.index("likely")
    assert [row[hosts] for row in cells] == expected["host_id"].to_list()
    days = [(day - date(1899, 12, 30)).days if day else None for day in expected["likely"].to_list()]
    assert [int(row[likely]) if row[likely] else None for row in cells] == days
