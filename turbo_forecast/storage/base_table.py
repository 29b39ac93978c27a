"""The base table: telemetry in, all its tables replaced in one transaction, or nothing changed at all; and its digest.

Belongs here: replacing it, and telling one base table from another. Does not belong here: how telemetry is read, and
which month was made of which base table (`months`).

The digest is one of content, not of files: reading the same telemetry again changes nothing for anybody, and a file
that was rewritten in place, or read with other settings, is noticed. It is kept by day, so that a month can be compared
up to its cutoff: days that arrive later, as they do each month, leave it as it is. DuckDB's hashes may change with its
version: base tables written by two versions of DuckDB count as two.
"""

from datetime import UTC, date, datetime

import duckdb

from turbo_forecast.errors import BaseTableReplacedError, StorageError
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_DAYS, BASE_TABLE_REJECTS, BASE_TABLE_RUNS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.reading import read_telemetry
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.versions import require_usable_tables
from turbo_forecast.storage.warehouse import ensure_table, has_table, publish_table, stage_table, transaction

# sums of hashes do not depend on the order of rows, nor on the threads that read them: 0.1 s for nine million rows
_BY_DAY = """
    INSERT INTO "{days}" BY NAME
    SELECT ds, count(*) AS rows, sum(hash(host_id, resource, y))::VARCHAR AS digest FROM "{base}" GROUP BY ds ORDER BY ds
"""
_DIGEST = "SELECT md5(coalesce(string_agg(ds || ' ' || rows || ' ' || digest, ';' ORDER BY ds), '')) FROM {days}"
_RUN = """
    INSERT INTO base_table_runs BY NAME
    SELECT (SELECT coalesce(max(number), 0) + 1 FROM base_table_runs) AS number, $run_id AS run_id,
           ({digest}) AS digest, coalesce(sum(rows), 0) AS rows,
           (SELECT count(*) FROM (SELECT DISTINCT host_id, resource FROM base_table)) AS series,
           min(ds) AS first_day, max(ds) AS last_day, $now AS written_at
    FROM base_table_days
"""


def utc_now() -> datetime:
    """The time as the warehouse stores it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def replace_base_table(
    con: duckdb.DuckDBPyConnection, settings: TelemetrySettings, *, today: date, run_id: str
) -> TelemetryReport:
    """Read telemetry into the base table and its rejects, and record its digest and the run that wrote it.

    Raises TelemetryError or SettingsError, in one sentence, with all tables as they were; StorageError, before anything
    is read, where the warehouse has a table of another version that the run could not write to.
    """
    with transaction(con):
        require_usable_tables(con)
        base, rejects = stage_table(con, BASE_TABLE), stage_table(con, BASE_TABLE_REJECTS)
        report = read_telemetry(con, settings, today=today, base_table=base, rejects_table=rejects)
        publish_table(con, BASE_TABLE)
        publish_table(con, BASE_TABLE_REJECTS)
        record_base_table(con, run_id)
    return report


def record_base_table(con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Record the base table as it stands as the one this run wrote. The caller holds the transaction that wrote it."""
    days = stage_table(con, BASE_TABLE_DAYS)
    con.execute(_BY_DAY.format(days=days, base=BASE_TABLE.name))
    publish_table(con, BASE_TABLE_DAYS)
    ensure_table(con, BASE_TABLE_RUNS)
    con.execute(_RUN.format(digest=_DIGEST.format(days=BASE_TABLE_DAYS.name)), {"run_id": run_id, "now": utc_now()})


def digest_up_to(con: duckdb.DuckDBPyConnection, cutoff: date) -> str:
    """Digest of the base table's rows up to the cutoff. Raises StorageError where there is no base table, or no digest."""
    if not has_table(con, BASE_TABLE):
        raise StorageError("there is no base_table in the warehouse: materialise base_table first")
    if not has_table(con, BASE_TABLE_DAYS):
        raise StorageError(
            "base_table was stored by an earlier version, which kept no digest of it: materialise base_table again"
        )
    days = f"(SELECT * FROM {BASE_TABLE_DAYS.name} WHERE ds <= $cutoff)"
    return str(con.execute(_DIGEST.format(days=days), {"cutoff": cutoff}).fetchall()[0][0])


def stored_by(con: duckdb.DuckDBPyConnection) -> str:
    """The run whose base table is stored."""
    found = con.execute(f"SELECT run_id FROM {BASE_TABLE_RUNS.name} ORDER BY number DESC LIMIT 1").fetchall()
    return str(found[0][0])


def current_digest(con: duckdb.DuckDBPyConnection) -> str:
    """Digest of the whole base table."""
    found = con.execute(f"SELECT digest FROM {BASE_TABLE_RUNS.name} ORDER BY number DESC LIMIT 1").fetchall()
    return str(found[0][0])


def require_own_base_table(con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Raises BaseTableReplacedError when this run wrote a base table and another run has replaced it by other rows.

    A run that wrote none works with the one there is.
    """
    if not has_table(con, BASE_TABLE_RUNS):
        return
    own = con.execute(
        f"SELECT digest FROM {BASE_TABLE_RUNS.name} WHERE run_id = ? ORDER BY number DESC LIMIT 1", [run_id]
    ).fetchall()
    if own and own[0][0] != current_digest(con):
        raise BaseTableReplacedError(
            f"the base table was replaced by run {stored_by(con)} after this run had read its own telemetry: "
            "run the month again"
        )
