"""Runs that a code server left: which they are, that others are not touched, and when they are ended."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test

from reference.servers.loopback import free_port
from turbo_forecast.defs import orphaned_runs as module
from turbo_forecast.defs.links import LOCATION
from turbo_forecast.defs.orphaned_runs import end_beside_server, end_orphaned_runs, main, orphaned_runs


def origin(location: str) -> object:
    from dagster._core.remote_origin import (
        GrpcServerCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )

    server = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000, location_name=location)
    return RemoteJobOrigin(RemoteRepositoryOrigin(server, "__repository__"), "monthly_forecast")


@pytest.fixture
def instance(empty_home: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    shutil.copytree(empty_home, tmp_path, dirs_exist_ok=True)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


GRPC = {GRPC_INFO_TAG: '{"host": "127.0.0.1", "port": 4000}'}


def test_a_run_that_a_server_left_is_failed_and_its_place_is_free(instance: dg.DagsterInstance) -> None:
    storage, said = instance.event_log_storage, list[str]()
    storage.set_concurrency_slots("duckdb_writer", 1)
    run = create_run_for_test(
        instance, status=dg.DagsterRunStatus.STARTED, remote_job_origin=origin(LOCATION), tags=GRPC
    )
    storage.claim_concurrency_slot("duckdb_writer", run.run_id, "fleet_forecast")
    assert orphaned_runs(instance) == [run.run_id]
    end_orphaned_runs(instance, [run.run_id], said.append)
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE
    assert list(storage.get_concurrency_info("duckdb_writer").claimed_slots) == []
    assert said == [f"run {run.run_id} was left by a code server that has ended: recorded as failed"]


@pytest.mark.parametrize(
    ("status", "location", "tags"),
    [
        (dg.DagsterRunStatus.STARTED, "sales", GRPC),
        (dg.DagsterRunStatus.STARTED, LOCATION, {}),
        (dg.DagsterRunStatus.STARTED, None, {}),
        (dg.DagsterRunStatus.STARTING, LOCATION, GRPC),
        (dg.DagsterRunStatus.QUEUED, LOCATION, GRPC),
        (dg.DagsterRunStatus.SUCCESS, LOCATION, GRPC),
    ],
    ids=["another location's", "a pod's", "the command's", "one that is starting", "one in the queue", "an ended one"],
)
def test_other_runs_are_left_as_they_are(
    status: dg.DagsterRunStatus, location: str | None, tags: dict[str, str], instance: dg.DagsterInstance
) -> None:
    run = create_run_for_test(
        instance, status=status, remote_job_origin=origin(location) if location else None, tags=tags
    )
    assert orphaned_runs(instance) == []
    kept = instance.get_run_by_id(run.run_id)
    assert kept is not None
    assert kept.status is status


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELING])
def test_a_run_that_has_ended_meanwhile_is_left_as_it_is(
    status: dg.DagsterRunStatus, instance: dg.DagsterInstance
) -> None:
    run = create_run_for_test(instance, status=status, remote_job_origin=origin(LOCATION), tags=GRPC)
    end_orphaned_runs(instance, [run.run_id, "deleted meanwhile"], lambda line: pytest.fail(line))
    kept = instance.get_run_by_id(run.run_id)
    assert kept is not None
    assert kept.status is status


def test_nothing_is_ended_where_the_server_does_not_come_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([1, 1, 2])
    monkeypatch.setattr(module.os, "getppid", lambda: next(parents))
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(module, "opened_instance", lambda: pytest.fail("no server serves"))
    assert main(["--host", "127.0.0.1", "--port", str(free_port()), "a run"]) == 0


def test_no_process_is_started_where_no_run_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.subprocess, "Popen", lambda *_, **__: pytest.fail("nothing is left"))
    end_beside_server([], "127.0.0.1", 4000)
