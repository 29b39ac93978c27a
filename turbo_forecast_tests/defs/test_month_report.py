"""The month's report in Dagster: made of what is published, told of in short, and judged by reading it again."""

import os
import shutil
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.defs.checks.month_report import ASSET, MARKS, WHOLE, validated_report
from turbo_forecast.defs.checks.wording import describe
from turbo_forecast.defs.resources import DataFolder
from turbo_forecast.errors import StorageError
from turbo_forecast.report.content import first_to_run_full
from turbo_forecast.report.writing import read_report, write_report
from turbo_forecast.storage.published.layout import MANIFEST, month_folder
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.reports import report_path
from turbo_forecast_tests.defs.conftest import EARLIER, MONTH, Place, job_of_check
from turbo_forecast_tests.published_months import MARKUP, publish_fleet
from turbo_forecast_tests.report.reading import document

pytestmark = pytest.mark.xdist_group("definitions")


def shown(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    """What the materialisation of the report shows."""
    (event,) = result.asset_materializations_for_node(ASSET)
    return {name: value.value for name, value in event.metadata.items()}


def test_a_run_leaves_the_months_report_and_says_in_short_what_it_tells(
    month: tuple[Place, dg.ExecuteInProcessResult],
) -> None:
    place, result = month
    path, told = report_path(place.data, MONTH), shown(result)
    published = Published(place.data).month(MONTH)
    assert told["report"] == str(path.absolute())
    assert told["of the run"] == published.manifest.run_id == result.run_id
    assert told["kilobytes"] == pytest.approx(path.stat().st_size / 1000, abs=0.06)
    assert told["report in the dashboard"] == f"http://127.0.0.1:3001/report?month={MONTH}"
    assert told["outlook in the dashboard"] == f"http://127.0.0.1:3001/outlook?month={MONTH}"
    assert str(told["in short"]).startswith("- Of 6 series, ")
    assert f"- Since {EARLIER}: " in str(told["in short"])
    assert read_report(path).version == published.manifest.version


def test_the_report_of_a_real_run_is_valid_and_has_a_small_chart_for_each_that_runs_full_next(
    month: tuple[Place, dg.ExecuteInProcessResult],
) -> None:
    place, _ = month
    found = document(report_path(place.data, MONTH))
    due = first_to_run_full(Published(place.data).month(MONTH))
    assert found.tags.count("svg") == len(due) + 1, "one for each, and the reliability plot"
    assert found.tags.count("polyline") >= 2 * len(due), "what was, and what is forecast"
    assert len(found.ids) == len(set(found.ids))


def materialised(place: Place, month: str = MONTH) -> dg.ExecuteInProcessResult:
    """The report alone, made again."""
    base = place.definitions()
    job = dg.define_asset_job("report", selection=dg.AssetSelection.assets(ASSET).without_checks())
    own = dg.Definitions(assets=base.assets, jobs=[job], resources=base.resources)
    return own.resolve_job_def("report").execute_in_process(
        instance=place.instance, partition_key=month, raise_on_error=False
    )


def test_it_can_be_made_again_at_any_time_without_the_warehouse(place: Place) -> None:
    path = report_path(place.data, MONTH)
    before = path.read_bytes()
    path.unlink()
    os.rename(place.data / "warehouse.duckdb", place.data / "elsewhere")
    assert materialised(place).success
    assert path.read_bytes() == before


def test_a_month_that_is_not_published_fails_with_a_sentence_and_leaves_no_file(place: Place) -> None:
    result = materialised(place, "2025-06")
    (failed,) = result.get_step_failure_events()
    assert failed.step_failure_data.user_failure_data is not None
    said = str(failed.step_failure_data.user_failure_data.description)
    assert "has no published month 2025-06: month 2025-06 was never run" in said
    assert not report_path(place.data, "2025-06").exists()


def test_the_check_passes_and_counts_every_name(place: Place) -> None:
    found = place.check(ASSET, WHOLE.name)
    assert isinstance(found, dg.AssetCheckEvaluation)
    due = len(first_to_run_full(Published(place.data).month(MONTH)))
    assert found.passed
    assert found.partition == MONTH
    assert found.metadata["expected"].value == found.metadata["got"].value == MARKS + due


def test_a_check_of_no_month_judges_the_latest_that_is_published(place: Place) -> None:
    job = job_of_check(ASSET, WHOLE.name)
    result = job.execute_in_process(instance=place.instance, resources=place.resources())  # type: ignore[arg-type]
    (found,) = result.get_asset_check_evaluations()
    assert found.passed
    assert found.partition == MONTH
    assert f"this is {MONTH}, the latest" in str(found.description)


def test_a_failed_check_is_an_error_that_keeps_no_month_from_being_complete(place: Place) -> None:
    report_path(place.data, MONTH).unlink()
    found = place.check(ASSET, WHOLE.name)
    assert isinstance(found, dg.AssetCheckEvaluation)
    assert not found.passed
    assert not WHOLE.blocking
    assert "is not there: materialise month\\_report for the month" in str(found.metadata["first failing rows"].value)


@pytest.fixture
def data(published_fleet: Path, tmp_path: Path) -> Path:
    """A fleet with awkward names, and the reports of its months, to be spoilt."""
    shutil.copytree(published_fleet, tmp_path / "data")
    for each in Published(tmp_path / "data").months():
        write_report(Published(tmp_path / "data"), each.key, report_path(tmp_path / "data", each.key))
    return tmp_path / "data"


def wrong(data: Path, month: str = "2025-11") -> list[tuple[str, str, str]]:
    return validated_report(DataFolder(path=str(data)), month).failing_rows.rows()


def test_healthy_reports_pass_whatever_hosts_are_called(data: Path) -> None:
    for month in ("2025-10", "2025-11", "2025-12"):
        found = validated_report(DataFolder(path=str(data)), month)
        assert found.failing_rows.is_empty(), found.failing_rows
        assert found.passing == found.total > MARKS


def test_a_report_that_is_not_there_or_cut_off_is_found(data: Path) -> None:
    path = report_path(data, "2025-11")
    text = path.read_text()
    path.write_text(text[:-200])
    ((what, *_),) = wrong(data)
    assert what.startswith("it ends within html, body")
    path.unlink()
    ((what, *_),) = wrong(data)
    assert what == f"{path} is not there: materialise month_report for the month"


def test_a_report_of_another_month_is_found(data: Path) -> None:
    shutil.copy(report_path(data, "2025-12"), report_path(data, "2025-11"))
    said = [what for what, *_ in wrong(data)]
    assert "it is of month 2025-12" in said
    assert any(what.startswith("it is of version ") for what in said)


def test_a_month_that_was_published_again_since_is_found(data: Path) -> None:
    publish_fleet(data, ["2025-11"])
    version = Published(data).month("2025-11").manifest.version
    ((what, *_),) = wrong(data)
    assert what.endswith(f"; published is {version}")


def test_a_name_that_is_missing_is_found_by_its_name(data: Path) -> None:
    path = report_path(data, "2025-11")
    marked = 'data-host="&lt;script&gt;alert(1)&lt;/script&gt;"'
    assert marked in path.read_text()
    path.write_text(path.read_text().replace(marked, 'data-host="nobody"'))
    assert wrong(data) == [("series is not named", MARKUP, "cpu")]


def test_of_a_month_that_is_not_published_nothing_is_expected_and_that_is_said(data: Path) -> None:
    shutil.rmtree(month_folder(data, "2025-11"))
    found = validated_report(DataFolder(path=str(data)), "2025-11")
    assert (found.total, len(found.failing_rows)) == (0, 0)
    assert describe(WHOLE, found).startswith("there were no marks and names to check")


def test_a_damaged_manifest_is_no_fault_of_the_report_and_named(data: Path) -> None:
    (month_folder(data, "2025-11") / MANIFEST).write_text("{")
    with pytest.raises(StorageError, match="manifest.json is damaged"):
        wrong(data)
