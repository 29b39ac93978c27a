"""Every table's columns: one source, three renderings that agree."""

import pkgutil
from importlib import import_module

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from turbo_forecast import schemas
from turbo_forecast.defs.reporting import schema_metadata
from turbo_forecast.tables import Table

TABLES = [value for value in vars(schemas).values() if isinstance(value, Table)]


def test_the_public_columns_are_what_people_script_against() -> None:
    row = ["host_id", "resource", "model", "phase", "cutoff", "ds", "y", "yhat", "yhat_lower", "yhat_upper"]
    assert schemas.BASE_TABLE.names == ["host_id", "resource", "ds", "y"]
    assert schemas.FLEET_FORECAST.names == schemas.TOURNAMENT_RESULTS.names == row
    assert schemas.FORECAST_PARQUET.names[: len(row)] == row
    assert {table.name for table in TABLES} >= {
        *("base_table", "base_table_rejects", "fleet_forecast", "series_outcomes", "run_audit", "model_runs"),
        *("tournament_results", "tournament_scores", "champions", "forecast_parquet"),
        *("fold_forecast", "combination_weights", "calibration", "tournament_standings", "forecast_accuracy"),
        *("months", "month_steps", "base_table_runs", "base_table_days"),
    }


def test_a_fold_has_the_columns_of_a_forecast_with_its_number_for_the_phase() -> None:
    row = schemas.FLEET_FORECAST.names
    assert schemas.FOLD_FORECAST.names == [{"phase": "fold"}.get(name, name) for name in row]
    assert schemas.TOURNAMENT_SCORES.names[:5] == ["cutoff", "host_id", "resource", "model", "window_name"]


def test_a_table_of_a_room_is_found_at_the_door() -> None:
    rooms = [import_module(room.name) for room in pkgutil.iter_modules(schemas.__path__, f"{schemas.__name__}.")]
    within = {name: value for room in rooms for name, value in vars(room).items() if isinstance(value, Table)}
    assert within == {name: getattr(schemas, name) for name in schemas.__all__}
    assert {name.lower() for name in within} == {table.name for table in within.values()}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_monthly_tables_and_files_say_which_month_a_row_is_of(table: Table) -> None:
    monthly = not table.name.startswith("base_table")
    assert ("cutoff" in table.names) is monthly
    assert ("cutoff" in table.key) is monthly


def test_a_frame_is_brought_to_the_stored_order_and_types() -> None:
    frame = pl.DataFrame({"y": [1], "ds": ["2025-12-31"], "resource": ["cpu"], "host_id": ["a"], "more": [None]})
    conformed = schemas.BASE_TABLE.conform(frame.with_columns(pl.col("ds").str.to_date()))
    assert conformed.schema == schemas.BASE_TABLE.polars_schema
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        schemas.BASE_TABLE.conform(frame.drop("y"))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_duckdb_polars_and_arrow_have_the_same_columns(table: Table) -> None:
    with duckdb.connect() as con:
        con.execute(table.ddl())
        stored = con.sql(f"FROM {table.name}").pl()
        nullable = {row[0]: row[2] == "YES" for row in con.execute(f"DESCRIBE {table.name}").fetchall()}
    assert stored.schema == table.polars_schema
    frame = pl.from_arrow(pa.table({n: [] for n in table.names}, schema=table.arrow_schema))
    assert isinstance(frame, pl.DataFrame)
    assert frame.schema == table.polars_schema
    assert nullable == {column.name: column.nullable for column in table.columns}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_keys_are_columns_that_are_never_null_and_every_column_is_explained(table: Table) -> None:
    columns = {column.name: column for column in table.columns}
    assert len(columns) == len(table.columns)
    assert all(not columns[name].nullable for name in table.key)
    assert all(column.description for column in table.columns)
    assert table.description


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_dagster_shows_the_same_columns(table: Table) -> None:
    shown = schema_metadata(table)["dagster/column_schema"]
    assert [column.name for column in shown.columns] == table.names
    assert [column.constraints.nullable for column in shown.columns] == [column.nullable for column in table.columns]


def test_a_table_can_be_made_under_another_name() -> None:
    with duckdb.connect() as con:
        con.execute(schemas.BASE_TABLE.ddl("twin"))
        con.execute(schemas.BASE_TABLE.ddl("twin"))
        assert con.execute("SELECT count(*) FROM twin").fetchall() == [(0,)]
