"""The report's file is written whole or not at all, says what it is of, and is read again for what is wrong with it."""

from pathlib import Path

import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.report.content import first_to_run_full
from turbo_forecast.report.writing import named, read_report, write_report
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.reports import report_path
from turbo_forecast_tests.published_months import MARKUP


@pytest.fixture
def path(published_fleet: Path, tmp_path: Path) -> Path:
    found = tmp_path / "out" / "2025-11.html"
    write_report(Published(published_fleet), "2025-11", found)
    return found


def test_the_file_says_what_it_is_of_and_names_who_runs_full_first(path: Path, published_fleet: Path) -> None:
    month, found = Published(published_fleet).month("2025-11"), read_report(path)
    assert (found.month, found.run_id, found.version) == ("2025-11", "run-of-2025-11", month.manifest.version)
    assert found.whole
    assert list(found.named) == named(first_to_run_full(month))
    assert ("series", MARKUP, "cpu", "90") in found.named, "expected in November, by its rate then"


def test_the_latest_month_is_told_of_where_none_is_named(published_fleet: Path, tmp_path: Path) -> None:
    content = write_report(Published(published_fleet), None, tmp_path / "x.html")
    assert content.month.key == read_report(tmp_path / "x.html").month == "2025-12"


def test_it_is_small_enough_to_be_mailed_and_nothing_else_is_left_in_the_folder(path: Path) -> None:
    assert path.stat().st_size < 100_000
    assert list(path.parent.iterdir()) == [path]


def test_a_month_that_is_not_published_is_refused_in_a_sentence_and_the_old_file_stays(
    path: Path, published_fleet: Path
) -> None:
    before = path.read_bytes()
    with pytest.raises(
        StorageError, match="has no published month 2024-01: month 2024-01 was never run; published are 2025-10 to"
    ):
        write_report(Published(published_fleet), "2024-01", path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_is_refused_in_a_sentence(published_fleet: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="file"):
        write_report(Published(published_fleet), None, tmp_path / "file" / "report.html")


@pytest.mark.parametrize("share", [0.999, 0.9, 0.5, 0.1, 0.0])
def test_a_file_that_was_cut_off_is_not_whole(path: Path, share: float) -> None:
    text = path.read_text()
    path.write_text(text[: int(len(text) * share)])
    found = read_report(path)
    assert not found.whole
    assert found.unclosed[-1] == "html" or "html" in found.unclosed


def test_no_file_and_one_that_is_no_text_are_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not there: materialise month_report for the month"):
        read_report(report_path(tmp_path, "2025-12"))
    (tmp_path / "x.html").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StorageError, match="cannot be read: it is no UTF-8 text"):
        read_report(tmp_path / "x.html")


def test_reports_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    assert report_path(tmp_path, "2025-12") == tmp_path / "month_report" / "2025-12.html"
