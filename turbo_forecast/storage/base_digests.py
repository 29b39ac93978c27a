"""The digest of a base table: one of content, by day.

Belongs here: the statements. Does not belong here: where digests are kept, and what they are compared for (`base_table.py`).

Reading the same telemetry again changes nothing for anybody, and a file that was rewritten in place, or read with other settings,
is noticed. It is kept by day, so that a month can be compared up to its cutoff: days that arrive later, as they do each month,
leave it as it is; and so that the days of one month can be counted anew without the others. DuckDB's hashes may change with its
version: base tables written by two versions of DuckDB count as two.
"""

import duckdb

from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_DAYS

# sums of hashes do not depend on the order of rows, nor on the threads that read them: 0.1 s for nine million rows
_BY_DAY = "SELECT ds, count(*) AS rows, sum(hash(host_id, resource, y))::VARCHAR AS digest FROM {rows} GROUP BY ds ORDER BY ds"
DIGEST = "SELECT md5(coalesce(string_agg(ds || ' ' || rows || ' ' || digest, ';' ORDER BY ds), '')) FROM {days}"
"""The digest of `days`, a table as `by_day` gives."""


def by_day(rows: str = BASE_TABLE.name) -> str:
    """A SELECT of the digest and number of rows of each day. rows: SQL for a table with the base table's columns."""
    return _BY_DAY.format(rows=rows)


def digest_of(con: duckdb.DuckDBPyConnection, rows: str) -> str:
    """The digest that a base table of these rows has. rows: SQL for a table with the base table's columns."""
    return str(con.execute(DIGEST.format(days=f"({by_day(rows)})")).fetchall()[0][0])


def digest_of_days(con: duckdb.DuckDBPyConnection, days: str = BASE_TABLE_DAYS.name, **parameters: object) -> str:
    """The same of days that have been counted already. days: SQL for a table as `by_day` gives."""
    return str(con.execute(DIGEST.format(days=days), parameters).fetchall()[0][0])
