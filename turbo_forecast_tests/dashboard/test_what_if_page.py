"""What-if, as a page: what is typed stays, mistakes are told beside it, and a file that is saved is a file of plans."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient

from turbo_forecast.dashboard.app import build_app
from turbo_forecast.schemas import PLANNED_CHANGES
from turbo_forecast.storage.plans import plans_of_text
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.dashboard.documents import Document, require_accessible
from turbo_forecast_tests.published_months import FORMULA, MARKUP, QUOTED, RACK, SCENARIO


@pytest.fixture
def site(published_fleet: Path) -> TestClient:
    return TestClient(build_app(published_fleet))


def row(owner: str, what: str = "change", amount: str = "12", **others: str) -> dict[str, str]:
    return {
        "day": "2026-01-15",
        "of": "host",
        "owner": owner,
        "resource": "cpu",
        "what": what,
        "amount": amount,
        **others,
    }


def form(*rows: dict[str, str], **others: str) -> dict[str, list[str] | str]:
    return {name: [each[name] for each in rows] for name in rows[0]} | {"do": "show", **others}


def values(page: Document, name: str) -> list[str | None]:
    return [each.attributes.get("value") for each in page.all("input", name=name)]


def test_the_form_begins_with_what_is_published_or_with_a_scenario(site: TestClient) -> None:
    page = Document(site.get("/what-if").text)
    require_accessible(page)
    assert values(page, "owner") == ["", "", ""]
    begun = Document(site.get("/what-if", params={"scenario": SCENARIO}).text)
    assert values(begun, "owner") == ["web-1", "", "", ""]
    assert values(begun, "amount")[0] == "0.5"
    assert values(begun, "scenario") == [SCENARIO] * 3, "of both forms, and of the choice of months"
    assert "2026-01-01,web-1,,cpu,,0.5,,," in begun.all("textarea")[0].text
    assert site.get("/what-if?scenario=nobody").status_code == 400


@pytest.mark.parametrize("host", ["web-1", QUOTED, MARKUP, FORMULA])
def test_what_moves_is_shown_below_the_form_that_keeps_what_was_typed(site: TestClient, host: str) -> None:
    answer = site.post("/what-if", data=form(row(host)))
    assert answer.status_code == 200
    assert MARKUP not in answer.text
    page = Document(answer.text)
    require_accessible(page)
    assert values(page, "owner")[0] == host
    moved = page.table("What these rows alter")
    assert {tuple(cells[:2]) for cells in moved} == {(host, "cpu")}
    assert sorted(cells[2] for cells in moved) == ["70 %", "80 %", "90 %", "95 %"]
    assert all("(was " in cells[6] for cells in moved)


def test_the_same_rows_as_csv_move_the_same(site: TestClient) -> None:
    typed = site.post("/what-if", data=form(row("web-1"), row(MARKUP, "factor", "1.5")))
    text = Document(typed.text).all("textarea")[0].text
    pasted = site.post("/what-if", data={"csv": text, "do": "show"})
    tables = [Document(each.text).table("What these rows alter") for each in (typed, pasted)]
    assert tables[0] == tables[1] != []
    assert values(Document(pasted.text), "owner")[:2] == ["web-1", MARKUP]


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        (row("web1"), "owner", "plans: row 2, column host_id: 'web1' is not known; did you mean web-1?"),
        (row(RACK[:4], of="group"), "owner", "plans: row 2, column group: 'rack' is not known"),
        (row("web-1", amount="many"), "amount", "plans: row 2, column change: 'many' is no number"),
        (
            row("web-1", day="2026-02-30"),
            "day",
            "plans: row 2, column date: '2026-02-30' is no day; write it as 2026-03-15",
        ),
        (row("web-1", resource="disk"), "resource", "plans: row 2, column resource: 'disk' is not known"),
    ],
)
def test_a_mistake_is_told_beside_the_field_and_nothing_typed_is_lost(
    site: TestClient, wrong: dict[str, str], field: str, sentence: str
) -> None:
    answer = site.post("/what-if", data=form(row("web-1"), wrong, scenario="busy"))
    page = Document(answer.text)
    require_accessible(page)
    (alert,) = page.all("p", role="alert")
    assert alert.text.startswith(sentence)
    assert alert.attributes["id"] == "wrong"
    (marked,) = [each for each in page.elements if each.attributes.get("aria-invalid")]
    assert (marked.attributes["name"], marked.attributes["value"]) == (field, wrong[field])
    assert marked.attributes["aria-describedby"] == "wrong"
    assert (marked.attributes["aria-label"] or "").startswith("Row 2")
    assert values(page, "owner")[:2] == ["web-1", wrong["owner"]]
    assert values(page, "scenario")[0] == "busy"


def test_a_mistake_in_the_text_leaves_the_text(site: TestClient) -> None:
    text = "date;host_id;change\n2026-01-15;web-1;much\n"
    page = Document(site.post("/what-if", data={"csv": text, "do": "show"}).text)
    assert "row 1, column change: 'much' is no number" in page.all("p", role="alert")[0].text
    assert page.all("textarea")[0].text.strip() == text.strip()
    several = "date,host_id,change,scenario\n2026-01-15,web-1,5,one\n2026-01-15,web-1,6,two\n"
    page = Document(site.post("/what-if", data={"csv": several, "do": "show"}).text)
    assert "the rows are of 2 scenarios (one, two)" in page.all("p", role="alert")[0].text


def test_a_scenario_is_saved_as_a_file_of_plans_and_nothing_on_the_server(
    site: TestClient, published_fleet: Path
) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in published_fleet.rglob("*"))
    answer = site.post("/what-if", data=form(row("web-1"), row(QUOTED, "retire", ""), do="save", scenario="Très busy"))
    assert answer.headers["content-disposition"] == 'attachment; filename="plans-2025-12-tr-s-busy.csv"'
    found = plans_of_text(answer.text)
    assert found.select("scenario", "host_id", "what", "amount").rows() == [
        ("Très busy", "web-1", "change", 12.0),
        ("Très busy", QUOTED, "retire", None),
    ]
    assert before == sorted((path, path.stat().st_mtime_ns) for path in published_fleet.rglob("*"))


@pytest.mark.parametrize(
    ("rows", "scenario", "sentence"),
    [
        ([row("web-1")], "", "a scenario needs a name"),
        ([row("nobody")], "busy", "'nobody' is not known"),
        ([row(FORMULA)], "busy", "would execute as a formula"),
        ([row("web-1")], "=1+1", "would execute as a formula"),
    ],
)
def test_what_cannot_be_saved_is_told_on_the_page(
    site: TestClient, rows: list[dict[str, str]], scenario: str, sentence: str
) -> None:
    answer = site.post("/what-if", data=form(*rows, do="save", scenario=scenario))
    page = Document(answer.text)
    assert sentence in page.all("p", role="alert")[0].text
    assert values(page, "owner")[0] == rows[0]["owner"]


def test_more_rows_are_given_when_they_are_wished(site: TestClient) -> None:
    page = Document(site.post("/what-if", data=form(row("web-1"), do="more")).text)
    assert values(page, "owner") == ["web-1", *[""] * 5]


def test_what_has_no_effect_is_said(site: TestClient) -> None:
    page = Document(site.post("/what-if", data=form(row("web-1", day="2020-01-01"))).text)
    told = " ".join(each.text for each in page.all("li"))
    assert "Row 1 (web-1, cpu): no effect: the day is not after the cutoff" in told
    assert "These rows alter nothing of what is published." in page.all("main")[0].text


def test_a_month_that_kept_nothing_of_its_run_says_so_and_offers_no_form(published_fleet: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(published_fleet, tmp_path / "data"))
    shutil.rmtree(Published(data).month("2025-11").run_results.folder)
    answer = TestClient(build_app(data)).get("/what-if?month=2025-11")
    assert answer.status_code == 404
    page = Document(answer.text)
    assert "what its run has learnt was not kept any more" in page.all("p", role="alert")[0].text
    assert not page.all("textarea")


def test_plans_of_an_earlier_version_are_not_taken_for_none(published_fleet: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(published_fleet, tmp_path / "data"))
    path = Published(data).month("2025-12").path(PLANNED_CHANGES)
    pl.read_parquet(path).drop("plan").write_parquet(path)
    page = Document(TestClient(build_app(data)).get("/what-if").text)
    require_accessible(page)
    assert "are not known, since an earlier version" in page.all("main")[0].text
    assert not page.all("form", **{"aria-label": "Where to begin"})
