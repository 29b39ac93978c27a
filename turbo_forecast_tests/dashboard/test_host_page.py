"""One host in full: its chart's data, its thresholds, its plans, why, what earlier months said; and names that are not there."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from turbo_forecast.answers.earlier import earlier_answers
from turbo_forecast.answers.host import host_answer
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.text import printable
from turbo_forecast_tests.dashboard.reader import Reader
from turbo_forecast_tests.published_months import FOREIGN, FORMULA, HIDDEN, LONG, MARKUP, QUOTED, RACK, SCENARIO, SPARE

Read = Callable[..., Reader]
HOSTS = ["web-1", QUOTED, MARKUP, FORMULA, FOREIGN, HIDDEN, LONG, "dark", "new", "retired", "broken"]


def chart(html: str) -> dict[str, Any]:
    """What the script is given to draw."""
    found: dict[str, Any] = json.loads(html.partition('id="chart">')[2].partition("</script>")[0])
    return found


@pytest.mark.parametrize("name", HOSTS)
def test_every_host_of_the_month_has_a_page(client: TestClient, name: str) -> None:
    response = client.get("/host", params={"host": name})
    assert response.status_code == 200
    page = Reader(response.text)
    assert printable(name) in page.text
    assert "<script>alert" not in response.text
    assert chart(response.text)["specification"]["vconcat"]


def test_a_group_has_a_page_of_the_same_kind(read: Read) -> None:
    page = read("/host", host=RACK, kind="group")
    assert f"Group {RACK}" in page.text
    assert page.links["Its hosts"].startswith("groups?group=rack")
    assert "Its reserve takes all of its capacity" in read("/host", host=SPARE).text


def test_all_resources_are_drawn_below_each_other_or_the_one_that_is_asked_for(client: TestClient) -> None:
    both, one = (client.get("/host", params={"host": "web-1", **more}).text for more in ({}, {"resource": "cpu"}))
    assert [view["title"] for view in chart(both)["specification"]["vconcat"]] == ["cpu", "memory"]
    assert [view["title"] for view in chart(one)["specification"]["vconcat"]] == ["cpu"]


def test_the_last_year_is_drawn_from_its_first_day(client: TestClient) -> None:
    html = client.get("/host", params={"host": "web-1", "resource": "memory", "history": "year"}).text
    days = [row["d"] for row in chart(html)["specification"]["datasets"]["days0"]]
    assert (min(days), max(days)) == ("2024-12-31", "2026-06-30")


def test_the_thresholds_are_those_of_the_outlook(read: Read) -> None:
    page = read("/host", host="web-1", resource="cpu")
    table = page.tables[0]
    assert [row[0] for row in table.rows] == ["70 %", "80 %", "90 %", "95 %"]
    # 79.7 % now, 0.1 a day: over 70; 80 % in 3 days, 90 % in 103, 95 % in 153
    assert page.column("State") == ["over", "expected", "expected", "expected"]
    assert page.column("Likely (50 %)") == ["now", "2026-01-03", "2026-04-13", "2026-06-02"]


def test_the_summary_says_what_the_chart_shows(read: Read) -> None:
    text = read("/host", host="web-1", resource="cpu").text
    assert "The mean of the last seven days up to 2025-12-31 is 79.7 %." in text
    # June is 152 to 181 days on: 80 + 0.1 × 166.5 = 96.65, and the champion is 1 above that; bounds are 4 off, up to 100
    assert "The forecast for 2026-06 is 98 % on average, with an interval of 80 % from 94 % to 100 %." in text
    assert "It reaches 90 % likely (50 %) by 2026-04-13, at the earliest (10 %) by 2026-02-21." in text


def test_planned_changes_of_a_scenario_are_told_apart(read: Read) -> None:
    text = read("/host", host="web-1", resource="cpu").text
    assert (
        f"from 2026-01-01: the load becomes 50 % of what it is (scenario {SCENARIO}, row 1 of the file of plans)"
        in text
    )


def test_why_and_what_earlier_months_said_are_told_as_they_are_answered(read: Read, published_fleet: Any) -> None:
    published = Published(published_fleet)
    month = published.month()
    (series,) = host_answer(published, month, "web-1", "cpu").series
    earlier = earlier_answers(published, month, "web-1", "series", ["cpu"])["cpu"]
    text = read("/host", host="web-1", resource="cpu").text
    assert " ".join(series.why) in text
    assert len(earlier.forecasts) == 2
    assert all(each in text for each in earlier.forecasts["text"])
    assert f"{len(earlier.statements)} statements about thresholds" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dark", "Of the last seven days up to 2025-12-31, fewer than four were observed"),
        ("retired", "There is no forecast. It has no forecast: no value in the last 90 days."),
        (
            "broken",
            "is 55.0 %. There is no forecast. Its forecast has failed, and where one is shown it is the fallback's: its worker died three times.",
        ),
        ("new", "It has the fallback's forecast: 52 observed days of 60."),
    ],
)
def test_what_limits_a_forecast_is_said(read: Read, name: str, said: str) -> None:
    assert said in read("/host", host=name).text


def test_a_month_that_is_named_is_the_month_that_is_shown(read: Read) -> None:
    page = read("/host", host="gone", month="2025-11")
    assert "Known up to 2025-11-30" in page.text


def test_an_unknown_host_is_not_found_and_names_like_it_are_offered(client: TestClient) -> None:
    response = client.get("/host", params={"host": "wbe-1"})
    assert response.status_code == 404
    page = Reader(response.text)
    assert "there is no host or group 'wbe-1' in 2025-12" in page.text
    assert page.links["web-1"] == "host?host=web-1"
    gone = client.get("/host", params={"host": "gone"})
    assert gone.status_code == 404
    assert "2025-11, 2025-10 have it" in Reader(gone.text).text


def test_a_name_with_markup_that_is_not_there_is_shown_as_text(client: TestClient) -> None:
    response = client.get("/host", params={"host": "<img src=x onerror=alert(1)>"})
    assert response.status_code == 404
    assert "<img" not in response.text


def test_an_unknown_resource_names_those_there_are(client: TestClient) -> None:
    response = client.get("/host", params={"host": "web-1", "resource": "gpu"})
    assert response.status_code == 400
    assert "it has 'cpu', 'memory'" in Reader(response.text).text


def test_without_a_host_the_most_urgent_are_listed(read: Read) -> None:
    page = read("/host")
    assert page.column("Host")[0].startswith(QUOTED)
    assert {"over", "expected", "possible"} >= set(page.column("State"))


def test_names_are_suggested_that_hold_the_text_those_that_begin_with_it_first(client: TestClient) -> None:
    names = client.get("/hosts.json", params={"text": "R"}).json()["names"]
    assert names[:2] == ["retired", RACK]
    assert all("r" in name.lower() for name in names)
    assert client.get("/hosts.json", params={"text": "no such"}).json() == {"names": []}


def test_looking_for_a_part_of_a_name_leads_to_the_only_one_that_has_it(client: TestClient) -> None:
    response = client.get("/host", params={"find": "WEB", "month": "2025-11"}, follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"] == "host?host=web-1&month=2025-11"
    group = client.get("/host", params={"find": "spare"}, follow_redirects=False)
    assert group.headers["location"] == "host?host=spare&kind=group"


def test_looking_for_what_several_names_have_lists_them(client: TestClient) -> None:
    page = Reader(client.get("/host", params={"find": "r"}).text)
    assert page.links[RACK] == "host?host=rack+%3CA%3E+%26+B&kind=group"
    assert page.links["retired"] == "host?host=retired"
    nobody = client.get("/host", params={"find": "<b>"})
    assert nobody.status_code == 404
    assert "no host or group of 2025-12 has '<b>' in its name" in Reader(nobody.text).text


def test_a_chart_cannot_be_ended_by_a_name(client: TestClient) -> None:
    html = client.get("/host", params={"host": MARKUP}).text
    data = html.partition('id="chart">')[2].partition("</script>")[0]
    assert "<" not in data
