"""Groups: how full each is and when it runs full, its hosts, and what to do where there are none."""

from collections.abc import Callable
from pathlib import Path

import duckdb
from starlette.testclient import TestClient

from turbo_forecast.dashboard.app import build_app
from turbo_forecast.storage.published.writing import publish_month
from turbo_forecast_tests.dashboard.reader import Reader
from turbo_forecast_tests.published_months import MONTHS, QUOTED, RACK, SPARE, publication, publish_fleet

Read = Callable[..., Reader]


def test_each_group_has_its_size_its_level_and_its_dates(read: Read) -> None:
    page = read("/groups")
    rows = {
        row[0].removesuffix(" its hosts"): dict(zip(page.tables[0].headings, row, strict=True))
        for row in page.tables[0].rows
    }
    assert list(rows) == [SPARE, RACK]
    rack = rows[RACK]
    assert (rack["Hosts"], rack["Capacity"], rack["Reserve"]) == ("2", "2", "none")
    # 85.75 % on the last day at 0.1 a day: 85.45 over the last seven; 90 % is 45.5 days on, 10 % half of that, 90 % twice
    assert (rack["Now"], rack["State"]) == ("85.5 %", "expected")
    assert [rack[name] for name in ("Early (10 %)", "Likely (50 %)", "Late (90 %)")] == [
        "2026-01-23",
        "2026-02-15",
        "2026-04-01",
    ]
    assert rows[SPARE]["State"] == "unusable"


def test_a_group_leads_to_its_chart_and_to_its_hosts(read: Read) -> None:
    page = read("/groups")
    assert page.links[RACK].startswith("host?host=rack")
    assert "kind=group" in page.links[RACK]
    hosts = read("/groups", group=RACK)
    assert hosts.column("Host", 1) == [QUOTED, "web-1"] or hosts.column("Host", 1)[0] == QUOTED
    assert set(hosts.column("Host", 1)) == {QUOTED, "web-1"}
    assert read(f"/{hosts.links['All 3 of its series']}").column("Host")[0].startswith(QUOTED)


def test_a_group_that_is_not_there_is_answered_in_a_sentence(client: TestClient) -> None:
    response = client.get("/groups", params={"group": "<i>rack"})
    assert response.status_code == 400
    assert "group '<i>rack' is not in the month's outlook" in Reader(response.text).text
    assert "<i>rack" not in response.text


def test_without_groups_the_page_says_how_to_define_some(tmp_path: Path) -> None:
    publish_fleet(tmp_path / "data", MONTHS[-1:], groups=False)
    client = TestClient(build_app(tmp_path / "data"))
    page = Reader(client.get("/groups").text)
    assert page.tables == []
    assert "Month 2025-12 has no groups." in page.text
    assert "groups: groups.csv" in page.text


def test_a_reserve_is_told_in_words_with_what_is_left(tmp_path: Path) -> None:
    publish_fleet(tmp_path / "data", MONTHS[-1:])
    asked = publication(tmp_path / "data", MONTHS[-1])
    asked.outlook["reserve"] = {"hosts": 1}
    asked.outlook["group_reserves"] = {SPARE: {"percent": 20}}
    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb")) as con:
        publish_month(con, asked)
    page = Reader(TestClient(build_app(tmp_path / "data")).get("/groups").text)
    reserves = dict(
        zip([name.removesuffix(" its hosts") for name in page.column("Group")], page.column("Reserve"), strict=True)
    )
    # two hosts of the same size: without the largest, half is left
    assert reserves == {RACK: "its largest host (N+1); 50 % is usable", SPARE: "20 % of its capacity; 80 % is usable"}
