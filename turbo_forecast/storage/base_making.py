"""Making the base table anew: whole, or in those calendar months in which something has landed.

Belongs here: the order of reading, judging, putting into the tables and counting. Does not belong here: whether anything needs to be
read (`base_table.py`), how it is read (`telemetry/`), and where a month's rows go (`base_parts.py`).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import duckdb

from turbo_forecast.errors import TelemetryError
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_DAYS, BASE_TABLE_FILE_DAYS, BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.base_digests import by_day, digest_of
from turbo_forecast.storage.base_parts import (
    FILES,
    StoredPart,
    empty_parts,
    put_months,
    read_months,
    record_parts,
    report_of_files,
    within,
)
from turbo_forecast.storage.landed import LandedMonth
from turbo_forecast.storage.telemetry.combined import combined
from turbo_forecast.storage.telemetry.fingerprint import Fingerprint
from turbo_forecast.storage.telemetry.landed_reading import MonthFindings, collecting, judge_units, zone_of
from turbo_forecast.storage.telemetry.reading import read_telemetry
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.telemetry.units import refuse_unknown
from turbo_forecast.storage.warehouse import publish_table, stage_table

LANDED = "landed months"
"""The stage of reading landed months and putting them into the tables."""


@dataclass(slots=True)
class Making:
    """What is read, and what came of it. The caller holds the transaction.

    months: all that have landed, by label; to_read: those that are read; before: the parts that the stored base table is made of,
    which is made anew in the calendar months that are read; none where it is made anew whole.
    """

    con: duckdb.DuckDBPyConnection
    settings: TelemetrySettings
    months: Mapping[str, LandedMonth]
    to_read: Sequence[str]
    before: Mapping[str, StoredPart]
    today: date
    say: Callable[[str], None]
    files: TelemetryReport | None = None
    """What reading the files found, now or before; None where there are none."""
    found: dict[str, MonthFindings] = field(default_factory=dict)
    """What was found in each landed month, now or before."""

    @property
    def held(self) -> dict[str, StoredPart]:
        """The parts that stand as they were read; where there are none, the base table is made anew whole."""
        return {name: part for name, part in self.before.items() if name not in self.to_read}

    def make(self) -> TelemetryReport:
        """Read, put it into the tables, and report on all telemetry.

        Raises what reading files and reading landed months do, and SettingsError for an option about a resource that neither has.
        """
        if not self.months:
            self._read_files()
            self._count_days()
            assert self.files is not None
            return self.files
        zone = zone_of(self.con, list(self.months.values()), self.settings)
        with collecting(self.con):
            seconds = self._timed(lambda: self._read_months(zone))
            notes = judge_units(list(self.found.values()), self.settings)
            self._find_files(zone)
            seconds += self._timed(self._put_months)
        seconds += self._timed(self._count_days)
        spent = dict(self.files.seconds) if self.files and not self.held else {}
        return combined(self.con, self.files, self.found, zone, notes, {**spent, LANDED: round(seconds, 3)})

    def record(self, known: Fingerprint, run_id: str) -> None:
        """Record what the base table is made of. known: by what it can be known, now that it has been read."""
        read: list[StoredPart] = []
        for name in self.to_read:
            of = self.months[name].manifest
            by = known.months.get(name)
            read.append(StoredPart(name, of.source, of.month, by, of.digest, run_id, self.today, self.found[name]))
        if self.files:
            digest = digest_of(self.con, BASE_TABLE_FILE_DAYS.name)
            held = self.held.get(FILES)
            new = StoredPart(FILES, None, None, known.of_files, digest, run_id, self.today, self.files)
            read.append(replace(held, digest=digest) if held else new)
        record_parts(self.con, read)

    def _timed(self, work: Callable[[], None]) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    def _read_months(self, zone: str) -> None:
        for name, part in self.held.items():
            if isinstance(part.findings, MonthFindings):
                self.found[name] = part.findings
        reading = {name: self.months[name] for name in self.to_read}
        self.found |= read_months(self.con, reading, self.settings, zone, self.today, StatusLog(self.say))

    def _find_files(self, zone: str) -> None:
        """Read the files, or recall what reading them found. Raises TelemetryError where their days are of another zone."""
        if self.held:
            self.files = report_of_files(self.held)
        else:
            self._read_files()
        if self.files and self.files.timezone not in ("", zone):
            raise TelemetryError(
                f"the days of the files are those of {self.files.timezone}, the days of the landed months those of {zone}: set "
                f"timezone to {zone}, so that a day is the same in both"
            )

    def _read_files(self) -> None:
        """Empty the tables, and read the files into them, if any are set."""
        con, settings = self.con, self.settings
        base, rejects = stage_table(con, BASE_TABLE), stage_table(con, BASE_TABLE_REJECTS)
        landed = sorted({row.name for month in self.found.values() for row in month.resources if row.resource})
        if settings.telemetry or not self.months:
            self.files = read_telemetry(
                con,
                settings,
                today=self.today,
                base_table=base,
                rejects_table=rejects,
                log=self.say,
                elsewhere=landed,
            )
        else:
            refuse_unknown(landed, settings)
        publish_table(con, BASE_TABLE)
        publish_table(con, BASE_TABLE_REJECTS)
        empty_parts(con)

    def _put_months(self) -> None:
        reading = {name: self.months[name] for name in self.to_read}
        read = {name: self.found[name] for name in self.to_read}
        landed_before = {part.month for part in self.before.values() if part.month and self.held}
        self.found |= put_months(
            self.con, reading, read, landed_before=landed_before, with_files=self.files is not None
        )

    def _count_days(self) -> None:
        """The digests of the days that were replaced."""
        if not self.held:
            count_days(self.con)
            return
        condition = within({self.months[name].manifest.month for name in self.to_read})
        self.con.execute(f"DELETE FROM {BASE_TABLE_DAYS.name} WHERE {condition}")
        rows = f"(SELECT * FROM {BASE_TABLE.name} WHERE {condition})"
        self.con.execute(f"INSERT INTO {BASE_TABLE_DAYS.name} BY NAME {by_day(rows)}")


def count_days(con: duckdb.DuckDBPyConnection) -> None:
    """The digests of all days of the base table, in the place of those of before."""
    days = stage_table(con, BASE_TABLE_DAYS)
    con.execute(f'INSERT INTO "{days}" BY NAME {by_day()}')
    publish_table(con, BASE_TABLE_DAYS)
