"""Tournament, as a page: everyone stands in the table and on the plot, in the same order."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from turbo_forecast.dashboard.app import build_app
from turbo_forecast_tests.dashboard.documents import Document, require_accessible


@pytest.fixture
def site(published_fleet: Path) -> TestClient:
    return TestClient(build_app(published_fleet))


def test_everyone_stands_in_the_table_and_on_the_plot(site: TestClient) -> None:
    page = Document(site.get("/tournament").text)
    require_accessible(page)
    rows = page.table("Standings")
    names = ["published forecast", "weighted", "prophet", "seasonal_naive"]
    assert [row[0] for row in rows] == names
    assert [each.text for each in page.all("text") if each.attributes.get("x") == "-8"] == names
    assert [row[1] for row in rows] == [
        "0.250 (0.15 to 0.35)",
        "0.250 (0.15 to 0.35)",
        "0.500 (0.40 to 0.60)",
        "1.000 (0.90 to 1.10)",
    ]
    assert rows[3][7] == "–", "nobody beats itself"


def test_filters_hold_together_with_the_month(site: TestClient) -> None:
    page = Document(site.get("/tournament?resource=cpu&ahead=2&month=2025-11").text)
    require_accessible(page)
    chosen = [each.attributes.get("value") for each in page.all("option") if "selected" in each.attributes]
    assert "cpu" in chosen
    assert "2" in chosen
    assert {"name": "month", "value": "2025-11", "type": "hidden"} in [each.attributes for each in page.all("input")]


def test_champions_are_counted_by_resource(site: TestClient) -> None:
    rows = {row[0]: row[1:] for row in Document(site.get("/tournament").text).table("Where each entrant is")}
    assert rows["weighted"] == ["7 (70 %)", "10 (100 %)", "6 (75 %)", "8 (100 %)", "1 (50 %)", "2 (100 %)"]
    assert rows["prophet"] == ["1 (10 %)", "0 (0 %)", "1 (12 %)", "0 (0 %)", "0 (0 %)", "0 (0 %)"]


@pytest.mark.parametrize("query", ["resource=gpu", "ahead=9", "ahead=-1", "ahead=x"])
def test_what_is_not_there_is_said_in_a_sentence(site: TestClient, query: str) -> None:
    answer = site.get(f"/tournament?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
