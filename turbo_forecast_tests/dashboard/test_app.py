"""The frame of all pages: months that are not there, not whole or older; addresses that are none; defects."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from turbo_forecast.dashboard.app import PAGES, build_app
from turbo_forecast.dashboard.page import Page, Visit
from turbo_forecast.errors import StorageError
from turbo_forecast_tests.dashboard.reader import Reader
from turbo_forecast_tests.published_months import MONTHS, begin_month, publish_fleet

Read = Callable[..., Reader]
MENU = [page for page in PAGES if page.in_menu]


def lacking(data: Path, *tables: str) -> None:
    """Publish the latest month as a version of the program would have that did not know these tables."""
    path = data / "published" / MONTHS[-1] / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in tables:
        del manifest["files"][name]
    path.write_text(json.dumps(manifest))


@pytest.fixture
def december(tmp_path: Path) -> Path:
    """A data folder with one month."""
    return publish_fleet(tmp_path / "data", MONTHS[-1:]).data


@pytest.mark.parametrize("page", MENU, ids=lambda page: page.title)
def test_each_page_has_a_title_headings_in_order_and_leads_to_all_others(client: TestClient, page: Page) -> None:
    response = client.get(page.path)
    assert response.status_code == 200
    read = Reader(response.text)
    assert read.text.startswith(f"{page.title} · 2025-12 · Turbo Forecast")
    assert len(read.all("h1")) == 1
    assert {each.title for each in MENU} <= set(read.links)
    ids = [attributes["id"] for _, attributes in read.attributes if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert read.links["To the content"] == "#content"
    assert "content" in ids


@pytest.mark.parametrize("page", MENU, ids=lambda page: page.title)
def test_no_page_asks_another_server_for_anything_or_holds_a_script(client: TestClient, page: Page) -> None:
    read = Reader(client.get(page.path).text)
    sources = [
        each for _, attributes in read.attributes for name, each in attributes.items() if name in ("src", "href")
    ]
    assert not [each for each in sources if each and ("//" in each or each.startswith(("data:", "javascript:")))]
    assert not [name for _, attributes in read.attributes for name in attributes if name.startswith("on")]
    assert not [
        attributes
        for attributes in read.all("script")
        if "src" not in attributes and attributes.get("type") != "application/json"
    ]


@pytest.mark.parametrize("page", MENU, ids=lambda page: page.title)
def test_every_table_has_a_caption_and_headings_that_say_what_they_head(client: TestClient, page: Page) -> None:
    read = Reader(client.get(page.path).text)
    assert all(table.caption for table in read.tables)
    assert all(attributes.get("scope") in ("col", "row") for attributes in read.all("th"))


def test_the_first_address_leads_to_the_outlook_with_its_parameters(client: TestClient) -> None:
    response = client.get("/?month=2025-11", follow_redirects=False)
    assert response.headers["location"] == "outlook?month=2025-11"


@pytest.mark.parametrize("page", MENU, ids=lambda page: page.title)
def test_where_nothing_is_published_every_page_says_what_to_do(tmp_path: Path, page: Page) -> None:
    response = TestClient(build_app(tmp_path / "data")).get(page.path)
    assert response.status_code == 404
    text = Reader(response.text).text
    assert "no month was ever run" in text
    assert "turbo-forecast run --month 2025-12 --demo-hosts 50" in text
    assert "turbo-forecast ui" in text
    assert str(tmp_path / "data") in text


def test_where_the_only_month_is_at_work_the_page_says_so(december: Path, tmp_path: Path) -> None:
    data = tmp_path / "other"
    data.mkdir()
    (data / "warehouse.duckdb").write_bytes((december / "warehouse.duckdb").read_bytes())
    begin_month(data, "2026-01")
    text = Reader(TestClient(build_app(data)).get("/outlook").text).text
    assert "month 2026-01 is incomplete (run run-of-2026-01, reached fleet_forecast)" in text


def test_a_later_month_that_has_failed_is_told_on_every_page(december: Path) -> None:
    begin_month(december, "2026-01", "failed", failed="champions.every_series_has_a_champion")
    client = TestClient(build_app(december))
    for page in MENU:
        assert "Month 2026-01 failed: it is not published, and not shown." in Reader(client.get(page.path).text).text


def test_a_month_that_is_being_made_again_shows_what_was_published(december: Path) -> None:
    path = december / "published" / "months.json"
    states = json.loads(path.read_text())
    states["months"][0] |= {"state": "incomplete", "reached": "champions", "run_id": "another"}
    path.write_text(json.dumps(states))
    page = Reader(TestClient(build_app(december)).get("/outlook").text)
    assert "Month 2025-12 is being made again, or ended half-way (run another, reached champions)" in page.text
    assert page.tables


def test_a_month_that_is_not_published_is_answered_with_those_that_are(client: TestClient) -> None:
    response = client.get("/outlook", params={"month": "2024-01"})
    assert response.status_code == 404
    assert "month 2024-01 was never run; published are 2025-10 to 2025-12" in Reader(response.text).text
    assert client.get("/outlook", params={"month": "../../etc"}).status_code == 404


def test_a_damaged_month_is_answered_in_a_sentence(december: Path) -> None:
    (december / "published" / MONTHS[-1] / "manifest.json").write_text("{")
    response = TestClient(build_app(december)).get("/outlook")
    assert response.status_code == 404
    assert "is damaged" in Reader(response.text).text


@pytest.mark.parametrize(
    ("table", "path"),
    [("capacity_outlook", "/outlook"), ("capacity_outlook", "/groups"), ("outlook_backtest", "/outlook")],
)
def test_a_table_that_a_former_version_has_not_published_is_named(december: Path, table: str, path: str) -> None:
    lacking(december, table)
    response = TestClient(build_app(december)).get(path)
    assert response.status_code == 404
    assert f"{table} of 2025-12 is not published" in Reader(response.text).text


@pytest.mark.parametrize("path", ["/outlook", "/groups", "/host", "/host?host=web-1"])
def test_a_month_of_a_version_without_groups_plans_and_further_intervals_is_shown(tmp_path: Path, path: str) -> None:
    data = publish_fleet(tmp_path / "data", MONTHS[-1:], groups=False).data
    lacking(
        data,
        *("group_members", "group_history", "group_forecast", "planned_changes", "planned_loads", "scenario_outlook"),
        *("forecast_intervals", "combination_weights", "outlook_over_time"),
    )
    response = TestClient(build_app(data)).get(path)
    assert response.status_code == 200, Reader(response.text).text


def test_a_page_shows_what_is_published_when_it_is_opened(tmp_path: Path) -> None:
    data = publish_fleet(tmp_path / "data", MONTHS[:1]).data
    client = TestClient(build_app(data))
    assert "Known up to 2025-10-31" in Reader(client.get("/outlook").text).text
    publish_fleet(data, MONTHS[1:])
    assert "Known up to 2025-12-31" in Reader(client.get("/outlook").text).text


def test_an_address_that_is_none_is_answered_by_a_page(client: TestClient) -> None:
    response = client.get("/<b>nowhere")
    assert response.status_code == 404
    assert "There is no page /<b>nowhere." in Reader(response.text).text
    assert "<b>nowhere" not in response.text


def test_a_defect_is_answered_by_a_page_and_told_in_the_log(
    published_fleet: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(visit: object) -> dict[str, object]:
        raise ZeroDivisionError("not for visitors")

    client = TestClient(build_app(published_fleet, [Page("/broken", "Broken", "error.html", broken)]))
    response = client.get("/broken")
    assert response.status_code == 500
    assert "This page could not be made (ZeroDivisionError)" in Reader(response.text).text
    assert "not for visitors" not in response.text
    assert "not for visitors" in caplog.text


def test_how_long_a_page_took_is_told_to_the_browser(client: TestClient) -> None:
    assert client.get("/outlook").headers["server-timing"].startswith("page;dur=")


def test_what_takes_the_first_visitors_time_is_done_beforehand(published_fleet: Path, tmp_path: Path) -> None:
    made = []
    app = build_app(published_fleet, vega=lambda: made.append(1) or "drawn()")
    app.state.prepare()
    app.state.make_script()
    client = TestClient(app)
    assert client.get("/static/vega.js").text == "drawn()"
    assert client.get("/static/vega.js").text == "drawn()"
    assert made == [1]
    build_app(tmp_path / "nothing").state.prepare()


def test_a_page_that_cannot_be_made_beforehand_keeps_no_other_from_it(published_fleet: Path) -> None:
    seen = []

    def refuse(visit: Visit) -> dict[str, object]:
        raise StorageError("not here")

    def see(visit: Visit) -> dict[str, object]:
        seen.append(visit.month.key)
        return {}

    pages = (Page("/a", "A", "host.html", refuse), Page("/b", "B", "host.html", see))
    build_app(published_fleet, pages).state.prepare()
    assert len(seen) == 1
    build_app(published_fleet, pages).state.prepare(lambda: True)
    assert len(seen) == 1, "it was over by then"
