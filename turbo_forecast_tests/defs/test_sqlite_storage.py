"""Dagster's SQLite storage as dagster.yaml has it: the same files with the same content, by fewer engines."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage

from turbo_forecast.defs import sqlite_storage
from turbo_forecast.defs.partitions import WAREHOUSE_POOL

ROOT = Path(__file__).resolve().parents[2]
DAGSTERS_OWN = "telemetry: {enabled: false}\n"


@dg.asset(pool=WAREHOUSE_POOL)
def thing(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    context.log.info("made")
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset_check(asset=thing, pool=WAREHOUSE_POOL)
def holds() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@contextmanager
def instance_of(home: Path, content: str | None = None) -> Iterator[dg.DagsterInstance]:
    """The instance of a folder by this dagster.yaml; by the project's own where None."""
    home.mkdir(exist_ok=True)
    own = (ROOT / "dagster_home" / "dagster.yaml").read_text()
    (home / "dagster.yaml").write_text(own if content is None else content)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.get() as instance:
            yield instance


def make(instance: dg.DagsterInstance) -> str:
    result = dg.materialize([thing, holds], instance=instance)
    assert result.success
    return str(result.run_id)


def files(home: Path) -> set[str]:
    found = {str(path.relative_to(home)) for path in home.rglob("*.db")}
    return {name if "/runs/" not in name or name.endswith("index.db") else "a run's" for name in found}


def tables(path: Path) -> set[tuple[object, ...]]:
    with sqlite3.connect(path) as con:
        return set(con.execute("SELECT name, sql FROM sqlite_master"))


def test_the_files_are_those_that_dagster_makes(tmp_path: Path) -> None:
    for name, content in (("ours", None), ("theirs", DAGSTERS_OWN)):
        with instance_of(tmp_path / name, content) as instance:
            make(instance)
    assert files(tmp_path / "ours") == files(tmp_path / "theirs") >= {"history/runs.db", "history/runs/index.db"}
    for name in ("history/runs.db", "history/runs/index.db", "schedules/schedules.db"):
        assert tables(tmp_path / "ours" / name) == tables(tmp_path / "theirs" / name)


@pytest.mark.parametrize("contents", [(None, DAGSTERS_OWN), (DAGSTERS_OWN, None)])
def test_what_one_of_them_has_recorded_the_other_one_reads(contents: tuple[str | None, ...], tmp_path: Path) -> None:
    runs = []
    for content in contents:
        with instance_of(tmp_path / "home", content) as instance:
            runs.append(make(instance))
            assert {run.run_id for run in instance.get_runs()} == set(runs)
            assert all(run.status == dg.DagsterRunStatus.SUCCESS for run in instance.get_runs())
            for run_id in runs:
                logged = instance.all_logs(run_id)
                assert [entry.user_message for entry in logged if entry.user_message == "made"] == ["made"]
            keys = [dg.AssetCheckKey(thing.key, "holds")]
            latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
            assert latest[keys[0]].run_id == runs[-1]
            info = instance.event_log_storage.get_concurrency_info(WAREHOUSE_POOL)
            assert not info.claimed_slots
            assert not info.pending_steps


def test_a_run_makes_an_engine_for_each_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with instance_of(tmp_path) as instance:
        make(instance)  # what is made once for an instance, is made by now
        made: list[str] = []

        def counted(address: str, **options: object) -> sqlalchemy.Engine:
            made.append(address)
            return sqlalchemy.create_engine(address, **options)

        monkeypatch.setattr(sqlite_storage, "create_engine", counted)
        for module in (SqliteEventLogStorage, SqliteRunStorage):
            monkeypatch.setattr(f"{module.__module__}.create_engine", counted)
        run_id = make(instance)
    assert [Path(address).name for address in made] == [f"{run_id}.db"]


def test_an_error_undoes_the_transaction_and_frees_the_file(tmp_path: Path) -> None:
    with instance_of(tmp_path) as instance:
        storage = instance.event_log_storage
        rows = "SELECT count(*) FROM dynamic_partitions"
        with pytest.raises(ValueError, match="ours"), storage.index_connection() as con:
            con.execute(
                sqlalchemy.text("INSERT INTO dynamic_partitions (partitions_def_name, partition) VALUES ('a', 'b')")
            )
            raise ValueError("ours")
        with storage.index_connection() as con:
            assert con.execute(sqlalchemy.text(rows)).scalar() == 0


def test_threads_record_at_the_same_time(tmp_path: Path) -> None:
    with instance_of(tmp_path) as instance:
        run_id = make(instance)
        before = len(instance.all_logs(run_id))
        run = instance.get_run_by_id(run_id)
        assert run is not None

        def say() -> None:
            for number in range(10):
                instance.report_engine_event(f"event {number}", run)

        threads = [threading.Thread(target=say) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(instance.all_logs(run_id)) == before + 40


def test_a_home_that_was_moved_is_read_where_it_is_now(tmp_path: Path) -> None:
    with instance_of(tmp_path / "before") as instance:
        run_id = make(instance)
    shutil.move(tmp_path / "before", tmp_path / "after")
    with instance_of(tmp_path / "after") as instance:
        assert [run.run_id for run in instance.get_runs()] == [run_id]
        assert instance.all_logs(run_id)


def test_a_process_that_is_handed_the_instance_opens_the_same_storage(tmp_path: Path) -> None:
    """As the UI hands it to code servers and to runs: as a text that is made of the instance."""
    with instance_of(tmp_path) as instance:
        run_id = make(instance)
        handed = dg.deserialize_value(dg.serialize_value(instance.get_ref()), InstanceRef)
        with dg.DagsterInstance.from_ref(handed) as opened:
            assert type(opened.event_log_storage) is sqlite_storage.EventLog
            assert type(opened.run_storage) is sqlite_storage.Runs
            assert [run.run_id for run in opened.get_runs()] == [run_id]
