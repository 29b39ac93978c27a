"""Which runs are old, which of them are needed all the same, and that a removal takes what it should and nothing else."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from dagster._time import get_current_timestamp

from turbo_forecast.defs import old_runs as module
from turbo_forecast.defs.links import LOCATION
from turbo_forecast.defs.old_runs import is_ours, old_runs_removal, removable_runs, remove, remove_old_runs
from turbo_forecast.defs.ranges import COMMAND_TAG
from turbo_forecast.settings import Environment, use_environment

TOMORROW = datetime.now(UTC) + timedelta(days=1)
"""Before it, every run of a test has ended."""
SUCCESS, FAILURE, CANCELED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED


@pytest.fixture
def instance(empty_home: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    shutil.copytree(empty_home, tmp_path, dirs_exist_ok=True)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


class Runs:
    """Runs of the monthly job, as the command leaves them."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance

    def add(
        self, month: str = "", *, status: dg.DagsterRunStatus = SUCCESS, job: str = "monthly_forecast", **tags: str
    ) -> str:
        named = {name.replace("__", "/"): value for name, value in tags.items()}
        partition = {"dagster/partition": month} if month else {}
        run = create_run_for_test(self.instance, job_name=job, status=status, tags={**named, **partition})
        return run.run_id

    def makes(self, run_id: str, asset: str, month: str | None) -> None:
        self._report(run_id, dg.AssetMaterialization(asset, partition=month))

    def judges(self, run_id: str, asset: str, check: str, month: str | None) -> None:
        self._report(run_id, dg.AssetCheckEvaluation(dg.AssetKey(asset), check, True, {}, partition=month))

    def _report(self, run_id: str, said: dg.AssetMaterialization | dg.AssetCheckEvaluation) -> None:
        from dagster._core.events import AssetCheckEvaluation, StepMaterializationData

        made = isinstance(said, dg.AssetMaterialization)
        event = dg.DagsterEvent(
            event_type_value=(
                dg.DagsterEventType.ASSET_MATERIALIZATION if made else dg.DagsterEventType.ASSET_CHECK_EVALUATION
            ).value,
            job_name="monthly_forecast",
            event_specific_data=StepMaterializationData(said) if made else said,
        )
        assert AssetCheckEvaluation is dg.AssetCheckEvaluation
        self.instance.report_dagster_event(event, run_id)

    def removable(self, before: datetime = TOMORROW) -> set[str]:
        return {run.run_id for run in removable_runs(self.instance, before)}


@pytest.fixture
def runs(instance: dg.DagsterInstance) -> Runs:
    return Runs(instance)


@pytest.mark.parametrize("status", [SUCCESS, FAILURE, CANCELED])
def test_an_ended_run_that_a_later_one_replaces_may_go(status: dg.DagsterRunStatus, runs: Runs) -> None:
    old = runs.add("2025-12", status=status)
    runs.add("2025-12")
    assert runs.removable() == {old}


def test_a_run_that_ended_since_stays(runs: Runs) -> None:
    runs.add("2025-12")
    runs.add("2025-12")
    assert runs.removable(datetime.now(UTC) - timedelta(days=1)) == set()


def test_the_latest_run_of_each_job_and_month_stays(runs: Runs) -> None:
    runs.add("2025-11")
    runs.add("2025-12")
    runs.add("2025-12", job="monthly_outlook")
    old = runs.add(job="monthly_forecast")
    runs.add(job="monthly_forecast", status=FAILURE)
    assert runs.removable() == {old}


UNENDED = set(dg.DagsterRunStatus) - {SUCCESS, FAILURE, CANCELED, dg.DagsterRunStatus.QUEUED}
"""One in the queue needs a code location, which these tests do without."""


@pytest.mark.parametrize("status", sorted(UNENDED, key=str))
def test_a_run_that_has_not_ended_stays_however_old_it_is(status: dg.DagsterRunStatus, runs: Runs) -> None:
    runs.add("2025-12", status=status)
    runs.add("2025-12")
    assert runs.removable() == set()


def test_runs_that_made_what_there_is_stay_even_where_later_runs_failed(runs: Runs) -> None:
    replaced, made, of_the_base = runs.add("2025-12"), runs.add("2025-12"), runs.add()
    runs.makes(replaced, "champions", "2025-12")
    runs.makes(made, "champions", "2025-12")
    runs.makes(made, "months", "2025-12")
    runs.makes(of_the_base, "base_table", None)
    runs.add("2025-12", status=FAILURE)
    runs.add(status=FAILURE)
    assert runs.removable() == {replaced}


def test_the_runs_of_each_months_latest_checks_stay(runs: Runs) -> None:
    before, judged, other = (runs.add("2025-12") for _ in range(3))
    check = "exactly_one_champion_per_series"
    runs.judges(before, "champions", check, "2025-12")
    runs.judges(judged, "champions", check, "2025-12")
    runs.judges(other, "champions", "no_duplicate_keys", "2025-12")
    runs.add("2025-12", status=FAILURE)
    assert runs.removable() == {before}


def test_what_a_needed_run_was_executed_again_from_stays_so_that_its_page_can_be_opened(
    runs: Runs, instance: dg.DagsterInstance
) -> None:
    first = runs.add("2025-12", status=FAILURE)
    second = runs.add("2025-12", status=FAILURE, dagster__root_run_id=first, dagster__parent_run_id=first)
    third = runs.add("2025-12", dagster__root_run_id=first, dagster__parent_run_id=second)
    assert runs.removable() == set()
    runs.add("2025-12")
    assert runs.removable() == {first, second, third}


def test_the_runs_of_one_command_stay_or_go_together(runs: Runs) -> None:
    november, december = (
        runs.add(month, **{COMMAND_TAG.replace("/", "__"): "a command"}) for month in ("2025-11", "2025-12")
    )
    runs.add("2025-11")
    assert runs.removable() == set(), "given again, the command would take half of it for unfinished"
    runs.add("2025-12")
    assert runs.removable() == {november, december}


def test_the_runs_of_others_in_the_same_instance_are_not_touched(runs: Runs) -> None:
    for _ in range(2):
        runs.add("2025-12", job="nightly_sales")
    assert runs.removable() == set()


def test_more_runs_than_a_page_holds_are_all_looked_at(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 5)
    old = {runs.add("2025-12") for _ in range(2 * 5 + 2)}
    runs.add("2025-12")
    assert runs.removable() == old


def test_a_removal_takes_record_events_and_logs_of_the_run_alone(runs: Runs, instance: dg.DagsterInstance) -> None:
    old, kept = runs.add("2025-12"), runs.add("2025-12")
    for run_id in (old, kept):
        runs.makes(run_id, "champions", "2025-12")
        key = [run_id, "compute_logs", "step"]
        with instance.compute_log_manager.open_log_stream(key, dg_stdout()) as stream:
            assert stream is not None
            stream.write("printed")
    (run,) = removable_runs(instance, TOMORROW)
    remove(instance, run)
    assert [each.run_id for each in instance.get_runs()] == [kept]
    assert (instance.all_logs(old), len(instance.all_logs(kept))) == ([], 1)
    folders = {path.name for path in Path(instance.storage_directory()).iterdir()}
    assert kept in folders
    assert old not in folders
    assert instance.get_materialized_partitions(dg.AssetKey("champions")) == {"2025-12"}


def dg_stdout() -> object:
    from dagster._core.storage.compute_log_manager import ComputeIOType

    return ComputeIOType.STDOUT


def launched(instance: dg.DagsterInstance, **config: object) -> dg.ExecuteInProcessResult:
    return remove_old_runs.execute_in_process(
        instance=instance, run_config={"ops": {old_runs_removal.name: {"config": config}}}, raise_on_error=False
    )


def age(instance: dg.DagsterInstance, run_id: str, days: float) -> None:
    """Let the run have ended so many days ago."""
    import sqlalchemy as db
    from dagster._core.storage.runs.schema import RunsTable

    then = get_current_timestamp() - days * 86_400
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        connection.execute(
            db.update(RunsTable).where(RunsTable.c.run_id == run_id).values(start_time=then, end_time=then)
        )


def test_the_job_removes_what_is_older_than_the_settings_say(
    runs: Runs, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("deployment: {keep_runs_days: 30}\n")
    old, recent, latest = (runs.add("2025-12") for _ in range(3))
    age(instance, old, 30.5)
    age(instance, recent, 29.5)
    age(instance, latest, 100)
    with use_environment(Environment(config=settings)):
        result = launched(instance)
    assert result.success
    left = {run.run_id for run in instance.get_runs()}
    assert left == {recent, latest, result.run_id}


def test_a_dry_run_removes_nothing_and_says_how_many(runs: Runs, instance: dg.DagsterInstance) -> None:
    for _ in range(3):
        age(instance, runs.add("2025-12"), 10)
    result = launched(instance, keep_days=5, dry_run=True)
    assert result.success
    assert len(instance.get_runs()) == 3 + 1
    (output,) = [event for event in result.all_events if event.is_successful_output]
    assert output.step_output_data.metadata["runs"].value == 2


@pytest.mark.parametrize("days", [0, -1])
def test_less_than_a_day_is_refused(days: int, runs: Runs, instance: dg.DagsterInstance) -> None:
    for _ in range(2):
        runs.add("2025-12")
    result = launched(instance, keep_days=days)
    assert not result.success
    assert len(instance.get_runs()) == 2 + 1


def test_only_runs_of_this_location_are_ours() -> None:
    origin = dg.DagsterRun(job_name="monthly_forecast", run_id="x")
    assert is_ours(origin)
    assert not is_ours(dg.DagsterRun(job_name="nightly_sales", run_id="x"))
    assert LOCATION == "turbo_forecast"
