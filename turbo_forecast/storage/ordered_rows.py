"""External sort of the base table: its rows in the order of series and days, in bounded memory.

Belongs here: whether rows lie in that order, sorting them a few hosts at a time, reading and writing them so. Does not belong here:
what is done with them (`histories.py`, `published/history.py`, `base_parts.py`).

A base table that was read whole lies in that order, and its rows are taken as they lie: 64 million in seconds. Months that have
landed since lie at its end, each in order: putting them in between would be to write all of it anew each month. DuckDB does not
promise any order, and a person may have written to the table, too; so each row is compared with the one before it first, which
takes a third of a second of a processor for nine million, and sorting them one.
"""

from collections.abc import Generator, Mapping

import duckdb
import pyarrow as pa

from turbo_forecast.schemas import BASE_TABLE

SORTED_ROWS = 10_000_000
"""Rows that are sorted at a time while they are written: half a gigabyte. Sorting a large fleet in one go needs more memory than
there is, whatever DuckDB spills."""
READ_AT_ONCE = 2_000_000
"""The same while they are read."""
ORDER = ", ".join(BASE_TABLE.key)
_NAMES = ", ".join(BASE_TABLE.names)
_IS_IN_ORDER = """
    SELECT count(*) = 0
    FROM (
        SELECT host_id, resource, ds, lag(host_id) OVER () AS host, lag(resource) OVER () AS other, lag(ds) OVER () AS day
        FROM base_table WHERE {condition}
    )
    WHERE host_id < host OR (host_id = host AND (resource < other OR (resource = other AND ds < day)))
"""


def ordered_batches(
    con: duckdb.DuckDBPyConnection, size: int, condition: str = "true", parameters: Mapping[str, object] | None = None
) -> Generator[pa.RecordBatch]:
    """The base table's rows for which a condition holds, by host_id, resource and ds, about `size` at a time.

    The connection answers nothing else until all are read, or the generator is closed. The caller holds the transaction.
    """
    given = dict(parameters or {})
    con.execute("SET preserve_insertion_order = true")
    rows = f"SELECT {_NAMES} FROM {BASE_TABLE.name} WHERE ({condition})"
    if con.execute(_IS_IN_ORDER.format(condition=condition), given).fetchall()[0][0]:
        yield from _streamed(con, rows, given, size)
        return
    for first, last in host_ranges(con, rows, READ_AT_ONCE, given):
        of_hosts = f"{rows} AND host_id BETWEEN $first_host AND $last_host ORDER BY {ORDER}"
        yield from _streamed(con, of_hosts, {**given, "first_host": first, "last_host": last}, size)


def _streamed(
    con: duckdb.DuckDBPyConnection, rows: str, parameters: dict[str, object], size: int
) -> Generator[pa.RecordBatch]:
    # a relation's reader streams, where a connection's would hold all rows first; closed, even half-read: the connection has
    # one result at a time
    with con.sql(rows, params=parameters).to_arrow_reader(size) as reader:
        yield from reader


def host_ranges(
    con: duckdb.DuckDBPyConnection, rows: str, size: int, parameters: Mapping[str, object] | None = None
) -> list[tuple[str, str]]:
    """The first and last host of ranges that hold every host once, in order, of at most `size` rows each or one host.

    rows: a SELECT whose rows have a host_id.
    """
    counts = f"SELECT host_id, count(*) FROM ({rows}) GROUP BY host_id ORDER BY host_id"
    ranges: list[tuple[str, str]] = []
    held = size  # as if a range before were full: the first host begins one
    for host, count in con.execute(counts, dict(parameters or {})).fetchall():
        if held + count > size:
            ranges.append((host, host))
            held = 0
        ranges[-1] = (ranges[-1][0], host)
        held += count
    return ranges


def insert_in_order(con: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    """Insert rows into a table of the base table's columns, sorted by series and day. rows: a SELECT of those columns."""
    con.execute("SET preserve_insertion_order = true")
    for first, last in host_ranges(con, rows, SORTED_ROWS):
        con.execute(
            f'INSERT INTO "{table}" BY NAME SELECT * FROM ({rows}) WHERE host_id BETWEEN ? AND ? ORDER BY {ORDER}',
            [first, last],
        )
