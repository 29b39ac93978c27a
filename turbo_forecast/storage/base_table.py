"""The base table: telemetry in, its tables replaced in one transaction, or nothing changed at all.

Belongs here: making it what reading the telemetry would give, by reading no more than has changed, and telling one base table
from another. Does not belong here: how it is made (`base_making.py`) and telemetry is read (`telemetry/`), what is on record of
readings (`base_readings.py`), and which month was made of which base table (`months.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import duckdb

from turbo_forecast.errors import BaseTableReplacedError, StorageError
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_DAYS, BASE_TABLE_RUNS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.base_digests import DIGEST, digest_of_days
from turbo_forecast.storage.base_making import Making, count_days
from turbo_forecast.storage.base_parts import months_to_read, refuse_gone, report_of_files, stored_parts
from turbo_forecast.storage.base_readings import IS_LAST, Reading, is_as_left, last_reading
from turbo_forecast.storage.landed import LandedMonth, landed_month
from turbo_forecast.storage.telemetry.fingerprint import Fingerprint, fingerprint
from turbo_forecast.storage.telemetry.landed_reading import by_label
from turbo_forecast.storage.telemetry.limits import with_room
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.versions import columns_to_add, require_usable_tables
from turbo_forecast.storage.warehouse import ensure_table, has_table

_RUN = """
    INSERT INTO base_table_runs BY NAME
    SELECT (SELECT coalesce(max(number), 0) + 1 FROM base_table_runs) AS number, $run_id AS run_id,
           ({digest}) AS digest, coalesce(sum(rows), 0) AS rows,
           $series AS series,
           min(ds) AS first_day, max(ds) AS last_day, $now AS written_at
    FROM base_table_days
"""
_READ = f"""
    UPDATE base_table_runs SET telemetry = $telemetry, read_in = number, read_on = $read_on, report = $report
    WHERE {IS_LAST}
"""
_UNCHANGED = f"""
    INSERT INTO base_table_runs BY NAME
    SELECT * REPLACE (number + 1 AS number, $run_id AS run_id, $now AS written_at, NULL AS read_on, NULL AS report)
    FROM base_table_runs WHERE {IS_LAST}
"""


def utc_now() -> datetime:
    """The time as the warehouse stores it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def update_base_table(
    con: duckdb.DuckDBPyConnection,
    settings: TelemetrySettings,
    landed: Sequence[LandedMonth] = (),
    *,
    today: date,
    run_id: str,
    say: Callable[[str], None] = lambda line: None,
) -> Reading:
    """Make the base table and its rejects what reading the telemetry would give, reading what has changed; record the run.

    landed: months, beside the files that `settings` name or instead of them. Where all of them and the files are as they were,
    nothing is read; where the files are, those calendar months are read and replaced in which something has landed; else
    everything is.
    say: called with a line now and then, from another thread, while reading takes long.
    The caller holds the transaction. Raises TelemetryError or SettingsError, in one sentence; StorageError where a landed month
    is damaged or gone, and, before anything is read, where the warehouse has a table of another version that the run could not
    write to.
    """
    require_usable_tables(con)
    ensure_table(con, BASE_TABLE_RUNS)
    months, parts = by_label(landed), stored_parts(con)
    no_longer = refuse_gone(parts, months, settings)
    before = fingerprint(con, settings, months)
    last = None if settings.reread else last_reading(con)
    is_same = last is not None and last.is_of(before, today)
    if last is not None and (is_same or months) and not is_as_left(con, last):
        last = None
    if last is not None and is_same:
        con.execute(_UNCHANGED, {"run_id": run_id, "now": utc_now()})
        return Reading(
            last.report,
            last.run_id,
            last.read_at,
            is_new=False,
            files=before.files,
            of_files=report_of_files(parts),
            months_standing=len(months),
        )
    to_read = months_to_read(parts, before, months, today) if last is not None and months else None
    reading = list(months) if to_read is None else to_read
    making = Making(
        con,
        with_room(con, settings, [months[name].path for name in reading]),
        months,
        to_read=reading,
        before=parts if to_read is not None else {},
        today=today,
        say=say,
    )
    report = making.make()
    now = {name: landed_month(month.path) for name, month in months.items()}
    known = _known_by(before, fingerprint(con, settings, now), report)
    making.record(known, run_id)
    read_at = _record_run(con, run_id, report.series)
    con.execute(_READ, {"telemetry": known.digest, "read_on": today, "report": report.as_json})
    return Reading(
        report,
        run_id,
        read_at,
        is_new=True,
        files=before.files,
        of_files=making.files,
        to_be_read_again=known.reason,
        months_read=len(reading),
        months_standing=len(months) - len(reading),
        no_longer=tuple(no_longer),
    )


def _known_by(before: Fingerprint, after: Fingerprint, report: TelemetryReport) -> Fingerprint:
    """What the telemetry that was read between two fingerprints can be known by, and each part of it."""
    months = {name: by if by == after.months.get(name) else None for name, by in before.months.items()}
    if report.computed:
        reason = "its database computes the rows, and may make others another time"
        return replace(before, digest=None, of_files=None, months=months, reason=reason)
    same = before.of_files if before.of_files == after.of_files else None
    if before.digest and before.digest != after.digest:
        reason = after.reason or "its files changed while they were read"
        return replace(before, digest=None, of_files=same, months=months, reason=reason)
    return replace(before, of_files=same, months=months)


def record_base_table(con: duckdb.DuckDBPyConnection, run_id: str) -> datetime:
    """Record the base table as it stands as the one this run wrote, and return the time recorded, UTC.

    The caller holds the transaction that wrote it.
    """
    count_days(con)
    ensure_table(con, BASE_TABLE_RUNS)
    series = con.execute("SELECT count(*) FROM (SELECT DISTINCT host_id, resource FROM base_table)").fetchall()[0][0]
    return _record_run(con, run_id, series)


def _record_run(con: duckdb.DuckDBPyConnection, run_id: str, series: int) -> datetime:
    statement, now = _RUN.format(digest=DIGEST.format(days=BASE_TABLE_DAYS.name)), utc_now()
    con.execute(statement, {"run_id": run_id, "series": series, "now": now})
    return now


def is_current(
    con: duckdb.DuckDBPyConnection, settings: TelemetrySettings, today: date, landed: Sequence[LandedMonth] = ()
) -> bool:
    """Whether the base table is what reading the telemetry would give, told without reading it; False where that is unknown.

    landed: months, beside the files that `settings` name or instead of them. The caller holds the transaction. Raises
    TelemetryError where no file can be found, StorageError where two landed months say that they are the same.
    """
    if settings.reread or not has_table(con, BASE_TABLE_RUNS) or columns_to_add(con, BASE_TABLE_RUNS):
        return False
    now, last = fingerprint(con, settings, by_label(landed)), last_reading(con)
    return last is not None and last.is_of(now, today) and is_as_left(con, last)


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
    return digest_of_days(con, f"(SELECT * FROM {BASE_TABLE_DAYS.name} WHERE ds <= $cutoff)", cutoff=cutoff)


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
    con.execute(f"UPDATE {BASE_TABLE_RUNS.name} SET failed = ? WHERE {IS_LAST}", [",".join(sorted(failed)) or None])


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
    found = con.execute(f"SELECT failed FROM {BASE_TABLE_RUNS.name} WHERE {IS_LAST}").fetchall()
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
