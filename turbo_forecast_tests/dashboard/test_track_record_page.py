"""Track record, as a page: filters, tables and the plot say what the answer says, whatever hosts are called."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from turbo_forecast.answers.track_record import TrackQuestion, track_record
from turbo_forecast.dashboard.app import build_app
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.dashboard.documents import Document, require_accessible
from turbo_forecast_tests.published_months import MARKUP, publish_fleet


@pytest.fixture
def site(published_fleet: Path) -> TestClient:
    return TestClient(build_app(published_fleet))


def test_the_plot_has_a_dot_for_each_row_of_its_table(site: TestClient, published_fleet: Path) -> None:
    page = Document(site.get("/track-record").text)
    bins = track_record(Published(published_fleet).month(), TrackQuestion()).reliability
    rows = page.table("Statements of about the same probability")
    assert len(rows) == len(page.all("circle")) == len(bins) > 0
    assert [row[3] for row in rows] == [f"{n:,}" for n in bins["n"]]


@pytest.mark.parametrize(
    "query", ["", "?population=all", "?kind=group", "?resource=cpu", "?month=2025-10", "?resource=memory&month=2025-11"]
)
def test_every_filter_gives_a_whole_page(site: TestClient, query: str) -> None:
    answer = site.get(f"/track-record{query}")
    assert answer.status_code == 200
    require_accessible(Document(answer.text))


def test_misses_are_named_with_what_was_said_and_lead_to_their_page(published_fleet: Path, tmp_path: Path) -> None:
    import shutil

    import polars as pl

    from turbo_forecast.schemas import OUTLOOK_BACKTEST

    data = Path(shutil.copytree(published_fleet, tmp_path / "data"))
    path = Published(data).month("2025-12").path(OUTLOOK_BACKTEST)
    rows = pl.read_parquet(path)
    is_other_way = (pl.col("host_id") == MARKUP) & (pl.col("threshold") == 95)
    rows.with_columns(
        happened=pl.when(is_other_way).then(1).otherwise("happened").cast(pl.Int32),
        probability=pl.when(is_other_way).then(0.07).otherwise("probability"),
    ).write_parquet(path)
    answer = TestClient(build_app(data)).get("/track-record?month=2025-12")
    assert MARKUP not in answer.text
    page = Document(answer.text)
    (row,) = page.table("Misses")
    assert (row[0], row[1], row[2], row[4]) == (MARKUP, "cpu", "95 %", "7 %")
    (link,) = [each for each in page.all("a") if each.text == MARKUP]
    assert link.attributes["href"] == ("host?host=%3Cscript%3Ealert%281%29%3C%2Fscript%3E&resource=cpu&month=2025-12")


def test_what_is_not_there_is_said_in_a_sentence(site: TestClient, tmp_path: Path) -> None:
    assert "resource &#39;gpu&#39; was not scored" in site.get("/track-record?resource=gpu").text
    assert site.get("/track-record?resource=gpu").status_code == 400
    assert site.get("/track-record?kind=hosts").status_code == 400
    first = TestClient(build_app(publish_fleet(tmp_path / "data", ["2025-10"], groups=False).data))
    text = first.get("/track-record").text
    assert "None yet: an earlier month must be published" in text
    assert "it has no groups" in first.get("/track-record?kind=group").text
