"""A month's publication in Dagster: beside readers, its check, and months that nobody has published."""

import shutil

import dagster as dg
import duckdb
import polars as pl
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import CHAMPIONS
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.defs.conftest import MONTH, Place
from turbo_forecast_tests.defs.month_again import MadeAgain

pytestmark = pytest.mark.xdist_group("definitions")
ASSET, CHECK = "published_month", "is_what_is_stored"


def materialise(place: Place, *assets: str) -> dg.ExecuteInProcessResult:
    """The assets of the month, without their checks."""
    base = place.definitions()
    job = dg.define_asset_job("some", selection=dg.AssetSelection.assets(*assets).without_checks())
    definitions = dg.Definitions(assets=base.assets, jobs=[job], resources=base.resources)
    return definitions.resolve_job_def("some").execute_in_process(
        instance=place.instance, partition_key=MONTH, raise_on_error=False
    )


def test_a_month_is_made_again_while_others_read_it_and_nobody_is_disturbed(made_again: MadeAgain) -> None:
    place, said = made_again.place, made_again.looping
    assert made_again.result.success
    assert said["errors"] == []
    assert said["rounds"] > 1
    assert set(said["runs"]) <= {made_again.before_run, made_again.result.run_id}
    assert Published(place.data).month().manifest.run_id == made_again.result.run_id
    assert made_again.holding == "still readable\n"
    assert shown(place).passed


def shown(place: Place) -> dg.AssetCheckEvaluation:
    found = place.check(ASSET, CHECK)
    assert isinstance(found, dg.AssetCheckEvaluation), found
    return found


def state(place: Place) -> str:
    with duckdb.connect(str(place.data / "warehouse.duckdb")) as con:
        return str(con.execute(f"SELECT state FROM months WHERE month = '{MONTH}'").fetchall()[0][0])


def test_a_difference_fails_the_check_says_what_to_do_and_the_month_stays_complete(place: Place) -> None:
    materialise(place, ASSET)
    assert shown(place).passed
    path = Published(place.data).month().path(CHAMPIONS)
    pl.read_parquet(path).slice(1).write_parquet(path)
    found = shown(place)
    assert (found.passed, found.blocking, found.severity) == (False, True, dg.AssetCheckSeverity.ERROR)
    assert (found.description or "").startswith(
        "1 of 27 published tables and files breaks this rule: every published table "
    )
    assert "name champions, fault " in (found.description or "")
    assert "Materialise published_month for the month" in (found.description or "")
    failing_rows = place.data / "checks" / ASSET / f"{CHECK}-{MONTH}.csv"
    assert pl.read_csv(failing_rows)["name"].to_list() == ["champions"]
    assert state(place) == "complete", "what is published is no part of it"
    materialise(place, ASSET)
    assert shown(place).passed
    assert not failing_rows.exists()


def test_a_month_that_was_never_published_is_no_fault_and_can_be_published_later(place: Place) -> None:
    """As months are that were complete before there was anything to publish."""
    shutil.rmtree(place.data / "published")
    place.sql(f"DELETE FROM run_audit WHERE asset = '{ASSET}'")
    found = shown(place)
    assert found.passed
    assert (found.description or "").startswith("this month has never been published, so there is nothing to compare; ")
    with pytest.raises(
        StorageError, match=f"month {MONTH} is complete, but no version of this program has published it"
    ):
        Published(place.data).month(MONTH)
    result = materialise(place, ASSET)
    assert result.success
    assert Published(place.data).keys() == [MONTH]
    assert shown(place).passed
    assert "true of 27 of 27 published tables and files" in (shown(place).description or "")


def test_the_job_of_all_checks_judges_the_publication_again(place: Place) -> None:
    materialise(place, ASSET)
    job = place.definitions().resolve_job_def("monthly_checks")
    assert f"{ASSET}_{CHECK}" in {node.name for node in job.graph.nodes}


def test_only_a_complete_month_is_published_and_the_one_before_stays(place: Place) -> None:
    before = Published(place.data).month(MONTH).manifest
    place.sql(f"UPDATE months SET state = 'incomplete', finished_at = NULL WHERE month = '{MONTH}'")
    result = materialise(place, ASSET)
    (failed,) = [event.step_failure_data for event in result.get_step_failure_events()]
    assert failed.user_failure_data is not None
    assert failed.user_failure_data.description == (
        f"month {MONTH} is incomplete: only a complete month is published. Run the month again"
    )
    assert Published(place.data).month(MONTH).manifest == before


def test_a_publication_says_what_it_is_and_what_it_had_to_leave_out(place: Place) -> None:
    damaged = place.data / "published" / "2025-11" / "manifest.json"
    damaged.write_text("{")
    result = materialise(place, ASSET)
    (event,) = [event for event in result.all_events if event.is_step_materialization]
    told = {name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()}
    manifest = Published(place.data).month(MONTH).manifest
    assert (told["month"], told["version"], told["files"]) == (MONTH, manifest.version, 24)
    assert told["rows"] == sum(file.rows for file in manifest.files.values())
    assert told["days of history"] == 6 * 1096
    assert str(told["left out of the views"]).startswith(f"{damaged} is damaged")
    assert shown(place).passed, "which is about this month"
