"""Run, as a page: what became of the series, what failed, and a link to the run where Dagster's address is known."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient

import turbo_forecast
from turbo_forecast.dashboard.app import build_app
from turbo_forecast.dashboard.pages.run import ENDS
from turbo_forecast.schemas import MODEL_RUNS, SERIES_OUTCOMES
from turbo_forecast.settings.environment import UI_URL
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.types import Status
from turbo_forecast_tests.dashboard.documents import Document, require_accessible
from turbo_forecast_tests.published_months import begin_month


@pytest.fixture
def data(published_fleet: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published_fleet, tmp_path / "data"))


def page_of(data: Path, address: str = "/run") -> Document:
    answer = TestClient(build_app(data)).get(address)
    assert answer.status_code == 200
    page = Document(answer.text)
    require_accessible(page)
    return page


def test_every_series_is_accounted_for(data: Path) -> None:
    page = page_of(data)
    assert page.table("What became of the 12 series") == [
        ["forecast", "9", "75 %"],
        ["fallback", "1", "8 %"],
        ["retired", "1", "8 %"],
        ["failed", "1", "8 %"],
    ]
    assert page.table("Series that failed")[0][:3] == ["broken", "cpu", "WorkerDied"]
    assert [row[1] for row in page.table("Why the others")] == ["fallback", "retired", "failed"]


def test_a_message_is_one_line_without_passwords_in_addresses(data: Path) -> None:
    path = Published(data).month("2025-12").path(SERIES_OUTCOMES)
    rows = pl.read_parquet(path)
    bad = "no <b>file</b>\nhttps://me:secret@host.example/a?sig=key " + "x" * 500
    message = pl.when(pl.col("outcome") == "failed").then(pl.lit(bad)).otherwise("error_message")
    rows.with_columns(error_message=message).write_parquet(path)
    (row,) = page_of(data).table("Series that failed")
    assert row[3].startswith("no <b>file</b> https://host.example/a xxx")
    assert row[3].endswith("…")
    assert len(row[3]) == 300
    assert "secret" not in row[3]


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("http://dagster.example:3000/", "http://dagster.example:3000/runs/run-of-2025-12"),
        ("https://me:secret@dagster.example/ui", "https://dagster.example/ui/runs/run-of-2025-12"),
        ("javascript:alert(1)//x", None),
        ("dagster.example", None),
        ("", None),
    ],
)
def test_the_run_is_linked_where_the_address_of_dagster_is_one(
    data: Path, address: str, link: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(UI_URL, address)
    links = [each.attributes["href"] for each in page_of(data).all("a") if each.text == "run-of-2025-12"]
    assert links == ([link] if link else [])


def test_months_of_every_state_are_listed_and_published_ones_lead_to_their_page(data: Path) -> None:
    begin_month(data, "2026-01", "failed", failed="champions.every_series_has_a_champion")
    page = page_of(data)
    rows = page.table("All months")
    assert [row[0] for row in rows] == ["2026-01", "2025-12", "2025-11", "2025-10"]
    assert rows[0][1] == "failed (champions.every_series_has_a_champion)"
    assert rows[0][4] == "not published"
    assert [each.attributes["href"] for each in page.all("a") if each.text == "2025-10"] == ["run?month=2025-10"]
    assert page_of(data, "/run?month=2025-10").all("h1")


def test_each_way_in_which_a_fit_can_end_has_words_and_is_known_to_its_check_and_its_table() -> None:
    assert set(ENDS) == set(Status)
    statement = (Path(turbo_forecast.__file__).parent / "defs/checks/sql/every_fit_is_recorded.sql").read_text()
    told = next(column.description for column in MODEL_RUNS.columns if column.name == "status")
    for status in Status:
        assert f"'{status}'" in statement
        assert status in told
