"""Rows in the order of series and days, a few hosts at a time, so that sorting them never needs more memory than there is.

Belongs here: the ranges of hosts. Does not belong here: whether rows lie in that order as they stand (`histories.py`).
"""

import duckdb

from turbo_forecast.schemas import BASE_TABLE

SORTED_ROWS = 10_000_000
"""Rows that are sorted at a time: half a gigabyte. Sorting a large fleet in one go needs more memory than there is, whatever
DuckDB spills."""
ORDER = ", ".join(BASE_TABLE.key)


def host_ranges(
    con: duckdb.DuckDBPyConnection, rows: str, parameters: dict[str, object] | None = None
) -> list[tuple[str, str]]:
    """The first and last host of ranges that hold every host once, in order, of some SORTED_ROWS rows each.

    rows: a SELECT whose rows have a host_id.
    """
    counts = con.execute(f"SELECT host_id, count(*) FROM ({rows}) GROUP BY host_id ORDER BY host_id", parameters or {})
    ranges: list[tuple[str, str]] = []
    held = SORTED_ROWS  # as if a range before were full: the first host begins one
    for host, count in counts.fetchall():
        if held + count > SORTED_ROWS:
            ranges.append((host, host))
            held = 0
        ranges[-1] = (ranges[-1][0], host)
        held += count
    return ranges


def insert_in_order(con: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    """Insert rows into a table of the base table's columns, sorted by series and day. rows: a SELECT of those columns."""
    con.execute("SET preserve_insertion_order = true")
    for first, last in host_ranges(con, rows):
        con.execute(
            f'INSERT INTO "{table}" BY NAME SELECT * FROM ({rows}) WHERE host_id BETWEEN ? AND ? ORDER BY {ORDER}',
            [first, last],
        )
