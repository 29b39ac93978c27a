"""A disk that fills, wherever in a fleet run: one sentence that names the file, and nothing that looks complete."""

import errno
import os
import shutil
import subprocess
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast.errors import StorageError
from turbo_forecast.fleet import series_forecaster
from turbo_forecast.fleet.checkpoint import checkpoint_folder
from turbo_forecast.fleet.chunks import Span, finished_spans
from turbo_forecast.fleet.executors.processes import require_room
from turbo_forecast.fleet.executors.protocol import WorkersCannotStart
from turbo_forecast.fleet.part_files import write_part
from turbo_forecast.fleet.pieces import write_forecast
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.series_forecaster import Result, SeriesForecaster, StorageFull
from turbo_forecast.fleet.store import SeriesStore, write_store
from turbo_forecast.library.forecast import series_table
from turbo_forecast.models.registry import build_entrant
from turbo_forecast.processes import own_process
from turbo_forecast.schemas import FLEET_FORECAST
from turbo_forecast.settings import forecast_settings
from turbo_forecast.storage.files import parquet_stream, publishing
from turbo_forecast.storage.warehouse import connected
from turbo_forecast.windows import run_windows
from turbo_forecast_tests.conftest import CUTOFF, HISTORY_START, series_rows, wave

SCHEMA = pa.schema([("n", pa.int64())])


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk without room; what was on it before can be read."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True)
    if made.returncode:
        pytest.skip("this machine does not let a test mount a small file system")
    (disk / "made").mkdir()
    stats = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(stats.f_bavail * stats.f_frsize))
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def one_sentence(caught: pytest.ExceptionInfo[StorageError], path: Path) -> None:
    said = str(caught.value)
    assert str(path) in said
    assert "No space left on device" in said
    assert len(said.splitlines()) == 1
    assert len(said) < 300


def table() -> pa.Table:
    return series_table(series_rows("a", wave()), HISTORY_START)


def test_the_series_store_is_named(full: Path) -> None:
    with pytest.raises(StorageError) as caught:
        write_store(table(), full / "series.arrow")
    one_sentence(caught, full / "series.arrow")


def test_a_chunk_file_is_named_and_its_half_removed(full: Path, tmp_path: Path) -> None:
    store = SeriesStore(write_store(table(), tmp_path / "series.arrow"))
    with pytest.raises(StorageError) as caught:
        write_forecast(full / "made", Span(0, 1).stem, [Result(store[0])], ["seasonal_naive"])
    one_sentence(caught, full / "made" / "00000000-00000001.rows.arrow")
    assert os.listdir(full / "made") == []
    assert finished_spans(full / "made", "outcomes") == []


def test_a_part_file_is_named_and_its_half_removed(full: Path) -> None:
    path = full / "made" / "00000000-00000001.parquet"
    rows = pl.DataFrame(schema=FLEET_FORECAST.polars_schema).to_arrow()
    with pytest.raises(StorageError) as caught:
        write_part(full / "made", Span(0, 1), FLEET_FORECAST, [rows])
    one_sentence(caught, path)
    assert os.listdir(full / "made") == []


def test_what_a_reduction_hands_on_is_named_and_not_trusted(full: Path) -> None:
    folder = RunFolder(full / "made")
    with pytest.raises(StorageError) as caught:
        folder.broadcast(folder.weights, {"shares": np.zeros(100_000)}, folder.combine)
    one_sentence(caught, folder.weights)
    assert not (folder.weights / "digest").exists()


def test_of_two_files_that_are_written_at_once_the_refused_one_is_named(full: Path, tmp_path: Path) -> None:
    rows = pa.table({"n": range(200_000)}, schema=SCHEMA)
    with (
        pytest.raises(StorageError) as caught,
        parquet_stream(full / "folds.parquet", SCHEMA) as folds,
        parquet_stream(tmp_path / "rows.parquet", SCHEMA) as forecast,
    ):
        forecast.append(rows)
        folds.append(rows)
    one_sentence(caught, full / "folds.parquet")
    assert not (tmp_path / "rows.parquet").exists()
    assert sorted(os.listdir(full)) == ["filler", "made"]


def test_the_offenders_of_a_check_are_named(full: Path) -> None:
    path = full / "made" / "offenders.csv"
    with pytest.raises(StorageError) as caught, publishing(path) as beside:
        pl.DataFrame({"host_id": ["a"] * 100_000}).write_csv(beside)
    one_sentence(caught, path)


def test_scratch_is_named(full: Path) -> None:
    with pytest.raises(StorageError) as caught, checkpoint_folder(full / ".unfinished-2025-12"):
        pass
    one_sentence(caught, full / ".unfinished-2025-12")


def test_the_warehouse_is_named(full: Path) -> None:
    with pytest.raises(StorageError) as caught, connected(full / "warehouse.duckdb"):
        pass
    one_sentence(caught, full / "warehouse.duckdb")


def test_what_duckdb_spilled_in_a_killed_process_is_removed(tmp_path: Path) -> None:
    spilled = tmp_path / "warehouse.duckdb.tmp"
    spilled.mkdir()
    for name, old in (("duckdb_temp_7_0_storage_DEFAULT-0.tmp", True), ("mine", True), ("duckdb_temp_8_new", False)):
        (spilled / name).touch()
        if old:
            os.utime(spilled / name, (1, 1))
    with connected(tmp_path / "warehouse.duckdb"):
        pass
    assert sorted(os.listdir(spilled)) == ["duckdb_temp_8_new", "mine"]


def test_memory_that_cannot_be_spilled_is_said_of_the_warehouse(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="warehouse.duckdb"), connected(tmp_path / "warehouse.duckdb"):
        raise duckdb.OutOfMemoryException("failed to offload data block, max_temp_directory_size is reached")


def test_workers_that_die_of_a_full_disk_are_explained_by_it(full: Path) -> None:
    with pytest.raises(StorageError) as caught:
        require_room(full / "made")
    one_sentence(caught, full / "made")
    assert not isinstance(caught.value, WorkersCannotStart)


def test_a_temporary_folder_without_room_is_named(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(full / "made"))
    with pytest.raises(StorageError) as caught:
        forecast_fleet(series_rows("a", wave()), CUTOFF, entrants=["seasonal_naive"], workers=1, log=print)
    one_sentence(caught, full / "made")
    assert os.listdir(full / "made") == []


def test_an_entrant_that_finds_no_room_ends_the_run_instead_of_failing_every_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Writes:
        def forecast(self, window: object) -> object:
            raise OSError(errno.ENOSPC, "No space left on device")

    settings = forecast_settings(entrants=["prophet"])
    store = SeriesStore(write_store(table(), tmp_path / "series.arrow"))
    entrants = {"prophet": Writes(), "seasonal_naive": build_entrant("seasonal_naive", settings)}
    life = SeriesForecaster(run_windows(CUTOFF, settings), settings, entrants)  # type: ignore[arg-type]
    assert life.run(store[0]).outcome == "failed", "with room, it is the entrant's own affair"
    disk = namedtuple("disk", ("f_bavail", "f_frsize"))(0, 4096)
    monkeypatch.setattr(series_forecaster.os, "statvfs", lambda folder: disk)
    with pytest.raises(StorageFull, match="has no space left on its disk: prophet raised OSError"):
        life.run(store[0])


def test_scratch_of_another_machine_is_asked_about_and_of_a_dead_process_taken_over(tmp_path: Path) -> None:
    folder, lock = tmp_path / "run", tmp_path / "run.lock"
    far = own_process().stem().replace(own_process().boot, "0123456789ab").replace(own_process().host_key, "01234567")
    lock.write_text(f"{far} far-away")
    (folder / "run-1").mkdir(parents=True)
    asked = pytest.raises(StorageError, match="process .* of machine far-away.* remove run.lock")
    with asked as caught, checkpoint_folder(folder):
        pass
    assert len(str(caught.value)) < 400
    assert (folder / "run-1").exists()
    lock.write_text(own_process().stem().replace(own_process().started, "1", 1))
    with pytest.raises(KeyboardInterrupt), checkpoint_folder(folder):
        assert (folder / "run-1").exists(), "its chunks are taken over"
        raise KeyboardInterrupt
    assert lock.read_text() == "", "ended in order: nobody needs to ask"
    shutil.rmtree(folder)
