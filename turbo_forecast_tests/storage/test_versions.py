"""A warehouse of another version is taken over where nothing has to be made up, and named where something would."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from turbo_forecast import schemas
from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import SERIES_OUTCOMES, TOURNAMENT_STANDINGS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.base_table import update_base_table
from turbo_forecast.storage.months import MonthOfRun
from turbo_forecast.storage.versions import KEPT, REPLACED, require_usable_tables
from turbo_forecast.storage.warehouse import connected, ensure_table, query, replace_partition, transaction
from turbo_forecast.tables import Column, Table

NOVEMBER, DECEMBER = date(2025, 11, 30), date(2025, 12, 31)
TINY = Table(
    "tiny",
    "a small table",
    (
        Column("cutoff", pl.Date, "month"),
        Column("a", pl.Int64, "a number"),
        Column("note", pl.String, "words", nullable=True),
        Column("share", pl.Float32, "a share", nullable=True),
    ),
    key=("cutoff", "a"),
)
NOW = pl.DataFrame([(DECEMBER, 2, "new", 0.5)], schema=TINY.polars_schema, orient="row")


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connected(tmp_path / "warehouse.duckdb") as con:
        yield con


def without(con: duckdb.DuckDBPyConnection, table: Table, *columns: str) -> None:
    """The table as a version stored it that did not have these columns."""
    con.execute(table.ddl())
    for column in columns:
        con.execute(f'ALTER TABLE "{table.name}" DROP COLUMN "{column}"')


@pytest.mark.parametrize(
    "columns",
    [
        "cutoff DATE NOT NULL, a BIGINT NOT NULL",
        "cutoff DATE NOT NULL, a BIGINT NOT NULL, share FLOAT",
        "note VARCHAR NOT NULL, cutoff DATE, a BIGINT",
    ],
)
def test_columns_that_may_be_null_are_added_and_earlier_months_kept(
    columns: str, con: duckdb.DuckDBPyConnection
) -> None:
    con.execute(f"CREATE TABLE tiny ({columns})")
    note = "x" if "note" in columns else None
    extra = (", note", ", 'x'") if note else ("", "")
    con.execute(f"INSERT INTO tiny (cutoff, a{extra[0]}) VALUES (?, 1{extra[1]})", [NOVEMBER])
    with transaction(con):
        assert replace_partition(con, TINY, DECEMBER, NOW) == 1
    old = (NOVEMBER, 1, note, None)
    assert query(con, "SELECT cutoff, a, note, share FROM tiny ORDER BY a").rows() == [old, NOW.row(0)]
    with transaction(con):
        nothing = NOW.with_columns(note=pl.lit(None, dtype=pl.String))
        replace_partition(con, TINY, DECEMBER, nothing)


def test_columns_are_added_with_the_rows_or_not_at_all(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE tiny (cutoff DATE NOT NULL, a BIGINT NOT NULL)")
    with pytest.raises(StorageError, match="another month"), transaction(con):
        replace_partition(con, TINY, NOVEMBER, NOW)
    assert [row[0] for row in con.execute("DESCRIBE tiny").fetchall()] == ["cutoff", "a"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("cutoff DATE, note VARCHAR, share FLOAT", "lacks a:"),
        ("cutoff DATE, a BIGINT, note VARCHAR, more BIGINT, even BIGINT", "has the unknown more, even:"),
        ("cutoff DATE, a INTEGER, note VARCHAR", "has another type of a (INTEGER, not BIGINT):"),
        ("a VARCHAR, other DATE", "lacks cutoff, has the unknown other, has another type of a (VARCHAR, not BIGINT):"),
        ("cutoff DATE, a BIGINT" + "".join(f", {letter * 99} BIGINT" for letter in "bcdef"), " and 2 more: move"),
    ],
)
def test_any_other_difference_is_named_and_the_table_left_alone(
    columns: str, said: str, con: duckdb.DuckDBPyConnection
) -> None:
    con.execute(f"CREATE TABLE tiny ({columns})")
    before = con.execute("DESCRIBE tiny").fetchall()
    with pytest.raises(StorageError, match=re.escape(said)) as refused, transaction(con):
        ensure_table(con, TINY)
    assert str(refused.value).startswith("table tiny in the warehouse was stored by another version and ")
    assert len(str(refused.value)) < 300
    assert con.execute("DESCRIBE tiny").fetchall() == before


def test_outcomes_of_an_earlier_version_are_usable_and_standings_are_not(con: duckdb.DuckDBPyConnection) -> None:
    without(con, SERIES_OUTCOMES, "unobserved_weekdays", "unobserved_months")
    require_usable_tables(con)
    without(con, TOURNAMENT_STANDINGS, "n", "mase_series", "mean_coverage")
    with pytest.raises(StorageError, match="table tournament_standings .* lacks n, mase_series, mean_coverage: "):
        require_usable_tables(con)


def test_telemetry_is_not_read_where_a_table_cannot_be_written_to(con: duckdb.DuckDBPyConnection) -> None:
    without(con, TOURNAMENT_STANDINGS, "mean_coverage")
    missing = TelemetrySettings(telemetry="/does/not/exist.parquet")
    with pytest.raises(StorageError, match="table tournament_standings"), transaction(con):
        update_base_table(con, missing, today=DECEMBER, run_id="r")
    assert [row[0] for row in con.execute("SHOW TABLES").fetchall()] == ["tournament_standings"]


@pytest.mark.parametrize("order", ["cutoff, month, state", "state, month, cutoff"])
def test_months_whose_columns_stand_in_another_order_are_written_by_name(
    order: str, con: duckdb.DuckDBPyConnection
) -> None:
    con.execute("CREATE TABLE base_table (host_id VARCHAR, resource VARCHAR, ds DATE, y DOUBLE)")
    con.execute("CREATE TABLE base_table_days (ds DATE, rows BIGINT, digest VARCHAR)")
    kinds = {"cutoff": "DATE", "month": "VARCHAR", "state": "VARCHAR"}
    con.execute(
        f"CREATE TABLE months ({', '.join(f'{name} {kinds[name]}' for name in order.split(', '))}, reached VARCHAR, "
        "run_id VARCHAR, base_table_digest VARCHAR, config_hash VARCHAR, started_at TIMESTAMP)"
    )
    with transaction(con):
        MonthOfRun(DECEMBER, "hash", "r").announce(con)
    stored = query(con, "SELECT month, state, run_id, config_hash, reached, finished_at FROM months").rows()
    assert stored == [("2025-12", "incomplete", "r", "hash", "", None)]


@pytest.mark.parametrize("name", ["base_table", "base_table_parts", "champions", "months"])
def test_a_view_in_a_tables_place_is_named(name: str, con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"CREATE VIEW {name} AS SELECT 1 AS cutoff")
    with pytest.raises(StorageError, match=f"^{name} in the warehouse is a view"):
        require_usable_tables(con)


def test_every_table_that_months_are_kept_in_is_looked_at_before_a_run_begins(con: duckdb.DuckDBPyConnection) -> None:
    """Else the difference would be named after the forecast, when the first row is stored."""
    replaced_whole = {table.name for table in REPLACED}
    files = {"fleet_forecast", "fold_forecast", "forecast_parquet", "forecast_intervals", "tournament_results"}
    within_a_run = {"outlook_series", "outlook_calibration"}
    every = {getattr(schemas, name).name for name in schemas.__all__}
    assert every - replaced_whole - files - within_a_run == {table.name for table in KEPT}
    for table in KEPT:
        without(con, table, table.columns[-1].name)
        con.execute(f'ALTER TABLE "{table.name}" ADD COLUMN odd INTEGER')
        with pytest.raises(
            StorageError, match=rf"table {table.name} in the warehouse was stored by another version and .*unknown odd"
        ):
            require_usable_tables(con)
        con.execute(f'DROP TABLE "{table.name}"')
