"""Reading what is published: what is there is found, what is not is told in a sentence, and two versions never meet."""

import json
import os
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import (
    CAPACITY_OUTLOOK,
    CHAMPIONS,
    FORECAST_PARQUET,
    MODEL_RUNS,
    OUTLOOK_CALIBRATION,
    TOURNAMENT_SCORES,
)
from turbo_forecast.storage.published.layout import PUBLISHED
from turbo_forecast.storage.published.reading import Published, SupersededError
from turbo_forecast_tests.storage.published import made


def test_every_table_of_a_month_is_read_as_it_was_stored_sorted_by_its_key(data: Path) -> None:
    month = Published(data).month("2025-12")
    for table in PUBLISHED:
        rows = month.read(table).collect()
        assert rows.schema == table.polars_schema, table.name
        assert month.row_count(table) == len(rows)
        assert_frame_equal(month.frame(table), rows)
        if table in made.OWN_STATE:
            continue
        assert_frame_equal(rows, made.some_rows(table, made.CUTOFF), check_row_order=False)
        if table.name in made.TABLES:
            assert_frame_equal(rows, rows.sort(table.key, nulls_last=True))


def test_the_months_that_are_there_the_latest_first(data: Path) -> None:
    published = Published(data)
    assert published.keys() == ["2025-12", "2025-11"]
    assert [month.key for month in published.months()] == ["2025-12", "2025-11"]
    latest = published.month()
    assert (latest.key, latest.cutoff) == ("2025-12", date(2025, 12, 31))
    assert [month.key for month in published.earlier(latest)] == ["2025-11"]
    assert published.earlier(latest, most=0) == []
    assert published.earlier(published.month("2025-11")) == []


@pytest.mark.parametrize("host", made.HOSTS)
def test_one_host_is_found_whatever_it_is_called(host: str, data: Path) -> None:
    month = Published(data).month()
    for table in (FORECAST_PARQUET, CHAMPIONS, CAPACITY_OUTLOOK, MODEL_RUNS):
        everyone = made.some_rows(table, made.CUTOFF)
        assert_frame_equal(month.of_host(table, host), everyone.filter(pl.col("host_id") == host))
        assert_frame_equal(month.of_host(table, host, host), everyone.filter(pl.col("host_id") == host))
        assert month.of_host(table, host, "another resource").is_empty()
    seen = Published(data).observed(host, "cpu")
    assert seen["ds"].to_list() == [made.EARLIER + timedelta(days=i) for i in range(40)]
    assert seen["y"].to_list() == [float(i) for i in range(40)]
    assert seen["host_id"].unique().to_list() == [host]


def test_a_host_that_is_not_there_has_no_rows(data: Path) -> None:
    assert Published(data).month().of_host(CHAMPIONS, "nobody").is_empty()
    assert Published(data).observed("nobody").is_empty()


def test_a_host_is_looked_for_by_the_files_statistics(data: Path) -> None:
    """Where a column of another type stood between, all rows would be read first."""
    month = Published(data).month()
    path = month.path(FORECAST_PARQUET)
    rows = pl.read_parquet(path)
    path.unlink()
    rows.cast({"yhat": pl.Float64}).write_parquet(path)
    query = month._scan(FORECAST_PARQUET, pl.col("host_id") == "plain")
    assert 'SELECTION: col("host_id")' in query.explain().replace("[(", "").replace("(col", "col")
    assert query.collect().schema == FORECAST_PARQUET.polars_schema


def test_a_column_that_was_added_since_is_null_and_one_of_a_later_version_is_not_there(data: Path) -> None:
    month = Published(data).month("2025-11")
    path = month.path(MODEL_RUNS)
    column = next(column.name for column in MODEL_RUNS.columns if column.nullable)
    pl.read_parquet(path).drop(column).with_columns(of_tomorrow=1).write_parquet(path)
    rows = month.read(MODEL_RUNS).collect()
    assert rows.schema == MODEL_RUNS.polars_schema
    assert rows[column].null_count() == len(rows) == len(made.HOSTS)


def test_a_table_that_an_older_version_did_not_publish_is_named(data: Path) -> None:
    path = data / "published" / "2025-12" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["files"]["champions"]
    path.write_text(json.dumps(manifest))
    month = Published(data).month()
    assert not month.has(CHAMPIONS)
    assert month.row_count(CHAMPIONS) == 0
    for ask in (month.path, month.read, month.frame, lambda table: month.of_host(table, "plain")):
        with pytest.raises(StorageError, match=r"^champions of 2025-12 is not published: .*; run it again$"):
            ask(CHAMPIONS)


def test_a_month_that_was_published_again_is_read_as_it_was_and_after_two_times_it_is_said_to_be_gone(
    data: Path,
) -> None:
    held = Published(data).month("2025-12")
    before = held.read(CHAMPIONS).collect()
    kept = held.frame(CHAMPIONS)
    made.make(data, hosts=["new"])
    made.publish(data)
    assert_frame_equal(held.read(CHAMPIONS).collect(), before)
    now = Published(data).month("2025-12")
    assert now != held
    assert now.frame(CHAMPIONS)["host_id"].to_list() == ["new"]
    assert held.frame(CHAMPIONS) is kept
    query = held.read(TOURNAMENT_SCORES)
    made.publish(data)
    asked = (
        lambda: held.read(CHAMPIONS),
        lambda: held.of_host(CHAMPIONS, "plain"),
        lambda: held.collected(TOURNAMENT_SCORES, query),
        lambda: held.frame(TOURNAMENT_SCORES),
    )
    for ask in asked:
        with pytest.raises(
            SupersededError, match=r"is gone: month 2025-12 was published anew since .*; look it up again$"
        ):
            ask()


@pytest.mark.parametrize("harm", ["gone", "empty", "without its end", "within"])
def test_a_damaged_file_is_named_in_a_sentence(harm: str, data: Path) -> None:
    month = Published(data).month("2025-12")
    for path, ask in (
        (month.path(CHAMPIONS), lambda: month.frame(CHAMPIONS)),
        (month.path(FORECAST_PARQUET), lambda: month.of_host(FORECAST_PARQUET, "plain")),
        (Published(data).history_file(), lambda: Published(data).observed("plain")),
    ):
        content = path.read_bytes()
        path.unlink()
        if harm != "gone":
            harmed = {
                "empty": b"",
                "without its end": content[:-9],
                "within": content[:4] + b"\xff" * 90 + content[94:],
            }
            path.write_bytes(harmed[harm])
        with pytest.raises(StorageError) as refused:
            ask()
        assert str(refused.value).startswith(f"{path} cannot be read: ")
        assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"month": 1}', "\udcff", '{"version": "../../elsewhere"}'])
def test_a_damaged_manifest_is_named_in_a_sentence(text: str, data: Path) -> None:
    path = data / "published" / "2025-12" / "manifest.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    said = rf"^{path} is damaged, or no document of this program: publish the month again$"
    with pytest.raises(StorageError, match=said):
        Published(data).month("2025-12")
    assert Published(data).month("2025-11").key == "2025-11", "another month is as it was"


@pytest.mark.parametrize("name", ["../2025-11", "/etc", "a\\b", ".hidden", ""])
def test_a_manifest_names_nothing_outside_of_its_folder(name: str, data: Path) -> None:
    path = data / "published" / "2025-12" / "manifest.json"
    whole = json.loads(path.read_text())
    elsewhere = {**whole["files"], "champions": {**whole["files"]["champions"], "file": name}}
    for changed in ({**whole, "version": name}, {**whole, "files": elsewhere}):
        path.write_text(json.dumps(changed))
        with pytest.raises(StorageError, match="is damaged"):
            Published(data).month("2025-12")


def test_what_a_later_version_wrote_is_said_to_be_so_whatever_it_holds(data: Path) -> None:
    path = data / "published" / "2025-12" / "manifest.json"
    path.write_text('{"format": 2, "tables": []}')
    with pytest.raises(StorageError, match="was written by a later version of this program: read it with that one"):
        Published(data).month("2025-12")


def write_states(data: Path, *months: tuple[str, str]) -> None:
    told = {"run_id": "r1", "reached": "champions", "started_at": "2026-01-01T00:00:00", "finished_at": None}
    path = data / "published" / "months.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"months": [{"month": month, "state": state, **told} for month, state in months]}))


def test_a_month_that_is_not_published_is_told_of_with_what_there_is_and_what_to_do(data: Path) -> None:
    write_states(data, ("2026-02", "complete"), ("2026-01", "incomplete"))
    there = "; published are 2025-11 to 2025-12. "
    for key, said in {
        "2026-01": f"month 2026-01 is incomplete (run r1, reached champions){there}Run the month to its end first",
        "2026-02": "month 2026-02 is complete, but no version of this program has published it"
        f"{there}Materialise published_month for 2026-02, or run it again",
        "2024-01": f"month 2024-01 was never run{there}Make one with turbo-forecast run, or say with --data which folder it is in",
    }.items():
        with pytest.raises(StorageError) as refused:
            Published(data).month(key)
        assert str(refused.value) == f"{data} has no published month {key}: {said}"


def test_where_nothing_is_published_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        StorageError,
        match=r"has no published month: no month was ever run\. Make one with turbo-forecast run, or say with --data which folder it is in$",
    ):
        Published(tmp_path).month()
    with pytest.raises(StorageError, match=r"base_table is not there: run a month first$"):
        Published(tmp_path).observed("a")
    assert Published(tmp_path).history() is None
    assert (Published(tmp_path).keys(), Published(tmp_path).standings()) == ([], [])
    write_states(tmp_path, ("2026-01", "failed"))
    with pytest.raises(
        StorageError, match=r"has no published month: month 2026-01 is failed \(run r1, reached champions\)\."
    ):
        Published(tmp_path).month()


@pytest.mark.parametrize("key", ["../2025-12", "2025-12/../2025-11", "/etc", "2025-12\n", "x" * 500, "\x1b[2J"])
def test_what_is_no_month_is_looked_for_nowhere_and_shown_as_text(key: str, data: Path) -> None:
    with pytest.raises(StorageError) as refused:
        Published(data).month(key)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < len(str(data)) + 300


def test_a_folder_that_nobody_may_write_to_is_read(data: Path) -> None:
    everything = list((data / "published").rglob("*"))
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = sorted((str(path), path.stat().st_mtime_ns) for path in everything)
    month = Published(data).month()
    assert len(month.frame(CHAMPIONS)) == len(made.HOSTS)
    assert sorted((str(path), path.stat().st_mtime_ns) for path in (data / "published").rglob("*")) == before


def test_a_folder_that_was_moved_is_read_where_it_is(data: Path) -> None:
    moved = data.with_name("moved")
    os.rename(data, moved)
    assert len(Published(moved).month().frame(CHAMPIONS)) == len(made.HOSTS)
    assert len(Published(moved).observed("plain")) == 40


def test_what_a_run_has_learnt_is_published_with_the_month_and_told_of_where_it_is_not(data: Path) -> None:
    month = Published(data).month("2025-12")
    assert_frame_equal(
        month.run_results.read(OUTLOOK_CALIBRATION).collect(), made.some_rows(OUTLOOK_CALIBRATION, made.CUTOFF)
    )
    with pytest.raises(
        StorageError, match=r"is not there: materialise fleet_forecast for 2025-12 again; .*\(rows_months\)$"
    ):
        month.group_run_results.read(OUTLOOK_CALIBRATION)
