"""The report is one valid document that needs nothing else, whatever hosts are called."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turbo_forecast.answers.planned import Changed, Plan
from turbo_forecast.report.content import ReportContent, report_content
from turbo_forecast.report.html import rendered
from turbo_forecast.report.writing import write_report
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.text import printable
from turbo_forecast_tests.published_months import (
    FOREIGN,
    FORMULA,
    HIDDEN,
    LONG,
    MARKUP,
    MONTHS,
    QUOTED,
    RACK,
    SPARE,
    publish_fleet,
)
from turbo_forecast_tests.report.reading import Document, document

DASHBOARD = "https://capacity.example.org/planning"


@pytest.fixture(scope="module")
def report(published_fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the latest month of the fleet with awkward names."""
    path = tmp_path_factory.mktemp("report") / "month.html"
    write_report(Published(published_fleet), None, path, DASHBOARD)
    return path


@pytest.fixture(scope="module")
def shown(report: Path) -> Document:
    return document(report)


def reports(data: Path, folder: Path) -> list[Document]:
    """Of every published month."""
    for month in Published(data).months():
        write_report(Published(data), month.key, folder / f"{month.key}.html", DASHBOARD)
    return [document(path) for path in sorted(folder.glob("*.html"))]


def test_the_document_is_declared_and_every_element_ends_where_it_must(shown: Document) -> None:
    assert shown.declared == "doctype html"  # the reader has refused all else
    assert shown.tags[:2] == ["html", "head"]
    assert shown.tags.count("h1") == 1
    assert shown.tags.count("main") == 1


def test_ids_are_unique_and_whatever_is_referred_to_is_there(shown: Document) -> None:
    assert len(shown.ids) == len(set(shown.ids))
    within = {link[1:] for link in shown.links if link.startswith("#")}
    assert within
    assert within | shown.referred <= set(shown.ids)


def test_nothing_is_loaded_and_nothing_is_executed(shown: Document, report: Path) -> None:
    assert shown.loose == []
    assert not set(shown.tags) & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert "url(" not in shown.style
    assert "@import" not in shown.style
    assert "default-src 'none'" in report.read_text(), "a browser is told so, too"


def test_every_address_is_a_page_of_the_dashboard_as_of_the_month(shown: Document) -> None:
    pages = [urlsplit(link) for link in shown.links if not link.startswith("#")]
    assert pages
    for page in pages:
        assert f"{page.scheme}://{page.netloc}" == "https://capacity.example.org"
        assert page.path in ("/planning/host", "/planning/outlook")
        assert parse_qs(page.query)["month"] == ["2025-12"]


@pytest.mark.parametrize(("name", "seen"), [(MARKUP, MARKUP), (QUOTED, QUOTED), (FOREIGN, FOREIGN)])
def test_a_name_is_shown_as_it_is_and_its_link_asks_for_that_host(name: str, seen: str, shown: Document) -> None:
    assert seen in shown.text
    asked = [parse_qs(urlsplit(link).query).get("host") for link in shown.links]
    assert [name] in asked


def test_markup_of_a_name_is_text_in_the_source(report: Path) -> None:
    source = report.read_text()
    assert MARKUP not in source
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in source


def test_a_group_links_to_its_own_page(shown: Document) -> None:
    asked = [parse_qs(urlsplit(link).query) for link in shown.links]
    of_group = [query for query in asked if query.get("host") == [RACK]]
    assert of_group
    assert all(query["kind"] == ["group"] for query in of_group)
    of_host = [query for query in asked if query.get("host") == [QUOTED]]
    assert all("kind" not in query for query in of_host)


def with_names(content: ReportContent, name: str) -> ReportContent:
    """The same report, of a fleet in which everybody and everything is called so."""
    named = {"host_id": pl.lit(name), "resource": pl.lit(name)}
    full = content.runs_full
    full = replace(full, ahead=full.ahead.with_columns(**named), over=full.over.with_columns(**named))
    assert content.changes is not None
    moved = {field: getattr(content.changes, field).with_columns(**named) for field in ("states", "dates", "series")}
    of_models = content.changes.champions.with_columns(**named, model=pl.lit(name), model_before=pl.lit(name))
    changes = replace(content.changes, **moved, champions=of_models, remarks=(name,))
    plan = Plan(1, date(2026, 2, 1), [Changed("series", [(name, name)], 2, f"moves to {name}")])
    scenarios = [replace(each, name=name, rows=each.rows.with_columns(**named)) for each in content.planned.scenarios]
    planned = replace(content.planned, plans=[plan], scenarios=scenarios, without_effect=[(1, name)])
    fits = pl.DataFrame([{"model": name, "status": "raised", "fits": 3, "milliseconds": 1.0}])
    first = pl.DataFrame([{"model": name, "status": "raised", "error_message": name}])
    stages = content.health.slowest.with_columns(asset=pl.lit(name), stage=pl.lit(name))
    reasons = (("failed", 1, name),)
    health = replace(content.health, reasons=reasons, fits=fits, failed_fits=first, failed_fits_count=3, slowest=stages)
    groups = content.groups.with_columns(**named)
    return replace(content, runs_full=full, changes=changes, planned=planned, health=health, groups=groups)


@pytest.fixture(scope="module")
def content(published_fleet: Path) -> ReportContent:
    return report_content(Published(published_fleet))


ODD = [
    MARKUP,
    QUOTED,
    FORMULA,
    HIDDEN,
    FOREIGN,
    LONG,
    "javascript:alert(1)",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></svg><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- ",
    "&lt;b&gt;&amp;",
    "שרת-ירושלים \u202eabc",
    "h" * 5_000,
    "x\x00\x1b[31m\r\n\t",
    " ",
    "#words",
    "http://evil.example.org/?a=b&c=d",
]


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_a_name_changes_nothing_but_the_text(name: str, content: ReportContent) -> None:
    plain_one, odd = (Document(rendered(with_names(content, each), DASHBOARD)) for each in ("web", name))
    assert odd.tags == plain_one.tags
    assert odd.loose == []
    assert [urlsplit(link).netloc for link in odd.links] == [urlsplit(link).netloc for link in plain_one.links]
    assert len(odd.ids) == len(set(odd.ids))
    seen = printable(name)
    assert (seen if len(seen) <= 200 else f"{seen[:199]}…") in odd.text
    hidden = {char for char in odd.text if not char.isprintable()} - {"\n", "\u200c", "\u200d"}
    assert hidden == set(), "what cannot be seen turns text round, or breaks it"
    asked = {host for link in odd.links for host in parse_qs(urlsplit(link).query).get("host", [])}
    assert asked == {name}, "a link asks for the very name"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_leaves_the_document_valid(content: ReportContent, name: str) -> None:
    found = Document(rendered(with_names(content, name), DASHBOARD))
    assert printable(name) in found.text
    assert found.loose == []


@pytest.mark.parametrize("months", [MONTHS[-1:], MONTHS[1:], MONTHS])
@pytest.mark.parametrize("groups", [True, False])
def test_every_month_has_a_valid_report_with_and_without_groups_and_earlier_months(
    months: list[str], groups: bool, tmp_path: Path
) -> None:
    publish_fleet(tmp_path / "data", months, groups=groups)
    found = reports(tmp_path / "data", tmp_path)
    assert len(found) == len(months)
    first, last = found[0].text, found[-1].text
    assert "No earlier month is published: there is nothing to compare this one with." in first
    assert ("What changed since 2025-11" in last) == (len(months) > 1)
    assert ("No groups are defined." in last) == (not groups)
    assert ("Nothing is planned" in last) is True, "the fixture's only plan is a scenario's"
    assert ("Scenario more hosts beside what is published" in " ".join(last.split())) == groups


def test_a_row_says_by_when_and_how_surely(shown: Document) -> None:
    # web-1's cpu is at 80 - .3 on average of the last week, and grows by .1 a day: 90 % comes in 10.3 / .1 = 103 days, 10 % by half
    # of them and 90 % by 206, which is beyond the 181 days ahead
    known = ([0, 51.5, 103, 206], [0, 0.1, 0.5, 0.9])
    odds = [f"{100 * float(np.interp(days, *known)):.0f} %" for days in (30, 91, 181)]
    end = date(2025, 12, 31)
    early, likely = (end + timedelta(days=days) for days in (52, 103))
    assert shown.row("web-1 cpu")[2:] == ["79.7", "90", "10.3", f"{likely} {early} … –", *odds]


def test_groups_stand_with_their_hosts_and_their_state(shown: Document) -> None:
    rows = [[" ".join(cell.split()) for cell in row] for row in shown.rows]
    of_groups = {row[0]: row[1:5] for row in rows if len(row) == 9 and row[2] in ("expected", "unusable")}
    assert of_groups == {f"{RACK} cpu": ["2", "expected", "85.5", "90"], f"{SPARE} cpu": ["1", "unusable", "–", "90"]}


def test_who_is_over_is_named_with_the_level(shown: Document) -> None:
    assert f"{QUOTED} cpu, 91.2 % of 90 %." in " ".join(shown.text.split())
