"""The DuckDB that a process keeps: the file is nobody's between two uses, and every use sees it as it is by then."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from turbo_forecast.storage import kept_duckdb
from turbo_forecast.storage.warehouse import MEMORY_LIMIT, connected, transaction


@contextmanager
def opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connected(path, keep_duckdb=True) as con:
        yield con


def by_another_process(path: Path, sql: str) -> str:
    """What another process prints of its rows, or of why it cannot open the file."""
    script = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall())"
    done = subprocess.run([sys.executable, "-c", script, str(path), sql], capture_output=True, text=True)
    return done.stdout + done.stderr


def root_of(path: Path) -> duckdb.DuckDBPyConnection:
    return kept_duckdb._KEPT[path].root


def test_what_one_use_commits_the_next_one_and_other_processes_see(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with opened(path) as con, transaction(con):
        con.execute("CREATE TABLE t AS SELECT 7 AS a")
    kept = root_of(path)
    assert not path.with_name("warehouse.duckdb.wal").exists(), "the log was taken into the file, as at any close"
    assert by_another_process(path, "FROM t") == "[(7,)]\n"
    by_another_process(path, "INSERT INTO t VALUES (8)")
    with opened(path) as con:
        assert con.execute("FROM t ORDER BY a").fetchall() == [(7,), (8,)]
        assert con.execute("SELECT current_database()").fetchall() == [("warehouse",)]
        assert "lock" in by_another_process(path, "FROM t")
    assert root_of(path) is kept


def test_a_file_that_was_put_in_its_place_is_the_one_that_is_read(tmp_path: Path) -> None:
    path, other = tmp_path / "warehouse.duckdb", tmp_path / "other.duckdb"
    for each, value in ((path, 1), (other, 2)):
        with opened(each) as con:
            con.execute(f"CREATE TABLE t AS SELECT {value} AS a")
    with opened(path) as con:
        assert con.execute("FROM t").fetchall() == [(1,)]
    os.replace(other, path)
    with opened(path) as con:
        assert con.execute("FROM t").fetchall() == [(2,)]
    shutil.rmtree(tmp_path)
    with opened(path) as con:
        assert con.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]


def test_after_an_error_nothing_is_kept_and_nothing_is_committed(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with opened(path) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS a")
    with pytest.raises(ValueError, match="ours"), opened(path) as con:
        con.begin()
        con.execute("INSERT INTO t VALUES (2)")
        raise ValueError("ours")
    assert path not in kept_duckdb._KEPT
    assert by_another_process(path, "FROM t") == "[(1,)]\n"


def test_a_transaction_that_was_left_open_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with opened(path) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS a")
        con.begin()
        con.execute("INSERT INTO t VALUES (2)")
    assert by_another_process(path, "FROM t") == "[(1,)]\n"


def test_temporary_tables_settings_of_a_connection_and_registered_frames_end_with_their_use(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with opened(path) as con:
        con.execute("CREATE TEMP TABLE prepared AS SELECT 1 AS a")
        con.register("rows", con.sql("SELECT 1 AS a").pl())
    with opened(path) as con:
        for name in ("prepared", "rows"):
            with pytest.raises(duckdb.CatalogException):
                con.execute(f"FROM {name}")


def test_limits_are_those_of_any_connection_and_it_spills_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    asked = "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
    with connected(tmp_path / "own" / "warehouse.duckdb") as con:
        ((limit, _),) = con.execute(asked).fetchall()
    with opened(path) as con:
        assert con.execute(asked).fetchall() == [(limit, f"{path}.tmp")]
    assert MEMORY_LIMIT == "2GB"


def test_only_one_that_nobody_uses_is_kept(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}" / "warehouse.duckdb" for number in range(3)]
    for path in paths:
        path.parent.mkdir()
        with opened(path) as con:
            con.execute(f"CREATE TABLE t AS SELECT {path.parent.name} AS a")
    assert list(kept_duckdb._KEPT) == [paths[-1]]
    with opened(paths[0]) as one, opened(paths[1]) as two:
        assert (one.execute("FROM t").fetchall(), two.execute("FROM t").fetchall()) == ([(0,)], [(1,)])


def test_uses_within_a_use_are_of_the_same_file_and_the_last_one_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with opened(path) as outer:
        outer.execute("CREATE TABLE t AS SELECT 1 AS a")
        with connected(path) as inner:  # of its own it could not be: a process opens a file in one way at a time
            assert inner.execute("FROM t").fetchall() == [(1,)]
        assert "lock" in by_another_process(path, "FROM t")
        assert outer.execute("FROM t").fetchall() == [(1,)]
    assert by_another_process(path, "FROM t") == "[(1,)]\n"


def test_threads_take_it_at_the_same_time(tmp_path: Path) -> None:
    path, found = tmp_path / "warehouse.duckdb", list[int]()
    with opened(path) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS a")

    def read() -> None:
        for _ in range(20):
            with kept_duckdb.attached(path, MEMORY_LIMIT) as con:
                found.extend(row[0] for row in con.execute("FROM t").fetchall())

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 80
    assert by_another_process(path, "FROM t") == "[(1,)]\n"
