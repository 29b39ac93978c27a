"""`tournament_results` is a view over the months' files: all rows, no row twice, and what a table of before held stays."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import FLEET_FORECAST, TOURNAMENT_RESULTS, TOURNAMENT_SCORES
from turbo_forecast.storage import datasets
from turbo_forecast.storage.datasets import part_name, parts, publish_folder, rows
from turbo_forecast.storage.frames import write_frame
from turbo_forecast.storage.rows_view import month_folders, redefine
from turbo_forecast.storage.warehouse import connected, has_table, query, transaction
from turbo_forecast.tables import DUCKDB_TYPES

OCTOBER, NOVEMBER, DECEMBER = date(2025, 10, 31), date(2025, 11, 30), date(2025, 12, 31)
EXACT = 12.5
"""A value that single precision holds exactly."""


def month(cutoff: date, hosts: list[str], yhat: float = EXACT, models: tuple[str, ...] = ("m",)) -> pl.DataFrame:
    """One day of each host, by each model in this order."""
    day = date(2026, 1, 1)
    records = [(host, "cpu", model, "forecast", cutoff, day, None, yhat, 0, 100) for host in hosts for model in models]
    return pl.DataFrame(records, schema=FLEET_FORECAST.polars_schema, orient="row")


def folder(data: Path, cutoff: date, *parts: pl.DataFrame) -> Path:
    """The month's rows as part files in the data folder."""
    made, path = data / "made", data / "fleet_forecast" / f"{cutoff:%Y-%m}.parquet"
    for at, part in enumerate(parts):
        write_frame(part, made / part_name(at * 128, at * 128 + 128))
    publish_folder(made, path)
    shutil.rmtree(made)
    return path


def former_file(data: Path, cutoff: date, frame: pl.DataFrame) -> Path:
    """The month's rows as versions stored them that had single files and double precision."""
    path = data / "fleet_forecast" / f"{cutoff:%Y-%m}.parquet"
    write_frame(frame.with_columns(pl.col("yhat", "yhat_lower", "yhat_upper").cast(pl.Float64)), path)
    return path


def served(con: duckdb.DuckDBPyConnection, where: str = "true") -> list[tuple[object, ...]]:
    return query(con, f"SELECT cutoff, host_id, yhat FROM tournament_results WHERE {where} ORDER BY ALL").rows()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data [1]*").mkdir()
    return tmp_path / "data [1]*"


@pytest.fixture
def con(data: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connected(data / "warehouse.duckdb") as con:
        yield con


def test_the_view_serves_all_months_with_the_columns_and_types_of_the_schema(
    con: duckdb.DuckDBPyConnection, data: Path
) -> None:
    former_file(data, NOVEMBER, month(NOVEMBER, ["a", "b"], 1.5))
    folder(data, DECEMBER, month(DECEMBER, ["a"]), month(DECEMBER, []), month(DECEMBER, ["z"]))
    with transaction(con):
        redefine(con, month_folders(data))
    expected = [(NOVEMBER, "a", 1.5), (NOVEMBER, "b", 1.5), (DECEMBER, "a", EXACT), (DECEMBER, "z", EXACT)]
    assert served(con) == expected
    assert served(con, f"cutoff = DATE '{DECEMBER}'") == expected[2:]
    described = {row[0]: row[1] for row in con.execute("DESCRIBE tournament_results").fetchall()}
    assert described == {column.name: DUCKDB_TYPES[column.dtype] for column in TOURNAMENT_RESULTS.columns}


def test_no_months_give_a_view_without_rows(con: duckdb.DuckDBPyConnection) -> None:
    assert not has_table(con, TOURNAMENT_RESULTS)
    redefine(con, {})
    assert has_table(con, TOURNAMENT_RESULTS)
    found = query(con, "FROM tournament_results")
    assert (found.height, found.columns) == (0, TOURNAMENT_RESULTS.names)


def test_a_query_for_one_month_opens_no_files_of_another(con: duckdb.DuckDBPyConnection, data: Path) -> None:
    for cutoff in (OCTOBER, NOVEMBER, DECEMBER):
        folder(data, cutoff, month(cutoff, ["a"]), month(cutoff, ["b"]))
    redefine(con, month_folders(data))
    for where, months in (("cutoff = $day", 1), ("cutoff >= $day", 2), ("cutoff > DATE '2030-01-01'", 0)):
        parameters = {"day": NOVEMBER if "=" in where and ">" in where else DECEMBER} if "$" in where else {}
        plan = con.execute(f"EXPLAIN SELECT max(yhat) FROM tournament_results WHERE {where}", parameters).fetchall()
        assert plan[0][1].count("READ_PARQUET") == months


def test_rows_of_another_month_in_a_months_folder_are_not_served(con: duckdb.DuckDBPyConnection, data: Path) -> None:
    folder(data, DECEMBER, month(DECEMBER, ["a"]), month(NOVEMBER, ["b"]))
    redefine(con, month_folders(data))
    assert served(con) == [(DECEMBER, "a", EXACT)]


def test_a_redefinition_is_undone_with_its_transaction(con: duckdb.DuckDBPyConnection, data: Path) -> None:
    folder(data, NOVEMBER, month(NOVEMBER, ["a"]))
    redefine(con, month_folders(data))
    folder(data, DECEMBER, month(DECEMBER, ["a"]))
    with pytest.raises(KeyboardInterrupt), transaction(con):
        redefine(con, month_folders(data))
        assert len(served(con)) == 2
        raise KeyboardInterrupt
    assert served(con) == [(NOVEMBER, "a", EXACT)]


@pytest.mark.parametrize("fault", ["no parquet", "a column is missing", "gone"])
def test_what_cannot_be_read_is_named(fault: str, con: duckdb.DuckDBPyConnection, data: Path) -> None:
    folders = {NOVEMBER: folder(data, NOVEMBER, month(NOVEMBER, ["a"]))}
    folders[DECEMBER] = broken = folder(data, DECEMBER, month(DECEMBER, ["a"]))
    (part,) = parts(broken)
    if fault == "no parquet":
        part.write_text("nothing")
    elif fault == "gone":
        shutil.rmtree(broken)
    else:
        write_frame(month(DECEMBER, ["a"]).drop("yhat"), part)
    with pytest.raises(StorageError, match=r"2025-12.parquet.*(cannot be read|lacks yhat)"):
        redefine(con, folders)


def test_whoever_opens_the_warehouse_next_has_the_view_of_the_files_that_are_there(data: Path) -> None:
    warehouse = data / "warehouse.duckdb"
    folder(data, NOVEMBER, month(NOVEMBER, ["a"]))
    folder(data, DECEMBER, month(DECEMBER, ["a"]))
    with connected(warehouse) as con:
        assert len(served(con)) == 2
    moved = data.rename(data.with_name("moved"))
    with connected(moved / "warehouse.duckdb") as con:
        assert len(served(con)) == 2
    shutil.rmtree(moved / "fleet_forecast" / "2025-11.parquet")
    with connected(moved / "warehouse.duckdb") as con:
        assert served(con) == [(DECEMBER, "a", EXACT)]
    shutil.rmtree(moved / "fleet_forecast" / "2025-12.parquet")
    former_file(moved, DECEMBER, month(DECEMBER, ["single"]))
    with connected(moved / "warehouse.duckdb") as con:
        assert served(con) == [(DECEMBER, "single", EXACT)]


def test_a_warehouse_is_not_written_to_where_its_view_is_the_files(data: Path) -> None:
    folder(data, DECEMBER, month(DECEMBER, ["a"]))
    with connected(data / "warehouse.duckdb"):
        pass
    before = (data / "warehouse.duckdb").read_bytes()
    with connected(data / "warehouse.duckdb"):
        pass
    assert (data / "warehouse.duckdb").read_bytes() == before


def test_a_month_that_cannot_be_read_does_not_keep_the_warehouse_shut(data: Path) -> None:
    folder(data, NOVEMBER, month(NOVEMBER, ["a"]))
    with connected(data / "warehouse.duckdb"):
        pass
    parts(folder(data, DECEMBER, month(DECEMBER, ["a"])))[0].write_text("nothing")
    with connected(data / "warehouse.duckdb") as con:
        assert served(con) == [(NOVEMBER, "a", EXACT)]


def test_another_program_reads_the_view_from_a_warehouse_it_opens_for_reading(data: Path, tmp_path: Path) -> None:
    folder(data, DECEMBER, month(DECEMBER, ["a", "b"]))
    with connected(data / "warehouse.duckdb"):
        pass
    script = (
        "import duckdb, sys; con = duckdb.connect(sys.argv[1], read_only=True)\n"
        "print(con.execute('SELECT count(*), sum(yhat) FROM tournament_results').fetchall()[0])"
    )
    command = [sys.executable, "-c", script, str(data / "warehouse.duckdb")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert said == f"(2, {2 * EXACT})\n"


def former_table(data: Path, *months: pl.DataFrame, types: str = "DOUBLE") -> Path:
    """A warehouse as former versions left it: the rows in a table, in double precision."""
    path = data / "warehouse.duckdb"
    with duckdb.connect(str(data.with_name("plain.duckdb"))) as con:
        con.execute(TOURNAMENT_RESULTS.ddl().replace("FLOAT", types))
        for frame in months:
            con.register("frame", frame.to_arrow())
            con.execute("INSERT INTO tournament_results BY NAME SELECT * FROM frame")
    shutil.move(data.with_name("plain.duckdb"), path)
    return path


def test_a_former_table_becomes_a_view_and_months_without_a_file_get_one(data: Path) -> None:
    hosts = [f"host-{n:03d}" for n in range(300)]
    november = month(NOVEMBER, hosts, models=("z", "a"))
    stored = former_file(data, DECEMBER, month(DECEMBER, ["in the file"])).read_bytes()
    path = former_table(data, november[::-1], month(DECEMBER, ["in the table"]))
    said: list[str] = []
    with connected(path, said.append) as con:
        assert served(con, f"cutoff = DATE '{DECEMBER}'") == [(DECEMBER, "in the file", EXACT)]
        assert len(served(con)) == 601
        assert con.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]
    assert said == [
        "tournament_results is a view over the months' files now, and its table of 2025-11, 2025-12 was dropped; "
        "2025-11 had no file and got one"
    ]
    exported = data / "fleet_forecast" / "2025-11.parquet"
    assert [path.name[:17] for path in parts(exported)] == [
        "00000000-00000128",
        "00000128-00000256",
        "00000256-00000300",
    ]
    in_order = november.sort("host_id", "resource", maintain_order=True)
    models = in_order.with_columns(model=pl.when(pl.col("model") == "a").then(pl.lit("z")).otherwise(pl.lit("a")))
    assert rows(exported).collect().equals(models), "series in order, each with its models as they were stored"
    assert (data / "fleet_forecast" / "2025-12.parquet").read_bytes() == stored
    assert set(os.listdir(data / "fleet_forecast")) == {"2025-11.parquet", "2025-12.parquet"}
    with connected(path, said.append):
        assert len(said) == 1, "it is said once"


def test_a_former_months_name_counts_as_its_file(data: Path) -> None:
    former_file(data, DECEMBER, month(DECEMBER, ["a"])).rename(data / "fleet_forecast" / "2025-12-01.parquet")
    said: list[str] = []
    with connected(former_table(data, month(DECEMBER, ["b"])), said.append) as con:
        assert served(con) == [(DECEMBER, "a", EXACT)]
    assert said == ["tournament_results is a view over the months' files now, and its table of 2025-12 was dropped"]


def test_a_former_table_stays_where_a_month_cannot_be_written(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = former_table(data, month(NOVEMBER, ["a"]), month(DECEMBER, ["a"]))

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(datasets.os, "fsync", refuse)
        with pytest.raises(StorageError, match="fleet_forecast.* cannot be written: No space"):
            connected(path).__enter__()
    with duckdb.connect(str(path)) as con:
        assert con.execute("SELECT count(*) FROM tournament_results").fetchall() == [(2,)]
        assert con.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(1,)]
    with connected(path) as con:
        assert len(served(con)) == 2


def test_an_empty_former_table_becomes_an_empty_view(data: Path) -> None:
    said: list[str] = []
    with connected(former_table(data), said.append) as con:
        assert not has_table(con, TOURNAMENT_RESULTS) or served(con) == []
    assert said == ["tournament_results is a view over the months' files now, and its table of no months was dropped"]


def test_scores_that_number_their_windows_name_them_from_now_on(data: Path) -> None:
    path = data / "warehouse.duckdb"
    with connected(path) as con:
        con.execute(TOURNAMENT_SCORES.ddl().replace('"window_name" VARCHAR', '"fold" INTEGER'))
        values = ", ".join(str(n) for n in range(6, 16))
        for fold in (0, 1, 12):
            con.execute(f"INSERT INTO tournament_scores VALUES (DATE '2025-12-31', 'a', 'cpu', 'm', {fold}, {values})")
    with connected(path) as con:
        found = query(con, "SELECT * FROM tournament_scores ORDER BY ALL")
    assert found.columns == TOURNAMENT_SCORES.names
    assert found["window_name"].to_list() == ["backtest", "fold 1", "fold 12"]
    assert found["n"].to_list() == [6, 6, 6]
    assert found["interval_score"].to_list() == [15.0, 15.0, 15.0]
