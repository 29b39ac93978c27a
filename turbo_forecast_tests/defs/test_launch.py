"""Runs from the command line: what becomes of runs whose process is gone."""

import fcntl
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from turbo_forecast.defs import run_owners
from turbo_forecast.defs.instance import storage_errors_named
from turbo_forecast.defs.run_owners import OWNER_TAG, claim_of, release_dead_runs
from turbo_forecast.errors import StorageError
from turbo_forecast.processes import ProcessIdentity, own_process


def gone_owner() -> ProcessIdentity:
    """A process that has ended."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return replace(own_process(), pid=gone.pid, started="12345")


def release(instance: dg.DagsterInstance) -> list[str]:
    """What is said when dead runs are released."""
    told: list[str] = []
    release_dead_runs(instance, told.append)
    return told


def run(instance: dg.DagsterInstance, owner: str | None) -> str:
    """A run that is under way, holding the warehouse's place in its pool."""
    created = instance.create_run_for_job(
        dg.JobDefinition(graph_def=dg.GraphDefinition("j"), name="j"), tags={OWNER_TAG: owner} if owner else {}
    )
    instance.report_engine_event("started", created)
    instance.run_storage.handle_run_event(
        created.run_id,
        dg.DagsterEvent(event_type_value="PIPELINE_START", job_name="j"),
        update_timestamp=datetime.now(UTC),
    )
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default("duckdb_writer")
    storage.claim_concurrency_slot("duckdb_writer", created.run_id, "step")
    return created.run_id


def holders(instance: dg.DagsterInstance) -> list[str]:
    return [slot.run_id for slot in instance.event_log_storage.get_concurrency_info("duckdb_writer").claimed_slots]


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run_id)
    assert found is not None
    return found.status


def claimed(stem: str, *, held: bool) -> str:
    """The claim of an owner in DAGSTER_HOME, locked by a process that lives until the test ends, or by nobody."""
    claim = claim_of(stem)
    claim.parent.mkdir(exist_ok=True)
    handle = claim.open("w")
    if held:
        fcntl.flock(handle, fcntl.LOCK_EX)
        HELD.append(handle)
    return stem


HELD: list[object] = []


@pytest.mark.parametrize("number", ["gone", "taken over by another process"])
def test_the_place_of_a_run_whose_process_is_gone_is_freed(number: str, instance: dg.DagsterInstance) -> None:
    owner = gone_owner() if number == "gone" else replace(own_process(), started="1")
    dead = run(instance, owner.stem())
    assert holders(instance) == [dead]
    assert release(instance) == []
    assert holders(instance) == []
    assert status(instance, dead) == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize("how", ["failed", "deleted"])
def test_the_place_that_an_ended_run_left_behind_is_freed(how: str, instance: dg.DagsterInstance) -> None:
    """As of a step whose process died before its first event: only the daemon would free it, where there is one."""
    ended = run(instance, None)
    if how == "failed":
        found = instance.get_run_by_id(ended)
        assert found is not None
        instance.report_run_failed(found, "its step finished without success or failure event")
    else:
        instance.run_storage.delete_run(ended)
    assert holders(instance) == [ended]
    assert release(instance) == []
    assert holders(instance) == []


@pytest.mark.parametrize("owner", [own_process().stem(), None], ids=["living", "daemon"])
def test_the_place_of_a_living_run_and_of_one_the_daemon_watches_is_kept(
    owner: str | None, instance: dg.DagsterInstance
) -> None:
    living = run(instance, owner)
    assert release(instance) == []
    assert holders(instance) == [living]
    assert status(instance, living) == dg.DagsterRunStatus.STARTED


FAR = {"boot": "0123456789ab", "host_key": "01234567"}
ELSEWHERE = {"another container": {"namespace": "1"}, "another machine": FAR, "after a restart": {"boot": FAR["boot"]}}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_run_that_holds_its_claim_is_alive_wherever_its_process_is(where: str, instance: dg.DagsterInstance) -> None:
    """Its number means nothing here: there is no such process, or another."""
    living = run(instance, claimed(replace(gone_owner(), **ELSEWHERE[where]).stem(), held=True))
    assert release(instance) == []
    assert holders(instance) == [living]
    assert status(instance, living) == dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize("where", ["another container", "after a restart"])
def test_a_run_whose_claim_is_free_on_this_machine_is_dead(where: str, instance: dg.DagsterInstance) -> None:
    dead = run(instance, claimed(replace(own_process(), **ELSEWHERE[where]).stem(), held=False))
    assert release(instance) == []
    assert holders(instance) == []
    assert status(instance, dead) == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize("owner", ["free claim of another machine", "no claim in another container", "older version"])
def test_a_run_of_which_nothing_is_certain_keeps_its_place_and_a_person_may_end_it(
    owner: str, instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    tag = {
        "free claim of another machine": claimed(replace(own_process(), **FAR).stem(), held=False),
        "no claim in another container": replace(gone_owner(), namespace="1").stem(),
        "older version": f"{gone_owner().pid}@12345",
    }[owner]
    unknown = run(instance, tag)
    (told,) = release(instance)
    assert f"python -m turbo_forecast.defs.run_owners {unknown}" in told
    assert len(told) < 300
    assert holders(instance) == [unknown]
    assert status(instance, unknown) == dg.DagsterRunStatus.STARTED
    assert run_owners.main([unknown]) == 0
    assert holders(instance) == []
    assert run_owners.main([unknown]) == 2, "it is ended already"
    assert "give the id of an unfinished run" in capsys.readouterr().err


def test_a_person_cannot_end_a_run_whose_process_lives(
    instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    living = run(instance, claimed(replace(gone_owner(), **FAR).stem(), held=True))
    assert run_owners.main([living]) == 2
    assert "is alive" in capsys.readouterr().err
    assert holders(instance) == [living]


def test_a_run_that_the_ui_launched_with_the_tags_of_a_dead_one_is_not_that_one(instance: dg.DagsterInstance) -> None:
    """The UI copies tags into the launchpad, and into a run that is executed again."""
    origin = RemoteRepositoryOrigin(InProcessCodeLocationOrigin(LoadableTargetOrigin(), location_name="x"), "r")
    copied = instance.create_run_for_job(
        dg.JobDefinition(graph_def=dg.GraphDefinition("j"), name="j"),
        tags={OWNER_TAG: gone_owner().stem()},
        status=dg.DagsterRunStatus.STARTED,
        remote_job_origin=origin.get_job_origin("j"),
        job_code_origin=None,
    )
    assert release(instance) == []
    assert status(instance, copied.run_id) == dg.DagsterRunStatus.STARTED
    assert run_owners.main([copied.run_id]) == 2


@pytest.mark.parametrize("table", ["runs", "event_logs", "instance_info"])
def test_a_full_dagster_home_is_one_sentence_that_names_it(
    table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    full = sqlite3.OperationalError("database or disk is full")
    wrapped = sqlalchemy.exc.OperationalError(f"INSERT INTO {table}", {}, full)
    with pytest.raises(StorageError, match="database or disk is full") as caught, storage_errors_named():
        raise wrapped from full
    assert str(tmp_path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_instance_lets_one_step_at_a_time_into_the_warehouse(instance: dg.DagsterInstance) -> None:
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default("duckdb_writer")
    assert storage.get_concurrency_info("duckdb_writer").slot_count == 1
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_resume_run_attempts == 0
