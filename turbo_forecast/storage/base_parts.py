"""What the base table is made of: the files, read together, and landed months, each by itself; and the replacing of months.

Belongs here: which parts are as they were read, what a month's rows are where several have them, and their place in the tables.
Does not belong here: how a part is read (`telemetry/`), and the transaction and the record of runs (`base_table.py`).

A month of the base table is replaced whole. Where files and a landed month both have a day of a series, the landed one counts:
the source is what the user has told us to ask, and files are what there was before. What the files say of the months that have
landed is kept aside, for when a month lands again without some of its series.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import duckdb

from turbo_forecast.errors import StorageError
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_FILE_DAYS, BASE_TABLE_PARTS, BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.landed import FOLDER, LandedMonth
from turbo_forecast.storage.ordered_rows import insert_in_order
from turbo_forecast.storage.telemetry.fingerprint import Fingerprint
from turbo_forecast.storage.telemetry.landed_reading import (
    DAYS,
    LABEL,
    REJECTS,
    MonthFindings,
    days_of,
    read_month,
    refuse_two_sources,
)
from turbo_forecast.storage.telemetry.messages import enumerated
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.telemetry.validation import IN_THE_FUTURE
from turbo_forecast.storage.telemetry.workspace import workspace
from turbo_forecast.storage.versions import columns_to_add
from turbo_forecast.storage.warehouse import has_table, publish_table, stage_table

FILES = "files"
"""The part that all files are; landed months are called by their labels."""
_OF_FILES = f"SELECT host_id, resource, ds, y FROM {BASE_TABLE_FILE_DAYS.name}"
_OF_LANDED = f"SELECT host_id, resource, ds, y FROM {DAYS}"
_IN_BOTH = f"SELECT part, count(*) FROM {DAYS} SEMI JOIN {BASE_TABLE_FILE_DAYS.name} USING (host_id, resource, ds) GROUP BY part"
_REJECTS = f"""
    SELECT CASE WHEN starts_with(source, '{LABEL}') THEN source ELSE '{FILES}' END AS part, reason, count(*)
    FROM {BASE_TABLE_REJECTS.name} GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A row of `base_table_parts`, with its findings as what they are: of the files a report, of a month its findings."""

    part: str
    source: str | None
    month: str | None
    known_by: str | None
    digest: str
    read_by: str
    read_on: date
    findings: TelemetryReport | MonthFindings

    def holds(self, known_by: str | None, today: date) -> bool:
        """Whether the part is what reading it would give now."""
        is_known = known_by is not None and known_by == self.known_by
        return is_known and holds_today(self.read_on, self.findings.rejects, today)


def holds_today(read_on: date, rejects: Collection[str], today: date) -> bool:
    """Whether what was read that day would be read so today. rejects: the reasons for which values were rejected then.

    Values of the future become usable as days pass; and where the clock is set back, usable ones become future.
    """
    return today == read_on or (today > read_on and IN_THE_FUTURE not in rejects)


def stored_parts(con: duckdb.DuckDBPyConnection) -> dict[str, StoredPart]:
    """What the stored base table is made of; nothing where that is not known, as of a former version's."""
    try:
        if not has_table(con, BASE_TABLE_PARTS) or columns_to_add(con, BASE_TABLE_PARTS):
            return {}
        rows = con.execute(f"SELECT {', '.join(BASE_TABLE_PARTS.names)} FROM {BASE_TABLE_PARTS.name}").fetchall()
        return {row[0]: _part(*row) for row in rows}
    except (StorageError, ValueError):
        return {}


def _part(part: str, *stored: Any) -> StoredPart:
    source, month, known_by, digest, read_by, read_on, text = stored
    of_json = TelemetryReport.of_json if part == FILES else MonthFindings.of_json
    return StoredPart(part, source, month, known_by, digest, read_by, read_on, of_json(text))


def report_of_files(parts: Mapping[str, StoredPart]) -> TelemetryReport | None:
    """What reading the files found; None where there are none."""
    files = parts.get(FILES)
    return files.findings if files and isinstance(files.findings, TelemetryReport) else None


def are_stored(con: duckdb.DuckDBPyConnection, parts: Mapping[str, StoredPart], file_days: str) -> bool:
    """Whether the tables hold as many rejects of each part as reading it found, and the files' days of landed months.

    file_days: the digest that `base_table_file_days` has.
    """
    expected = {(name, why): n for name, part in parts.items() for why, n in part.findings.rejects.items()}
    counted_now = {(part, why): n for part, why, n in con.execute(_REJECTS).fetchall()}
    files = parts.get(FILES)
    return counted_now == expected and (files is None or files.digest == file_days)


def refuse_gone(parts: Mapping[str, StoredPart], months: Collection[str], settings: TelemetrySettings) -> list[str]:
    """Sentences on what the base table was made of and will not be any more, as the user has asked for it.

    Raises StorageError for landed months that are gone though nobody has said that they may: what landed is kept.
    """
    gone = sorted(name for name in parts if name != FILES and name not in months)
    told = []
    if FILES in parts and not settings.telemetry:
        told.append("The base table was made of files, too, which are not set any more: their days are left out.")
    if gone and not settings.reread:
        raise StorageError(
            f"{enumerated(gone)}, of which the base table was made, {'is' if len(gone) == 1 else 'are'} not there any more: put "
            f"the {'file' if len(gone) == 1 else 'files'} back into {FOLDER}, or set telemetry.reread to true once to go on without"
        )
    if gone:
        told.append(
            f"The base table was made of {enumerated(gone)}, too, which {'is' if len(gone) == 1 else 'are'} gone."
        )
    return told


def months_to_read(
    parts: Mapping[str, StoredPart], now: Fingerprint, months: Mapping[str, LandedMonth], today: date
) -> list[str] | None:
    """The labels of the landed months that are to be read, with all others of the same calendar months.

    None where everything is to be read: the files are not what they were.
    """
    files = parts.get(FILES)
    if (now.files and not (files and files.holds(now.of_files, today))) or (files and not now.files):
        return None
    changed = {
        month.manifest.month
        for name, month in months.items()
        if name not in parts or not parts[name].holds(now.months.get(name), today)
    }
    return [name for name, month in months.items() if month.manifest.month in changed]


def read_months(
    con: duckdb.DuckDBPyConnection,
    months: Mapping[str, LandedMonth],
    settings: TelemetrySettings,
    zone: str,
    today: date,
    log: StatusLog,
) -> dict[str, MonthFindings]:
    """Read landed months into the temporary tables of `collecting`. Raises what reading one does, and where two sources have
    the same."""
    found: dict[str, MonthFindings] = {}
    with log.working("reading landed months"), workspace(con, settings, FOLDER):
        for name, month in months.items():
            found[name] = read_month(con, month, settings, zone, today)
        if len({month.manifest.source for month in months.values()}) > 1:
            refuse_two_sources(con)
    return found


def put_months(
    con: duckdb.DuckDBPyConnection,
    months: Mapping[str, LandedMonth],
    findings: Mapping[str, MonthFindings],
    *,
    landed_before: Collection[str],
    with_files: bool,
) -> dict[str, MonthFindings]:
    """Replace calendar months of the base table and its rejects by what was read of them; returns the findings, completed.

    months: all that have landed of these calendar months. landed_before: calendar months that had landed when the base table was
    made, so that it is known already what the files say of them.
    """
    calendar = {month.manifest.month for month in months.values()}
    rows = _OF_LANDED
    if with_files:
        fresh = calendar - set(landed_before)
        con.execute(f"INSERT INTO {BASE_TABLE_FILE_DAYS.name} BY NAME FROM {BASE_TABLE.name} WHERE {within(fresh)}")
        rows += f" UNION ALL {_OF_FILES} ANTI JOIN {DAYS} USING (host_id, resource, ds) WHERE {within(calendar)}"
        in_both = dict(con.execute(_IN_BOTH).fetchall())
        findings = {name: replace(found, days_in_both=in_both.get(name, 0)) for name, found in findings.items()}
    con.execute(f"DELETE FROM {BASE_TABLE.name} WHERE {within(calendar)}")
    insert_in_order(con, BASE_TABLE.name, rows)
    con.execute(f"DELETE FROM {BASE_TABLE_REJECTS.name} WHERE list_contains(?, source)", [list(months)])
    con.execute(f"INSERT INTO {BASE_TABLE_REJECTS.name} BY NAME FROM {REJECTS} ORDER BY ALL")
    return dict(findings)


def within(months: Collection[str]) -> str:
    """A condition on `ds`: in one of these months, YYYY-MM. Months that follow each other are one span."""
    spans: list[tuple[date, date]] = []
    for first, last in map(days_of, sorted(months)):
        follows = bool(spans) and spans[-1][1] + timedelta(days=1) == first
        spans = [*spans[:-1], (spans[-1][0], last)] if follows else [*spans, (first, last)]
    return " OR ".join(f"ds BETWEEN DATE '{first}' AND DATE '{last}'" for first, last in spans) or "false"


def empty_parts(con: duckdb.DuckDBPyConnection) -> None:
    """Begin anew: neither parts nor files' days of landed months."""
    for table in (BASE_TABLE_PARTS, BASE_TABLE_FILE_DAYS):
        stage_table(con, table)
        publish_table(con, table)


def record_parts(con: duckdb.DuckDBPyConnection, parts: Sequence[StoredPart]) -> None:
    """Put these parts in the place of those of the same names."""
    con.execute(f"DELETE FROM {BASE_TABLE_PARTS.name} WHERE list_contains(?, part)", [[part.part for part in parts]])
    columns = ", ".join(BASE_TABLE_PARTS.names)
    for part in parts:
        values = [getattr(part, name) for name in BASE_TABLE_PARTS.names[:-1]]
        con.execute(
            f"INSERT INTO {BASE_TABLE_PARTS.name} ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [*values, part.findings.as_json],
        )


def describe_months(read: int, standing: int) -> str:
    """How many landed months were read, as a sentence; nothing where there are none."""
    if not read + standing:
        return ""
    whole = counted(read + standing, "landed month")
    if not standing:
        return f" Of {whole} all were read." if read > 1 else ""
    return f" Of {whole} {read:,} {'was' if read == 1 else 'were'} read now, and {standing:,} stood as read before."
