"""Rows come in the order of series and days, a few hosts at a time, wherever they lie."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date

import duckdb
import pytest

from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.storage import ordered_rows
from turbo_forecast.storage.ordered_rows import host_ranges, insert_in_order, ordered_batches

ROWS = [
    (host, resource, date(2025, 11, day), float(day)) for host in "abc" for resource in ("cpu", "mem") for day in (1, 2)
]
LANDED = [(host, resource, date(2025, 12, 1), 9.0) for host in "abcd" for resource in ("cpu", "mem")]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(BASE_TABLE.ddl())
        con.executemany("INSERT INTO base_table VALUES (?, ?, ?, ?)", [*ROWS, *LANDED])
        yield con


def read(con: duckdb.DuckDBPyConnection, condition: str = "true", **parameters: object) -> list[tuple[object, ...]]:
    found = []
    for batch in ordered_batches(con, 3, condition, parameters):
        found += [tuple(row.values()) for row in batch.to_pylist()]
    return found


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_a_month_at_the_table_s_end_comes_where_it_belongs(
    at_once: int, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordered_rows, "READ_AT_ONCE", at_once)
    assert read(con) == sorted([*ROWS, *LANDED])
    assert read(con, "ds > $day AND resource = 'mem'", day=date(2025, 11, 1)) == [
        row for row in sorted([*ROWS, *LANDED]) if row[2] > date(2025, 11, 1) and row[1] == "mem"
    ]


def test_rows_that_lie_in_order_are_not_sorted(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered_rows, "host_ranges", None)
    assert read(con, "ds < '2025-12-01'") == ROWS


def test_ranges_hold_every_host_once_and_no_more_rows_than_asked_for_but_of_one_host(
    con: duckdb.DuckDBPyConnection,
) -> None:
    """Hosts a to c have six rows each, d has two."""
    rows = "SELECT * FROM base_table"
    assert host_ranges(con, rows, 12) == [("a", "b"), ("c", "d")]
    assert host_ranges(con, rows, 1) == [(host, host) for host in "abcd"]
    assert host_ranges(con, rows, 100) == [("a", "d")]
    assert host_ranges(con, "SELECT * FROM base_table WHERE false", 100) == []


def test_rows_are_inserted_in_order(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered_rows, "SORTED_ROWS", 5)
    con.execute(BASE_TABLE.ddl("other"))
    insert_in_order(con, "other", "SELECT y, ds, resource, host_id FROM base_table ORDER BY y DESC")
    assert con.execute("FROM other").fetchall() == sorted([*ROWS, *LANDED])


def test_a_reader_that_stops_leaves_the_connection_free(con: duckdb.DuckDBPyConnection) -> None:
    with closing(ordered_batches(con, 1)) as batches:
        next(batches)
    assert con.execute("SELECT count(*) FROM base_table").fetchall() == [(20,)]
