"""The first page: who runs full, filtered and sorted by the address; and as a file."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient

from turbo_forecast.answers.outlook import OutlookQuestion, outlook_answer
from turbo_forecast.dashboard import pagination
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.text import printable
from turbo_forecast_tests.dashboard.reader import Reader
from turbo_forecast_tests.published_months import FOREIGN, FORMULA, HIDDEN, LONG, MARKUP, QUOTED, RACK, SCENARIO, SPARE

Read = Callable[..., Reader]
SERIES = 10
"""Series of December that have a forecast: of thirteen, one has gone, one is retired and one has failed."""


def names(page: Reader) -> list[str]:
    """The hosts and groups of the table, without the remarks below them."""
    return [re.split(" level (?:moved|not known)", text)[0].removesuffix(" group") for text in page.column("Host")]


def test_everybody_is_listed_the_most_urgent_first(read: Read) -> None:
    page = read("/outlook")
    listed = page.column("Host")
    # over since December: the only one; and the group whose reserve takes all ranks with it
    assert listed[0].startswith(QUOTED)
    assert len(listed) == SERIES + 2
    assert page.column("State")[0] == "over"
    assert page.tables[0].caption.endswith("reaching it by 2026-06-30")


def test_what_a_row_says_is_what_the_month_has_published(read: Read) -> None:
    page = read("/outlook", text="web-1", resource="cpu")
    (row,) = page.tables[0].rows
    said = dict(zip(page.tables[0].headings, row, strict=True))
    # 80 % on the last day, 0.1 points a day: the mean of the last seven days is 79.7; 90 % is 100 days on
    assert said["Now"] == "79.7 %"
    assert said["Headroom"] == "10.3"
    assert said["Per 30 days"] == "+3.0"
    assert said["Reaches"] == "90 %"
    # 10.3 points at 0.1 a day are 103 days: 14 April; 10 % by half of that, 90 % by twice
    assert said["Early (10 %)"] == "2026-02-21"
    assert said["Likely (50 %)"] == "2026-04-13"
    assert said["Late (90 %)"] == "–"
    assert said["State"] == "expected"


@pytest.mark.parametrize("name", [MARKUP, FORMULA, QUOTED, FOREIGN, LONG])
def test_a_name_is_shown_as_it_is_and_leads_to_its_page(read: Read, client: TestClient, name: str) -> None:
    page = read("/outlook", text=name)
    link = page.links[printable(name)]
    assert "<script>alert" not in client.get("/outlook", params={"text": name}).text
    assert link.startswith("host?host=")
    assert "resource=" in link


def test_what_cannot_be_seen_in_a_name_is_written_out(read: Read) -> None:
    page = read("/outlook", text="break")
    assert names(page)[0].startswith(r"line\nbreak\u202e")
    assert HIDDEN not in page.text


@pytest.mark.parametrize(
    ("parameters", "question"),
    [
        ({"resource": "memory"}, OutlookQuestion(resources=("memory",))),
        ({"resource": ["cpu", "memory"]}, OutlookQuestion(resources=("cpu", "memory"))),
        ({"group": RACK}, OutlookQuestion(group=RACK)),
        ({"group": RACK, "kind": "series"}, OutlookQuestion(group=RACK, kind="series")),
        ({"kind": "group"}, OutlookQuestion(kind="group")),
        ({"threshold": "70"}, OutlookQuestion(threshold=70.0)),
        ({"threshold": "every"}, OutlookQuestion(every_threshold=True)),
        ({"state": ["possible", "unlikely"]}, OutlookQuestion(states=("possible", "unlikely"))),
        ({"at_least": "0.5"}, OutlookQuestion(at_least=0.5)),
        ({"text": "WEB"}, OutlookQuestion(text="WEB")),
        ({"scenario": SCENARIO}, OutlookQuestion(scenario=SCENARIO)),
    ],
)
def test_each_filter_leaves_the_rows_that_it_asks_for(
    read: Read, published_fleet: Path, parameters: dict[str, object], question: OutlookQuestion
) -> None:
    expected = outlook_answer(Published(published_fleet).month(), question)
    page = read("/outlook", **parameters)
    assert len(expected) > 0
    assert names(page) == [printable(name) for name in expected["host_id"].head(50)]


def test_a_day_asks_for_the_probability_by_the_day_before(read: Read) -> None:
    page = read("/outlook", text="web-1", resource="cpu", before="2026-02-22")
    # early, 10 %, is 2026-02-21
    assert page.column("Probability") == ["10 %"]
    assert page.tables[0].caption.endswith("by 2026-02-21")


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"resource": "gpu"}, "resource 'gpu' is not in the month's outlook; there is cpu, memory"),
        ({"threshold": "85"}, "threshold 85 % is not in the month's outlook"),
        ({"threshold": "much"}, "threshold must be a number, not 'much'"),
        ({"at_least": "nan"}, "at_least must be a number, not 'nan'"),
        ({"before": "soon"}, "before must be a day such as 2026-06-01, not 'soon'"),
        ({"before": "2027-01-01"}, "is outside of the forecast"),
        ({"group": "rack"}, "group 'rack' is not in the month's outlook"),
        ({"state": "full"}, "state 'full' is not in the month's outlook"),
        ({"sort": "name"}, "sort must be one of host_id, resource"),
        ({"page": "0"}, "page must be a whole number from 1, not '0'"),
        ({"page": "٣"}, "page must be a whole number from 1"),
        ({"page": "9" * 5000}, "page must be a whole number from 1"),
        ({"kind": "host"}, "kind must be one of series, group, not 'host'"),
        ({"format": "pdf"}, "format must be one of csv, xlsx, not 'pdf'"),
        ({"scenario": "<b>"}, "scenario '<b>' is not in the month's outlook"),
    ],
)
def test_what_cannot_be_asked_is_answered_in_a_sentence(
    client: TestClient, parameters: dict[str, str], sentence: str
) -> None:
    response = client.get("/outlook", params=parameters)
    assert response.status_code == 400
    assert sentence in Reader(response.text).text


def test_a_heading_sorts_and_sorts_the_other_way(read: Read) -> None:
    page = read("/outlook", kind="series")
    ascending = read(page.links["Now"].replace("outlook", "/outlook", 1))
    shown = [float(each.removesuffix(" %")) for each in ascending.column("Now") if each != "–"]
    assert shown == sorted(shown, reverse=True)
    assert ascending.column("Now")[-1] == "–"  # what is not known comes last
    again = read(ascending.links["Now"].replace("outlook", "/outlook", 1))
    assert [each for each in again.column("Now") if each != "–"] == [f"{each:.1f} %" for each in sorted(shown)]
    assert again.column("Now")[-1] == "–"
    orders = {each["aria-sort"] for each in again.all("th") if "aria-sort" in each}
    assert orders == {"ascending", "none"}


def test_the_counts_are_of_what_the_other_filters_leave_and_lead_to_each_state(read: Read) -> None:
    page = read("/outlook", resource="cpu", state="unlikely")
    counted = {
        text.removesuffix(" (show all)").split()[1]: int(text.split()[0]) for text in page.links if text[0].isdigit()
    }
    everybody = read("/outlook", resource="cpu").column("State")
    assert counted == {
        state: everybody.count(state) for state in ("over", "expected", "possible", "unlikely", "unusable")
    }
    over = next(link for text, link in page.links.items() if text.endswith("over"))
    assert read(f"/{over}").column("State") == ["over"] * counted["over"]


def test_the_track_record_stands_above_the_table(read: Read) -> None:
    # the backtest's statements: those of 60 % all came true, those of 20 % never
    text = read("/outlook").text
    assert "true of series below their threshold: of the" in text
    assert "that said 50 % or more, 100 % came true within 122 days" in text


def test_all_rows_of_the_filter_are_saved_not_those_of_the_page(client: TestClient) -> None:
    response = client.get("/outlook", params={"threshold": "every", "kind": "series", "format": "csv", "page": "2"})
    assert response.headers["content-disposition"] == 'attachment; filename="outlook-2025-12.csv"'
    rows = pl.read_csv(io.BytesIO(response.content), try_parse_dates=True)
    assert len(rows) == SERIES * 4
    assert f"'{FORMULA}" in rows["host_id"].to_list()
    assert {"probability", "likely", "urgency"} <= set(rows.columns)


def test_a_workbook_is_saved(client: TestClient) -> None:
    response = client.get("/outlook", params={"resource": "memory", "format": "xlsx"})
    assert response.headers["content-disposition"] == 'attachment; filename="outlook-2025-12.xlsx"'
    strings = zipfile.ZipFile(io.BytesIO(response.content)).read("xl/sharedStrings.xml").decode()
    assert FOREIGN in strings
    assert "web-1" in strings
    assert LONG not in strings


def test_pages_hold_fifty_rows_and_lead_on(client: TestClient, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "ROWS", 5)
    # nine hosts and two groups, web-1 twice: twelve rows
    first = read("/outlook")
    assert "1–5 of 12" in first.text
    second = read(f"/{first.links['Next']}")
    assert "6–10 of 12" in second.text
    last = read(f"/{first.links['Last']}")
    assert "11–12 of 12" in last.text
    assert "Next" not in last.links
    assert names(first) + names(second) + names(last) == names(read("/outlook", page="1")) + names(
        read("/outlook", page="2")
    ) + names(read("/outlook", page="99"))
    assert "page" not in last.links["First"]


def test_a_month_that_is_named_stays_named_in_every_link(read: Read) -> None:
    page = read("/outlook", month="2025-11")
    inner = [link for link in page.links.values() if link.startswith(("outlook", "host", "groups"))]
    assert inner
    assert all("month=2025-11" in link for link in inner)
    assert "Known up to 2025-11-30" in page.text


def test_a_filter_that_nothing_answers_says_so(read: Read) -> None:
    page = read("/outlook", text="no such host")
    assert page.tables == []
    assert "Nothing answers these filters." in page.text


def test_the_unusable_group_is_said_to_be_and_has_no_dates(read: Read) -> None:
    page = read("/outlook", text=SPARE)
    assert page.column("State") == ["unusable"]
    assert page.column("Likely (50 %)") == ["now"]
    assert page.column("Now") == ["–"]
