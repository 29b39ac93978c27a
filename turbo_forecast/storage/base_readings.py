"""The readings of telemetry that base tables were made of, as they are on record, and whether the last one still holds.

Belongs here: what a run is told of the reading it works with. Does not belong here: reading (`base_table.py`), and by what
telemetry is known (`telemetry/fingerprint`).
"""

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from turbo_forecast.errors import StorageError
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import (
    BASE_TABLE,
    BASE_TABLE_DAYS,
    BASE_TABLE_FILE_DAYS,
    BASE_TABLE_PARTS,
    BASE_TABLE_REJECTS,
)
from turbo_forecast.storage.base_digests import digest_of, digest_of_days
from turbo_forecast.storage.base_parts import FILES, are_stored, describe_months, holds_today, stored_parts
from turbo_forecast.storage.telemetry.fingerprint import Fingerprint
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.versions import columns_to_add
from turbo_forecast.storage.warehouse import has_table

IS_LAST = "number = (SELECT max(number) FROM base_table_runs)"
"""Of a row of base_table_runs: it is the last one's."""
_LAST_READING = f"""
    SELECT last.telemetry, last.digest, read.run_id, read.written_at, read.read_on, read.report
    FROM (SELECT * FROM base_table_runs WHERE {IS_LAST}) AS last
    JOIN base_table_runs AS read ON read.number = last.read_in
    WHERE read.read_on IS NOT NULL AND read.report IS NOT NULL
"""


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
    of_files: TelemetryReport | None = None
    """What is told of the files alone; None where there are none."""
    to_be_read_again: str = ""
    """Why the next run cannot tell whether the telemetry has changed; empty where it can."""
    months_read: int = 0
    """Landed months that this run read."""
    months_standing: int = 0
    """Landed months that are as they were read before."""
    no_longer: tuple[str, ...] = ()
    """What the base table was made of before and is not any more: sentences."""

    def describe(self) -> str:
        """What happened, as a paragraph a person can check."""
        if self.is_new:
            months = describe_months(self.months_read, self.months_standing)
            again = f" The next run reads it again: {self.to_be_read_again}." if self.to_be_read_again else ""
            return self.report.describe() + months + "".join(f" {said}" for said in self.no_longer) + again
        said = []
        if self.files:
            same = "of the same size and time" if self.files == 1 else "of the same sizes and times"
            said.append(f"{counted(self.files, 'file')} {same}")
        if self.months_standing:
            said.append(f"{counted(self.months_standing, 'landed month')} of the same rows")
        return (
            f"The telemetry is unchanged since run {self.run_id[:8]} ({self.read_at:%Y-%m-%d %H:%M} UTC): "
            f"{' and '.join(said)}; it was not read again."
        )


@dataclass(frozen=True, slots=True)
class LastReading:
    """The last reading on record. telemetry: what it is known by; digest: of the base table it left."""

    telemetry: str | None
    digest: str
    run_id: str
    read_at: datetime
    read_on: date
    report: TelemetryReport

    def is_of(self, now: Fingerprint, today: date) -> bool:
        """Whether it was of the telemetry that is there now."""
        is_known = now.digest is not None and now.digest == self.telemetry
        return is_known and holds_today(self.read_on, self.report.rejects, today)


def last_reading(con: duckdb.DuckDBPyConnection) -> LastReading | None:
    """The last reading; None where there is none on record."""
    found = con.execute(_LAST_READING).fetchall()
    if not found:
        return None
    telemetry, digest, run_id, read_at, read_on, text = found[0]
    try:
        return LastReading(telemetry, digest, run_id, read_at, read_on, TelemetryReport.of_json(text))
    except ValueError:
        return None


def is_as_left(con: duckdb.DuckDBPyConnection, last: LastReading) -> bool:
    """Whether the tables are as the last reading left them: somebody may have changed them by hand."""
    tables = (BASE_TABLE, BASE_TABLE_DAYS, BASE_TABLE_REJECTS, BASE_TABLE_PARTS, BASE_TABLE_FILE_DAYS)
    try:
        if not all(has_table(con, table) and not columns_to_add(con, table) for table in tables):
            return False
    except StorageError:
        return False
    if not digest_of_days(con) == digest_of(con, BASE_TABLE.name) == last.digest:
        return False
    parts = stored_parts(con)
    months = sum(name != FILES for name in parts)
    return months == last.report.landed_months and are_stored(con, parts, digest_of(con, BASE_TABLE_FILE_DAYS.name))
