"""Publishing a month: whole or not at all, whatever is refused or killed; and what it leaves behind is tidied up."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from polars.testing.parametric import column, dataframes

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import (
    CAPACITY_OUTLOOK,
    CHAMPIONS,
    GROUP_FORECAST,
    MODEL_RUNS,
    OUTLOOK_SERIES,
    PLANNED_CHANGES,
    SCENARIO_OUTLOOK,
)
from turbo_forecast.storage.published import writing
from turbo_forecast.storage.published.layout import PUBLISHED
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.published.writing import publish_month, remove_old_results
from turbo_forecast.storage.warehouse import replace_partition, transaction
from turbo_forecast.tables import Table
from turbo_forecast_tests.storage.published import made
from turbo_forecast_tests.sweeps import tries


def entries(data: Path, key: str = "2025-12") -> set[str]:
    """What lies in a month's folder, hidden or not."""
    return {path.name for path in (data / "published" / key).iterdir()}


def readable(data: Path) -> dict[str, int]:
    """Every table of the month as it is published, by its number of rows; each must say what the manifest says."""
    month = Published(data).month("2025-12")
    found = {table.name: len(month.read(table).collect()) for table in PUBLISHED}
    assert found == {name: file.rows for name, file in month.manifest.files.items()}
    return found


def test_the_manifest_says_what_was_published_by_which_run(data: Path) -> None:
    manifest = made.publish(data, run_id="abcdefghijk")
    assert manifest == Published(data).month("2025-12").manifest
    assert (manifest.month, manifest.cutoff, manifest.run_id) == ("2025-12", date(2025, 12, 31), "abcdefghijk")
    assert manifest.version.endswith("-abcdefgh")
    assert (manifest.config_hash, manifest.finished_at) == ("hash", datetime(2026, 1, 2, 3, 4, 5))
    assert (manifest.forecast, manifest.outlook) == ({"horizon_months": 6}, {"thresholds": [90.0]})
    assert manifest.warnings == ("champions.x: did not pass",)
    folder = data / "published" / "2025-12" / manifest.version
    assert {name: file.bytes for name, file in manifest.files.items()} == {
        path.stem: path.stat().st_size for path in folder.glob("*.parquet")
    }


def test_the_version_before_stays_for_its_readers_and_no_other(data: Path) -> None:
    first = Published(data).month("2025-12").manifest.version
    second, third = (made.publish(data).version for _ in range(2))
    assert entries(data) == {"manifest.json", second, third}
    assert first not in entries(data)


@pytest.mark.parametrize("manifest", ["damaged", "gone", "of a later version"])
def test_a_month_whose_manifest_cannot_be_read_is_published_again(manifest: str, data: Path) -> None:
    path, before = data / "published" / "2025-12" / "manifest.json", Published(data).month("2025-12").manifest.version
    content = {"damaged": "{", "gone": None, "of a later version": '{"format": 7}'}[manifest]
    path.write_text(content) if content else path.unlink()
    version = made.publish(data).version
    assert entries(data) == {"manifest.json", before, version}, "who reads the latest one of before may go on"
    readable(data)


def refuse(code: int) -> Callable[..., None]:
    def refused(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return refused


@pytest.mark.sweep(keep=5)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize(
    "what",
    [
        "pyarrow.parquet.ParquetWriter.write_table",
        "os.fsync",
        "os.replace",
        "pathlib.Path.mkdir",
        "pathlib.Path.rename",
    ],
)
def test_a_disk_that_takes_no_more_leaves_the_month_as_it_was_and_says_so(
    what: str, code: int, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rows = entries(data), readable(data)
    made.sql(data, "DELETE FROM champions")
    with duckdb.connect(str(data / "warehouse.duckdb")) as con, monkeypatch.context() as patched:
        patched.setattr(what, refuse(code))
        with pytest.raises(StorageError, match=rf"{data}/.* cannot be written: {os.strerror(code)}"), transaction(con):
            publish_month(con, made.publication(data))
    assert readable(data) == rows
    made.publish(data)
    assert readable(data)["champions"] == 0
    assert len(entries(data)) == len(before | {"another version"})


@pytest.mark.sweep(keep=4)
@pytest.mark.parametrize("step", ["_fill", "_manifest", "sync_folder", "write_document", "_remove_superseded"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_publication_that_ends_at_any_step_leaves_the_old_month_or_the_new_one_and_the_next_tidies_up(
    step: str, when: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.publish(data)  # so that the publication's own record is among what is published
    old, rows = made.publish(data).version, readable(data)
    made.sql(data, "DELETE FROM champions")
    real = getattr(writing, step)

    def dies(*arguments: object, **options: object) -> object:
        found = real(*arguments, **options) if when == "after" else None
        raise KeyboardInterrupt(found)

    with duckdb.connect(str(data / "warehouse.duckdb")) as con, monkeypatch.context() as patched:
        patched.setattr(writing, step, dies)
        with pytest.raises(KeyboardInterrupt), transaction(con):
            publish_month(con, made.publication(data))
    published = (step, when) in {
        ("write_document", "after"),
        ("_remove_superseded", "before"),
        ("_remove_superseded", "after"),
    }
    assert readable(data) == {**rows, "champions": 0 if published else rows["champions"]}
    assert old in entries(data)
    before = Published(data).month("2025-12").manifest.version
    assert entries(data) >= {"manifest.json", before}
    version = made.publish(data).version
    assert entries(data) == {"manifest.json", before, version}


PUBLISHER = """
import sys
from pathlib import Path
from turbo_forecast_tests.storage.published import made
while True:
    made.publish(Path(sys.argv[1]))
    print("published", flush=True)
"""


def test_a_process_that_is_killed_while_it_publishes_leaves_a_month_that_can_be_read(data: Path) -> None:
    """At moments all over the publication, which takes some tenths of a second."""
    made.publish(data)
    made.publish(data)
    moments, rows = random.Random(1), readable(data)
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", PUBLISHER, str(data)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"published\n"
        time.sleep(moments.uniform(0.0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert readable(data) == rows
        assert len(Published(data).observed("plain")) == 40
        with duckdb.connect(str(data / "published" / "turbo_forecast.duckdb"), read_only=True) as con:
            assert con.execute("SELECT count(*) FROM champions").fetchall() == [(2 * len(made.HOSTS),)]
    before = Published(data).month("2025-12").manifest.version
    version = made.publish(data).version
    assert entries(data) == {"manifest.json", before, version}
    assert not list((data / "published").rglob(".*")), "nothing hidden is left"


def test_where_files_have_no_second_names_they_are_copied(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", refuse(errno.EXDEV))
    made.publish(data)
    month = Published(data).month("2025-12")
    stored = data / "forecast_parquet" / "2025-12.parquet"
    assert not month.path(PUBLISHED[0]).samefile(stored)
    assert month.path(PUBLISHED[0]).read_bytes() == stored.read_bytes()
    assert_frame_equal(month.run_results.read(OUTLOOK_SERIES).collect(), made.some_rows(OUTLOOK_SERIES, made.CUTOFF))


def test_a_version_that_cannot_be_removed_now_stops_nothing_and_goes_later(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a reader on another machine has one of its files open."""
    with monkeypatch.context() as patched:
        patched.setattr(writing, "remove", refuse(errno.EBUSY))
        versions = [made.publish(data).version for _ in range(3)]
        assert Published(data).month("2025-12").manifest.version == versions[-1]
    made.publish(data)
    assert len([name for name in entries(data) if not name.startswith(".")]) == 3


def test_a_month_without_its_master_file_or_its_state_is_refused_and_stays_as_it_was(data: Path) -> None:
    rows = readable(data)
    (data / "forecast_parquet" / "2025-12.parquet").unlink()
    with pytest.raises(StorageError, match=r"forecast_parquet/2025-12.parquet is not there: run the month again$"):
        made.publish(data)
    assert readable(data) == rows
    made.make(data)
    made.sql(data, "DELETE FROM months WHERE month = '2025-12'")
    with pytest.raises(StorageError, match=r"^month 2025-12 is not in the table months: run the month first$"):
        made.publish(data)
    assert readable(data) == rows


def test_a_table_that_another_version_stored_is_published_with_what_it_has(data: Path) -> None:
    column = next(column.name for column in CHAMPIONS.columns if column.nullable)
    made.sql(data, f"ALTER TABLE champions DROP COLUMN {column}; DROP TABLE scenario_outlook")
    made.publish(data)
    month = Published(data).month("2025-12")
    rows = month.read(CHAMPIONS).collect()
    assert rows[column].null_count() == len(rows) == len(made.HOSTS)
    assert month.read(SCENARIO_OUTLOOK).collect().is_empty()


def test_a_table_that_cannot_be_taken_over_is_named(data: Path) -> None:
    made.sql(data, "ALTER TABLE champions DROP COLUMN model")
    with pytest.raises(
        StorageError, match="table champions in the warehouse was stored by another version and lacks model"
    ):
        made.publish(data)
    readable(data)


@pytest.mark.parametrize("lost", ["the folder", "a part of it"])
def test_a_month_whose_run_left_nothing_is_published_without_it(lost: str, data: Path) -> None:
    results = data / "tournament" / "2025-12"
    for path in sorted(results.rglob("*"), reverse=True):
        if lost == "the folder" or path.name.startswith("outlook_series"):
            path.rmdir() if path.is_dir() else path.unlink()
    if lost == "the folder":
        results.rmdir()
    made.publish(data)
    month = Published(data).month("2025-12")
    assert not month.run_results.folder.exists()
    readable(data)


def test_what_runs_have_learnt_goes_from_published_months_when_their_own_results_do(data: Path) -> None:
    results = data / "tournament"
    (results / "2025-11").rename(results / "2024-01")
    remove_old_results(data)
    has_run_results = {month.key: month.run_results.folder.exists() for month in Published(data).months()}
    assert has_run_results == {"2025-12": True, "2025-11": False}
    assert len(Published(data).month("2025-11").frame(CHAMPIONS)) == len(made.HOSTS)
    assert not list((data / "published").rglob(".*"))


ARBITRARY: tuple[Table, ...] = (MODEL_RUNS, CAPACITY_OUTLOOK, GROUP_FORECAST, PLANNED_CHANGES)


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("arbitrary") / "data"
    made.make(data)
    return data


@pytest.mark.sweep(keep=1)
@settings(max_examples=tries(8, 100), deadline=None)
@given(draw=st.data())
def test_arbitrary_rows_are_read_as_they_were_stored(draw: st.DataObject, roomy: Path) -> None:
    table = draw.draw(st.sampled_from(ARBITRARY))
    days = st.dates(date(1900, 1, 1), date(2200, 1, 1))
    columns = [
        column(each.name, each.dtype, strategy=days if each.dtype == pl.Date else None, allow_null=each.nullable)
        for each in table.columns
        if each.name != "cutoff"
    ]
    frame = draw.draw(dataframes(columns, max_size=20)).with_columns(cutoff=pl.lit(made.CUTOFF)).pipe(table.conform)
    with duckdb.connect(str(roomy / "warehouse.duckdb")) as con, transaction(con):
        replace_partition(con, table, made.CUTOFF, frame)
        publish_month(con, made.publication(roomy))
    month = Published(roomy).month("2025-12")
    rows = month.read(table).collect()
    assert_frame_equal(rows, frame, check_row_order=False, check_exact=True)
    hosts = rows["host_id"].to_list()
    for host in set(hosts):
        assert len(month.of_host(table, host)) == hosts.count(host)
    if hosts:
        group = pq.ParquetFile(month.path(table)).metadata.row_group(0)
        assert group.column(table.names.index("host_id")).is_stats_set
