"""A command for several months, given again: what it made before stands where it would be made of the same again."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.defs.ranges import Command, range_tags, standing, unfinished_command
from turbo_forecast_tests.defs.conftest import EARLIER, MONTH, Place
from turbo_forecast_tests.defs.test_month_runs import rows, store

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
        tags = {**range_tags(keys, command), "dagster/partition": key}
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
        expected = None if finished is None else Command("first", {key: ids[key] for key in finished})
        assert unfinished_command(instance, KEYS) == expected
        assert unfinished_command(instance, KEYS[:2]) is None, "another range is another command"


def test_a_command_that_is_finished_under_its_own_name_is_finished() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        given(instance, "first", KEYS, DONE, FAILED)
        given(instance, "first", KEYS, DONE, DONE, DONE)
        assert unfinished_command(instance, KEYS) is None
        given(instance, "second", KEYS, FAILED)
        assert unfinished_command(instance, KEYS) == Command("second", {})


def made_by(place: Place) -> Mapping[str, str]:
    return dict(rows(place, "SELECT month, run_id FROM months"))  # type: ignore[arg-type]


@pytest.fixture
def settled(place: Place, telemetry: Path) -> tuple[Place, Mapping[str, object]]:
    """The two months, and the resources of the command that made them."""
    return place, place.resources(telemetry)


def test_months_that_would_be_made_of_the_same_again_stand(settled: tuple[Place, Mapping[str, object]]) -> None:
    place, resources = settled
    assert standing(made_by(place), resources) == [EARLIER, MONTH]


def test_a_month_that_another_run_made_is_not_the_commands(settled: tuple[Place, Mapping[str, object]]) -> None:
    place, resources = settled
    assert standing({**made_by(place), EARLIER: "another"}, resources) == [MONTH]


@pytest.mark.parametrize("change", ["telemetry", "settings", "month", "base table"])
def test_a_month_that_would_be_made_of_something_else_does_not_stand(
    change: str, settled: tuple[Place, Mapping[str, object]], telemetry: Path, tmp_path: Path
) -> None:
    place, resources = settled
    if change == "telemetry":
        copy = tmp_path / "copy.parquet"
        copy.write_bytes(telemetry.read_bytes())
        resources = place.resources(copy)
    elif change == "settings":
        resources = place.resources(telemetry, folds=1)
    elif change == "base table":
        place.sql("DELETE FROM base_table WHERE host_id = 'a'")
    else:
        store(place, "tournament_standings")
    assert standing(made_by(place), resources) == ([EARLIER] if change == "month" else [])
