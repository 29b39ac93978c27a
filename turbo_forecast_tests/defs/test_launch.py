"""Runs from the command line: which months, and what becomes of runs whose process is gone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.defs.launch import OWNER_TAG, partition_keys, process_identity, release_dead_runs

HOME = Path(__file__).resolve().parents[2] / "dagster_home"


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance as the project's dagster.yaml makes it."""
    shutil.copy(HOME / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        yield instance


@pytest.mark.parametrize(
    ("months", "keys"),
    [
        ("2025-12", ["2025-12-01"]),
        ("2025-12-01", ["2025-12-01"]),
        (" 2025-12 ", ["2025-12-01"]),
        ("2025-11..2026-01", ["2025-11-01", "2025-12-01", "2026-01-01"]),
        ("2025-12..2025-12", ["2025-12-01"]),
    ],
)
def test_months_and_ranges_become_partitions(months: str, keys: list[str]) -> None:
    assert partition_keys(months) == keys


def test_a_process_is_told_from_a_later_one_of_the_same_number() -> None:
    own = process_identity(os.getpid())
    assert own == process_identity(os.getpid())
    assert own is not None
    assert own.startswith(f"{os.getpid()}@")
    assert own != process_identity(os.getppid())


def test_a_process_that_is_gone_has_no_identity() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert process_identity(gone.pid) is None


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


def test_the_place_of_a_run_whose_process_is_gone_is_freed(instance: dg.DagsterInstance) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    owner = f"{gone.pid}@12345"
    gone.wait()
    dead = run(instance, owner)
    assert holders(instance) == [dead]
    release_dead_runs(instance)
    assert holders(instance) == []
    assert instance.get_run_by_id(dead).status == dg.DagsterRunStatus.FAILURE  # type: ignore[union-attr]


@pytest.mark.parametrize("owner", [process_identity(os.getpid()), None], ids=["living", "daemon"])
def test_the_place_of_a_living_run_and_of_one_the_daemon_watches_is_kept(
    owner: str | None, instance: dg.DagsterInstance
) -> None:
    living = run(instance, owner)
    release_dead_runs(instance)
    assert holders(instance) == [living]
    assert instance.get_run_by_id(living).status == dg.DagsterRunStatus.STARTED  # type: ignore[union-attr]


def test_a_number_taken_over_by_another_process_is_not_taken_for_the_owner(instance: dg.DagsterInstance) -> None:
    dead = run(instance, f"{os.getpid()}@1")
    release_dead_runs(instance)
    assert instance.get_run_by_id(dead).status == dg.DagsterRunStatus.FAILURE  # type: ignore[union-attr]


def test_the_instance_lets_one_step_at_a_time_into_the_warehouse(instance: dg.DagsterInstance) -> None:
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default("duckdb_writer")
    assert storage.get_concurrency_info("duckdb_writer").slot_count == 1
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_resume_run_attempts == 0
