"""Histories are read some at a time, and are the same however the base table's rows lie."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.storage import histories, ordered_rows
from turbo_forecast.storage.histories import last_observed, store_histories

START, CUTOFF = date(1970, 1, 2), date(1970, 1, 9)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def filled(con: duckdb.DuckDBPyConnection, rows: list[tuple[str, str, int, float]]) -> None:
    """The base table with these rows, in this order; days count from 1970-01-01."""
    con.execute("DROP TABLE IF EXISTS base_table")
    con.execute(BASE_TABLE.ddl())
    days = [(host, resource, date(1970, 1, 1) + timedelta(day), y) for host, resource, day, y in rows]
    con.register("given", pl.DataFrame(days, schema=BASE_TABLE.polars_schema, orient="row").to_arrow())
    con.execute("INSERT INTO base_table SELECT * FROM given")


def read(con: duckdb.DuckDBPyConnection) -> tuple[list[dict[str, Any]], int]:
    """All series, and how often reading began."""
    attempts: list[list[pa.Table]] = []

    def write(tables: Iterable[pa.Table]) -> None:
        attempts.append([])
        attempts[-1].extend(tables)

    store_histories(con, START, CUTOFF, write)
    return [row for table in attempts[-1] for row in table.to_pylist()], len(attempts)


SORTED = [
    *(("a", "cpu", -30, 1.0), ("a", "mem", 2, 3.0), ("a", "mem", 30, 9.0)),
    *(("b", "cpu", 1, 2.0), ("b", "cpu", 3, 4.0), ("c", "cpu", 30, 9.0)),
]
EXPECTED = [
    {"host_id": "a", "resource": "cpu", "days": [], "y": []},
    {"host_id": "a", "resource": "mem", "days": [2], "y": [3.0]},
    {"host_id": "b", "resource": "cpu", "days": [1, 3], "y": [2.0, 4.0]},
]


def test_histories_are_sorted_bounded_and_complete(con: duckdb.DuckDBPyConnection) -> None:
    filled(con, SORTED)
    assert read(con) == (EXPECTED, 1)
    assert last_observed(con, CUTOFF) == date(1970, 1, 4)
    assert last_observed(con, date(1969, 1, 1)) is None


OUT_OF_ORDER = {
    "a host": [*SORTED[3:], *SORTED[:3]],
    "a resource": [*SORTED[1:3], SORTED[0], *SORTED[3:]],
    "a day": [*SORTED[:3], SORTED[4], SORTED[3], *SORTED[5:]],
    "a series in two places": [*SORTED[:4], SORTED[5], SORTED[4]],
    "all of them": SORTED[::-1],
}


@pytest.mark.parametrize("what", OUT_OF_ORDER)
@pytest.mark.parametrize("rows_at_once", [1, 3, 1000])
def test_rows_that_lie_out_of_order_are_read_sorted(
    what: str, rows_at_once: int, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordered_rows, "READ_AT_ONCE", rows_at_once)
    filled(con, OUT_OF_ORDER[what])
    assert read(con) == (EXPECTED, 1)


names = st.sampled_from(["", "a", "B", "a b", "é", "日", "z" * 20, "a\x00", "~"])
keys = st.tuples(names, names, st.integers(-3, 12))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    rows=st.dictionaries(keys, st.floats(0, 100), max_size=60),
    random=st.randoms(),
    shuffled=st.booleans(),
    size=st.integers(1, 40),
    at_once=st.integers(1, 40),
)
def test_any_rows_in_any_order_and_any_pieces_give_each_series_its_days(
    rows: dict[tuple[str, str, int], float],
    random: Any,
    shuffled: bool,
    size: int,
    at_once: int,
    con: duckdb.DuckDBPyConnection,
) -> None:
    in_order = sorted(
        ((*key, y) for key, y in rows.items()), key=lambda row: (row[0].encode(), row[1].encode(), row[2])
    )
    lying = list(in_order)
    if shuffled:
        random.shuffle(lying)
    filled(con, lying)
    expected: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for host, resource, day, y in in_order:
        if day <= 8:
            expected.setdefault((host, resource), []).extend([(day, y)] * (day >= 1))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(histories, "READ_ROWS", size)
        patched.setattr(ordered_rows, "READ_AT_ONCE", at_once)
        found, attempts = read(con)
    assert [(row["host_id"], row["resource"]) for row in found] == list(expected)
    assert [list(zip(row["days"], row["y"], strict=True)) for row in found] == list(expected.values())
    assert attempts == 1


def test_a_series_longer_than_what_is_read_at_once_stays_whole(con: duckdb.DuckDBPyConnection) -> None:
    filled(con, [])
    con.execute(
        "INSERT INTO base_table SELECT h, 'cpu', DATE '1970-01-02', n FROM (VALUES ('a'), ('b')) t(h), range(300000) r(n) "
        "ORDER BY h, n"
    )
    found, attempts = read(con)
    assert attempts == 1
    assert [(row["host_id"], len(row["y"])) for row in found] == [("a", 300_000), ("b", 300_000)]
    assert all(row["y"] == [float(n) for n in range(300_000)] for row in found)


def test_an_empty_base_table_has_no_series(con: duckdb.DuckDBPyConnection) -> None:
    filled(con, [])
    assert read(con) == ([], 1)


def test_without_a_base_table_the_sentence_says_what_to_do(con: duckdb.DuckDBPyConnection) -> None:
    for ask in (lambda: read(con), lambda: last_observed(con, CUTOFF)):
        with pytest.raises(StorageError, match="materialise base_table first"):
            ask()


def test_what_a_writer_is_refused_reaches_the_caller(con: duckdb.DuckDBPyConnection) -> None:
    filled(con, SORTED)

    def refuse(tables: Iterable[pa.Table]) -> None:
        raise StorageError("no")

    with pytest.raises(StorageError, match="no"):
        store_histories(con, START, CUTOFF, refuse)
