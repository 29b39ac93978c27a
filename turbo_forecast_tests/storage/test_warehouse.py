"""The warehouse: a month is replaced whole or not at all, by name, and a lock is waited for, but not for ever."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import BASE_TABLE, CHAMPIONS, RUN_AUDIT
from turbo_forecast.storage import warehouse
from turbo_forecast.storage.warehouse import (
    connected,
    publish_table,
    query,
    replace_audit,
    replace_partition,
    stage_table,
    transaction,
)
from turbo_forecast.tables import Column, Table

DECEMBER, NOVEMBER = date(2025, 12, 31), date(2025, 11, 30)
TINY = Table(
    "tiny",
    "a small table",
    (
        Column("cutoff", pl.Date, "month"),
        Column("a", pl.Int64, "one number"),
        Column("b", pl.Int64, "another"),
        Column("note", pl.String, "words", nullable=True),
    ),
    key=("cutoff", "a"),
)


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connected(tmp_path / "warehouse.duckdb") as con:
        yield con


def rows(cutoff: date, *pairs: tuple[int, int], note: str | None = None) -> pl.DataFrame:
    parts = [{"cutoff": cutoff, "a": a, "b": b, "note": note} for a, b in pairs]
    return pl.DataFrame(parts, schema=TINY.polars_schema)


def stored(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return query(con, "SELECT cutoff, a, b FROM tiny ORDER BY ALL").rows()


def test_a_month_is_replaced_whole_and_others_stay(con: duckdb.DuckDBPyConnection) -> None:
    replace_partition(con, TINY, NOVEMBER, rows(NOVEMBER, (1, 10)))
    replace_partition(con, TINY, DECEMBER, rows(DECEMBER, (1, 11), (2, 21)))
    assert replace_partition(con, TINY, DECEMBER, rows(DECEMBER, (3, 31))) == 1
    assert stored(con) == [(NOVEMBER, 1, 10), (DECEMBER, 3, 31)]


def test_columns_are_matched_by_name_whatever_their_order(con: duckdb.DuckDBPyConnection) -> None:
    replace_partition(con, TINY, DECEMBER, rows(DECEMBER, (1, 2)).select("note", "b", "cutoff", "a"))
    assert stored(con) == [(DECEMBER, 1, 2)]
    replace_partition(con, TINY, DECEMBER, "SELECT 7 AS b, 6 AS a, DATE '2025-12-31' AS cutoff")
    assert stored(con) == [(DECEMBER, 6, 7)]


@pytest.mark.parametrize(
    "broken",
    [
        "SELECT DATE '2025-12-31' AS cutoff, 'text' AS a, 1 AS b",
        "SELECT DATE '2025-12-31' AS cutoff, 1 AS a, NULL AS b",
        "SELECT DATE '2025-12-31' AS cutoff, 1 AS a, 1 AS b, 1 AS unknown",
        "SELECT * FROM a_table_that_is_not_there",
    ],
)
def test_a_failing_insert_keeps_the_old_rows(broken: str, con: duckdb.DuckDBPyConnection) -> None:
    replace_partition(con, TINY, DECEMBER, rows(DECEMBER, (1, 2)))
    with pytest.raises(duckdb.Error), transaction(con):
        replace_partition(con, TINY, DECEMBER, broken)
    assert stored(con) == [(DECEMBER, 1, 2)]


def test_rows_of_another_month_are_refused_and_nothing_changes(con: duckdb.DuckDBPyConnection) -> None:
    replace_partition(con, TINY, DECEMBER, rows(DECEMBER, (1, 2)))
    mixed = pl.concat([rows(DECEMBER, (5, 6)), rows(NOVEMBER, (7, 8))])
    with pytest.raises(StorageError, match="another month than 2025-12 .* tiny"), transaction(con):
        replace_partition(con, TINY, DECEMBER, mixed)
    assert stored(con) == [(DECEMBER, 1, 2)]


def test_a_month_without_rows_is_stored_as_none(con: duckdb.DuckDBPyConnection) -> None:
    replace_partition(con, TINY, DECEMBER, rows(DECEMBER, (1, 2)))
    assert replace_partition(con, TINY, DECEMBER, rows(DECEMBER)) == 0
    assert stored(con) == []


def test_an_exception_after_the_insert_undoes_it(con: duckdb.DuckDBPyConnection) -> None:
    replace_partition(con, TINY, DECEMBER, rows(DECEMBER, (1, 2)))
    with pytest.raises(KeyboardInterrupt), transaction(con):
        replace_partition(con, TINY, DECEMBER, rows(DECEMBER, (3, 4)))
        raise KeyboardInterrupt
    assert stored(con) == [(DECEMBER, 1, 2)]


def test_what_was_stored_is_there_for_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with connected(path) as con, transaction(con):
        replace_partition(con, TINY, DECEMBER, rows(DECEMBER, (1, 2)))
    with duckdb.connect(str(path), read_only=True) as again:
        assert again.execute("SELECT a, b FROM tiny").fetchall() == [(1, 2)]


def test_every_column_type_of_a_schema_survives_the_warehouse(con: duckdb.DuckDBPyConnection) -> None:
    row = {"cutoff": DECEMBER, "host_id": "ä'\"x", "resource": "", "model": "m", "reason": "r", "folds": 3}
    frame = pl.DataFrame([row], schema=CHAMPIONS.polars_schema)
    replace_partition(con, CHAMPIONS, DECEMBER, frame)
    assert query(con, "FROM champions").equals(frame)


def test_a_staged_table_takes_the_place_of_the_old_one_only_when_published(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(BASE_TABLE.ddl())
    con.execute("INSERT INTO base_table VALUES ('old', 'cpu', DATE '2025-01-01', 1.0)")
    name = stage_table(con, BASE_TABLE)
    con.execute(f"INSERT INTO \"{name}\" VALUES ('new', 'cpu', DATE '2025-01-01', 2.0)")
    assert con.execute("SELECT host_id FROM base_table").fetchall() == [("old",)]
    publish_table(con, BASE_TABLE)
    assert con.execute("SELECT host_id FROM base_table").fetchall() == [("new",)]
    assert con.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("base_table",)]


def audit(cutoff: date, asset: str, *stages: str) -> pl.DataFrame:
    fixed = {"seconds": 1.0, "clock": "wall", "series": 1, "peak_memory_mb": 1.0, "versions": "{}"}
    parts = [
        {"cutoff": cutoff, "asset": asset, "stage": stage, **fixed, "config_hash": "", "run_id": "r"}
        for stage in stages
    ]
    return pl.DataFrame(parts, schema=RUN_AUDIT.polars_schema)


def test_an_audit_replaces_only_its_own_month_and_asset(con: duckdb.DuckDBPyConnection) -> None:
    for frame in (audit(DECEMBER, "one", "x", "y"), audit(DECEMBER, "two", "x"), audit(NOVEMBER, "one", "x")):
        replace_audit(con, frame)
    replace_audit(con, audit(DECEMBER, "one", "z"))
    assert query(con, "SELECT cutoff, asset, stage FROM run_audit ORDER BY ALL").rows() == [
        (NOVEMBER, "one", "x"),
        (DECEMBER, "one", "z"),
        (DECEMBER, "two", "x"),
    ]


def held(path: Path, seconds: float) -> "subprocess.Popen[str]":
    """Another process that holds the warehouse."""
    script = f"import duckdb, time; con = duckdb.connect({str(path)!r}); print(1, flush=True); time.sleep({seconds})"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_lock_is_waited_for_while_it_is_short(tmp_path: Path) -> None:
    holder = held(tmp_path / "w.duckdb", 1.0)
    with connected(tmp_path / "w.duckdb") as con:
        assert con.execute("SELECT 1").fetchall() == [(1,)]
    holder.wait()


def test_a_long_lock_is_an_error_that_names_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert warehouse.LOCK_PATIENCE_SECONDS <= 15
    monkeypatch.setattr(warehouse, "LOCK_PATIENCE_SECONDS", 1.0)
    holder = held(tmp_path / "w.duckdb", 60)
    started = time.monotonic()
    try:
        with pytest.raises(StorageError, match=f"w.duckdb cannot be opened.*PID {holder.pid}") as caught:
            connected(tmp_path / "w.duckdb").__enter__()
    finally:
        holder.kill()
        holder.wait()
    assert 1.0 <= time.monotonic() - started < 5
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_warehouse_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_text("not a database" * 500)
    started = time.monotonic()
    with pytest.raises(StorageError, match="warehouse.duckdb cannot be opened"):
        connected(path).__enter__()
    assert time.monotonic() - started < 2


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(StorageError, match="the data folder .*data cannot be written"):
        connected(tmp_path / "data" / "warehouse.duckdb").__enter__()


def test_the_connection_is_closed_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with pytest.raises(ValueError, match="ours"), connected(path):
        raise ValueError("ours")
    script = f"import duckdb; duckdb.connect({str(path)!r}).execute('CREATE TABLE t (a INTEGER)')"
    subprocess.run([sys.executable, "-c", script], check=True)
