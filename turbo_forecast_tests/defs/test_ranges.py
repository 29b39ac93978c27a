"""A command for several months, given again: what it made before stands where it would be made of the same again."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.defs.ranges import (
    MADE_WITH_TAG,
    Command,
    Made,
    made_with_tag,
    range_tags,
    stands,
    unfinished_command,
)
from turbo_forecast.defs.resources import OutlookResource
from turbo_forecast.errors import SettingsError
from turbo_forecast_tests.defs.conftest import EARLIER, FILES, MONTH, Place
from turbo_forecast_tests.defs.test_month_runs import rows, store
from turbo_forecast_tests.storage.landing import land

pytestmark = pytest.mark.xdist_group("definitions")

KEYS = ["2025-10", "2025-11", "2025-12"]
DONE, FAILED, STARTED = (dg.DagsterRunStatus[name] for name in ("SUCCESS", "FAILURE", "STARTED"))
JOB = dg.JobDefinition(graph_def=dg.GraphDefinition("j"), name="j")


def given(
    instance: dg.DagsterInstance, command: str, keys: list[str], *statuses: dg.DagsterRunStatus
) -> dict[str, str]:
    """Runs of a command for these months, as far as it came; their ids by month."""
    found = {}
    for key, status in zip(keys, statuses, strict=False):
        tags = {**range_tags(keys, command), MADE_WITH_TAG: "x", "dagster/partition": key}
        found[key] = instance.create_run_for_job(JOB, tags=tags, status=status).run_id
    return found


def test_a_command_for_one_month_is_no_range() -> None:
    assert range_tags(["2025-12"], "c") == {}
    with dg.DagsterInstance.ephemeral() as instance:
        assert unfinished_command(instance, ["2025-12"]) is None


@pytest.mark.parametrize(
    ("statuses", "finished"),
    [
        ([DONE, DONE, DONE], None),
        ([DONE, DONE], KEYS[:2]),
        ([DONE, FAILED, DONE], [KEYS[0], KEYS[2]]),
        ([DONE, STARTED], KEYS[:1]),
        ([FAILED], []),
    ],
)
def test_what_a_command_finished_is_known_unless_it_finished_all(
    statuses: list[dg.DagsterRunStatus], finished: list[str] | None
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert unfinished_command(instance, KEYS) is None
        ids = given(instance, "first", KEYS, *statuses)
        expected = None if finished is None else Command("first", {key: Made(ids[key], "x") for key in finished})
        assert unfinished_command(instance, KEYS) == expected
        assert unfinished_command(instance, KEYS[:2]) is None, "another range is another command"


def test_a_command_that_is_finished_under_its_own_name_is_finished() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        given(instance, "first", KEYS, DONE, FAILED)
        given(instance, "first", KEYS, DONE, DONE, DONE)
        assert unfinished_command(instance, KEYS) is None
        given(instance, "second", KEYS, FAILED)
        assert unfinished_command(instance, KEYS) == Command("second", {})


def standing(place: Place, resources: Mapping[str, object], **made: str) -> list[str]:
    """The months of the place that stand, made by its runs with `resources` as they are in the beginning."""
    runs = dict(rows(place, "SELECT month, run_id FROM months ORDER BY month"))  # type: ignore[arg-type]
    (digest,) = made_with_tag(place.resources(ORIGINAL)).values()
    known = {month: Made(**{"run_id": run, "made_with": digest, **made}) for month, run in runs.items()}
    return [month for month, each in known.items() if stands(month, each, resources)]


ORIGINAL = Path("telemetry that no digest of what a month is made with depends on")


@pytest.fixture
def resources(place: Place, telemetry: Path) -> Mapping[str, object]:
    """Of the command that made the two months."""
    return place.resources(telemetry)


def test_months_that_would_be_made_of_the_same_again_stand(place: Place, resources: Mapping[str, object]) -> None:
    assert standing(place, resources) == [EARLIER, MONTH]


@pytest.mark.parametrize("made", [{"run_id": "another"}, {"made_with": "another program"}, {"made_with": ""}])
def test_a_month_that_another_run_or_another_program_made_is_not_the_commands(
    made: dict[str, str], place: Place, resources: Mapping[str, object]
) -> None:
    assert standing(place, resources, **made) == []


@pytest.mark.parametrize("change", ["telemetry", "landed", "settings", "thresholds", "base table"])
def test_no_month_stands_that_would_be_made_of_something_else(
    change: str, place: Place, resources: Mapping[str, object], telemetry: Path, tmp_path: Path
) -> None:
    if change == "telemetry":
        copy = tmp_path / "copy.parquet"
        copy.write_bytes(telemetry.read_bytes())
        resources = place.resources(copy)
    elif change == "landed":
        land(place.data, "2025-12", [("z", "cpu", datetime(2025, 12, 1, tzinfo=UTC), 5.0)])
    elif change == "settings":
        resources = place.resources(telemetry, folds=1)
    elif change == "thresholds":
        resources = {**resources, "outlook": OutlookResource(thresholds=[50.0])}
    else:
        place.sql("DELETE FROM base_table WHERE host_id = 'a'")
    assert standing(place, resources) == []


def test_a_month_of_which_a_step_was_made_again_does_not_stand(place: Place, resources: Mapping[str, object]) -> None:
    store(place, "tournament_standings")
    assert standing(place, resources) == [EARLIER]


@pytest.mark.parametrize("asset", FILES)
@pytest.mark.parametrize("fault", ["gone", "cut short"])
def test_a_month_without_one_of_its_files_does_not_stand(
    asset: str, fault: str, place: Place, resources: Mapping[str, object]
) -> None:
    path = place.data / asset / f"{MONTH}.parquet"
    if fault == "cut short":
        part = max(path.iterdir()) if path.is_dir() else path
        content = part.read_bytes()
        part.unlink()  # first: the bytes have a second name elsewhere
        part.write_bytes(content[:-100])
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    assert standing(place, resources) == [EARLIER]


@pytest.mark.parametrize("minutes", ["0", "1"])
def test_a_month_does_not_stand_whose_forecasts_of_before_were_made_after_it(
    minutes: str, place: Place, resources: Mapping[str, object]
) -> None:
    """It has judged nothing of a month that was made, or made again, once it had judged; it would now."""
    judged = f"""
        (SELECT min(recorded_at) FROM month_steps JOIN months USING (cutoff)
         WHERE month = '{MONTH}' AND result = 'stored' AND asset IN ('forecast_accuracy', 'outlook_over_time'))
    """
    place.sql(f"UPDATE months SET finished_at = {judged} + INTERVAL {minutes} MINUTE WHERE month = '{EARLIER}'")
    assert standing(place, resources) == ([EARLIER, MONTH] if minutes == "0" else [EARLIER])


def test_an_outside_models_new_file_is_something_else(place: Place, telemetry: Path, tmp_path: Path) -> None:
    file = tmp_path / "lstm.parquet"
    file.write_bytes(b"one")
    options = {"external": {"lstm": str(file)}}
    before = made_with_tag(place.resources(telemetry, **options))
    assert made_with_tag(place.resources(telemetry, **options)) == before
    file.write_bytes(b"three")
    assert made_with_tag(place.resources(telemetry, **options)) != before


@pytest.mark.parametrize("option", ["groups", "plans"])
def test_another_file_of_groups_or_plans_is_something_else(
    option: str, place: Place, resources: Mapping[str, object], tmp_path: Path
) -> None:
    """Under the same name: people edit these files. The same rows under another name are the same."""
    file, copy = tmp_path / "one.csv", tmp_path / "copy.csv"

    def tag(path: Path) -> Mapping[str, str]:
        return made_with_tag({**resources, "outlook": OutlookResource(**{option: str(path)})})

    file.write_text("host_id,group\na,x\n")
    copy.write_text("host_id,group\na,x\n")
    before = tag(file)
    assert before != made_with_tag(resources)
    assert tag(copy) == before
    file.write_text("host_id,group\na,y\n")
    assert tag(file) != before
    file.unlink()
    with pytest.raises(
        SettingsError, match=rf"outlook\.{option}: .*one\.csv cannot be read: No such file or directory"
    ):
        tag(file)
