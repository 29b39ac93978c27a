"""The base table: telemetry in, all its tables replaced in one transaction, or nothing changed at all; and its digest.

Belongs here: replacing it, unless it is what reading would give, and telling one base table from another. Does not belong
here: how telemetry is read, what it is known by (`telemetry/fingerprint`), and which month was made of which base table
(`months`).

The digest is one of content, not of files: reading the same telemetry again changes nothing for anybody, and a file
that was rewritten in place, or read with other settings, is noticed. It is kept by day, so that a month can be compared
up to its cutoff: days that arrive later, as they do each month, leave it as it is. DuckDB's hashes may change with its
version: base tables written by two versions of DuckDB count as two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from turbo_forecast.errors import BaseTableReplacedError, StorageError
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_DAYS, BASE_TABLE_REJECTS, BASE_TABLE_RUNS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.fingerprint import Fingerprint, fingerprint
from turbo_forecast.storage.telemetry.judgement import IN_THE_FUTURE
from turbo_forecast.storage.telemetry.limits import with_room
from turbo_forecast.storage.telemetry.reading import read_telemetry
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.versions import columns_to_add, require_usable_tables
from turbo_forecast.storage.warehouse import ensure_table, has_table, publish_table, stage_table

# sums of hashes do not depend on the order of rows, nor on the threads that read them: 0.1 s for nine million rows
_OF_DAYS = "SELECT ds, count(*) AS rows, sum(hash(host_id, resource, y))::VARCHAR AS digest FROM {rows} GROUP BY ds ORDER BY ds"
_BY_DAY = _OF_DAYS.format(rows=BASE_TABLE.name)
_DIGEST = "SELECT md5(coalesce(string_agg(ds || ' ' || rows || ' ' || digest, ';' ORDER BY ds), '')) FROM {days}"
_RUN = """
    INSERT INTO base_table_runs BY NAME
    SELECT (SELECT coalesce(max(number), 0) + 1 FROM base_table_runs) AS number, $run_id AS run_id,
           ({digest}) AS digest, coalesce(sum(rows), 0) AS rows,
           (SELECT count(*) FROM (SELECT DISTINCT host_id, resource FROM base_table)) AS series,
           min(ds) AS first_day, max(ds) AS last_day, $now AS written_at
    FROM base_table_days
"""
_IS_LAST = "number = (SELECT max(number) FROM base_table_runs)"
_READ = f"""
    UPDATE base_table_runs SET telemetry = $telemetry, read_in = number, read_on = $read_on, report = $report
    WHERE {_IS_LAST}
"""
_UNCHANGED = f"""
    INSERT INTO base_table_runs BY NAME
    SELECT * REPLACE (number + 1 AS number, $run_id AS run_id, $now AS written_at, NULL AS read_on, NULL AS report)
    FROM base_table_runs WHERE {_IS_LAST}
"""
_LAST_READING = f"""
    SELECT last.digest, read.run_id, read.written_at, read.read_on, read.report
    FROM (SELECT * FROM base_table_runs WHERE {_IS_LAST}) AS last
    JOIN base_table_runs AS read ON read.number = last.read_in
    WHERE last.telemetry = ? AND read.read_on IS NOT NULL
"""


def utc_now() -> datetime:
    """The time as the warehouse stores it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Reading:
    """The reading of telemetry that the base table is made of: this run's own, or the one of before that still holds."""

    report: TelemetryReport
    run_id: str
    """The run that read."""
    read_at: datetime
    """When what it read was stored, UTC."""
    is_new: bool
    files: int
    to_be_read_again: str = ""
    """Why the next run cannot tell whether the telemetry has changed; empty where it can."""

    def describe(self) -> str:
        """What happened, as a paragraph a person can check."""
        if self.is_new:
            again = f" The next run reads it again: {self.to_be_read_again}." if self.to_be_read_again else ""
            return self.report.describe() + again
        files = (
            "1 file of the same size and time"
            if self.files == 1
            else f"{self.files:,} files of the same sizes and times"
        )
        return (
            f"The telemetry is unchanged since run {self.run_id[:8]} ({self.read_at:%Y-%m-%d %H:%M} UTC): {files}; it was "
            "not read again."
        )


def update_base_table(
    con: duckdb.DuckDBPyConnection,
    settings: TelemetrySettings,
    *,
    today: date,
    run_id: str,
    say: Callable[[str], None] = lambda line: None,
) -> Reading:
    """Read telemetry into the base table and its rejects, unless they are what reading it would give; record the run.

    say: called with a line now and then, from another thread, while reading takes long.
    The caller holds the transaction. Raises TelemetryError or SettingsError, in one sentence; StorageError, before
    anything is read, where the warehouse has a table of another version that the run could not write to.
    """
    require_usable_tables(con)
    ensure_table(con, BASE_TABLE_RUNS)
    before = fingerprint(con, settings)
    standing = None if settings.reread else _standing_reading(con, before, today)
    if standing:
        con.execute(_UNCHANGED, {"run_id": run_id, "now": utc_now()})
        return standing
    base, rejects = stage_table(con, BASE_TABLE), stage_table(con, BASE_TABLE_REJECTS)
    settings = with_room(con, settings)
    report = read_telemetry(con, settings, today=today, base_table=base, rejects_table=rejects, say=say)
    publish_table(con, BASE_TABLE)
    publish_table(con, BASE_TABLE_REJECTS)
    read_at = record_base_table(con, run_id)
    known = _known_by(before, fingerprint(con, settings), report)
    con.execute(_READ, {"telemetry": known.digest, "read_on": today, "report": report.as_json})
    return Reading(report, run_id, read_at, is_new=True, files=before.files, to_be_read_again=known.reason)


def is_current(con: duckdb.DuckDBPyConnection, settings: TelemetrySettings, today: date) -> bool:
    """Whether the base table is what reading the telemetry would give, told without reading it; False where that is unknown.

    The caller holds the transaction. Raises TelemetryError where no file can be found.
    """
    if settings.reread or not has_table(con, BASE_TABLE_RUNS) or columns_to_add(con, BASE_TABLE_RUNS):
        return False
    return _standing_reading(con, fingerprint(con, settings), today) is not None


def _known_by(before: Fingerprint, after: Fingerprint, report: TelemetryReport) -> Fingerprint:
    """What the telemetry that was read between two fingerprints can be known by."""
    if report.computed:
        return Fingerprint(None, before.files, "its database computes the rows, and may make others another time")
    if before.digest and before.digest != after.digest:
        return Fingerprint(None, before.files, after.reason or "its files changed while they were read")
    return before


def _standing_reading(con: duckdb.DuckDBPyConnection, now: Fingerprint, today: date) -> Reading | None:
    """The last reading, where it was of the telemetry that is there now and the tables are as it left them."""
    found = con.execute(_LAST_READING, [now.digest]).fetchall()
    if not found:
        return None
    digest, run_id, read_at, read_on, text = found[0]
    try:
        report = TelemetryReport.of_json(text)
    except ValueError:
        return None
    # values of the future become usable as days pass; and where the clock is set back, usable ones become future
    same_today = today == read_on or (today > read_on and IN_THE_FUTURE not in report.rejects)
    if not (same_today and _is_stored(con, digest, report.rejects)):
        return None
    return Reading(report, run_id, read_at, is_new=False, files=now.files)


def _is_stored(con: duckdb.DuckDBPyConnection, digest: str, rejects: dict[str, int]) -> bool:
    """Whether the tables hold the rows with this digest and so many rejects: somebody may have changed them by hand."""
    tables = (BASE_TABLE, BASE_TABLE_DAYS, BASE_TABLE_REJECTS)
    try:
        if not all(has_table(con, table) and not columns_to_add(con, table) for table in tables):
            return False
    except StorageError:
        return False
    stored = [
        con.execute(_DIGEST.format(days=days)).fetchall()[0][0] for days in (BASE_TABLE_DAYS.name, f"({_BY_DAY})")
    ]
    counted = con.execute(f"SELECT reason, count(*) FROM {BASE_TABLE_REJECTS.name} GROUP BY ALL").fetchall()
    return stored == [digest, digest] and dict(counted) == rejects


def record_base_table(con: duckdb.DuckDBPyConnection, run_id: str) -> datetime:
    """Record the base table as it stands as the one this run wrote, and return the time recorded, UTC.

    The caller holds the transaction that wrote it.
    """
    days = stage_table(con, BASE_TABLE_DAYS)
    con.execute(f'INSERT INTO "{days}" BY NAME {_BY_DAY}')
    publish_table(con, BASE_TABLE_DAYS)
    ensure_table(con, BASE_TABLE_RUNS)
    now = utc_now()
    con.execute(_RUN.format(digest=_DIGEST.format(days=BASE_TABLE_DAYS.name)), {"run_id": run_id, "now": now})
    return now


def require_base_table(con: duckdb.DuckDBPyConnection) -> None:
    """Raises StorageError where no telemetry has been read into the warehouse."""
    if not has_table(con, BASE_TABLE):
        raise StorageError("there is no base_table in the warehouse: materialise base_table first")


def digest_up_to(con: duckdb.DuckDBPyConnection, cutoff: date) -> str:
    """Digest of the base table's rows up to the cutoff. Raises StorageError where there is no base table, or no digest."""
    require_base_table(con)
    if not has_table(con, BASE_TABLE_DAYS):
        raise StorageError(
            "base_table was stored by an earlier version, which kept no digest of it: materialise base_table again"
        )
    days = f"(SELECT * FROM {BASE_TABLE_DAYS.name} WHERE ds <= $cutoff)"
    return str(con.execute(_DIGEST.format(days=days), {"cutoff": cutoff}).fetchall()[0][0])


def digest_of(con: duckdb.DuckDBPyConnection, rows: str) -> str:
    """The digest that a base table of these rows has. rows: SQL for a table with the base table's columns."""
    return str(con.execute(_DIGEST.format(days=f"({_OF_DAYS.format(rows=rows)})")).fetchall()[0][0])


def last_day_up_to(con: duckdb.DuckDBPyConnection, cutoff: date) -> date | None:
    """The last day of the base table that is not after the cutoff, if there is one."""
    found = con.execute(f"SELECT max(ds) FROM {BASE_TABLE_DAYS.name} WHERE ds <= ?", [cutoff]).fetchall()
    return found[0][0]  # type: ignore[no-any-return]


def stored_by(con: duckdb.DuckDBPyConnection) -> str:
    """The run whose base table is stored."""
    found = con.execute(f"SELECT run_id FROM {BASE_TABLE_RUNS.name} ORDER BY number DESC LIMIT 1").fetchall()
    return str(found[0][0])


def current_digest(con: duckdb.DuckDBPyConnection) -> str:
    """Digest of the whole base table."""
    found = con.execute(f"SELECT digest FROM {BASE_TABLE_RUNS.name} ORDER BY number DESC LIMIT 1").fetchall()
    return str(found[0][0])


def record_base_check(con: duckdb.DuckDBPyConnection, check: str, *, passed: bool) -> None:
    """Keep a blocking check's verdict beside the base table it is of. The caller holds the transaction that judged.

    A base table that is read anew has no verdict yet; one that was found unchanged keeps what was said of its rows.
    """
    ensure_table(con, BASE_TABLE_RUNS)
    failed = _failed(con) - {check} | (set() if passed else {check})
    con.execute(f"UPDATE {BASE_TABLE_RUNS.name} SET failed = ? WHERE {_IS_LAST}", [",".join(sorted(failed)) or None])


def require_sound_base_table(con: duckdb.DuckDBPyConnection) -> None:
    """Raises StorageError where a blocking check of the base table has failed, and not passed since."""
    failed = sorted(_failed(con))
    if failed:
        raise StorageError(
            f"the base table is not to be built on: base_table.{failed[0]} found it to be wrong. Materialise base_table again"
        )


def _failed(con: duckdb.DuckDBPyConnection) -> set[str]:
    if not has_table(con, BASE_TABLE_RUNS) or columns_to_add(con, BASE_TABLE_RUNS):
        return set()
    found = con.execute(f"SELECT failed FROM {BASE_TABLE_RUNS.name} WHERE {_IS_LAST}").fetchall()
    return set(found[0][0].split(",")) if found and found[0][0] else set()


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
