"""Reading a landed month: its rows to one value a series and day, by the same rules as those of files.

Belongs here: one month after the other, each by itself, so that one that is as it was need not be read again. Does not belong
here: which months are read, and what is replaced by them (`storage/base_parts.py`); files (`reading`).

Of files much has to be found out over all of them together: which column is what, how names are written, whose zone counts.
Of a landed month it is known: its columns are those of `sources/protocol.py`, its times are instants, its window is a month of
its manifest's calendar, its values are in percent unless the settings say otherwise. So months are independent of each other.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import pyarrow as pa
from pydantic import TypeAdapter

from turbo_forecast.errors import SettingsError, StorageError, TelemetryError
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.datasets import duckdb_path
from turbo_forecast.storage.landed import FOLDER, LandedMonth
from turbo_forecast.storage.telemetry import units, validation
from turbo_forecast.storage.telemetry.days import fill_days, fill_rejects, kept_values
from turbo_forecast.storage.telemetry.layout import Layout
from turbo_forecast.storage.telemetry.month_clock import MonthClock
from turbo_forecast.storage.telemetry.name_cleaning import clean
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.profile import ResourceProfile, profiled
from turbo_forecast.storage.telemetry.sql import literal
from turbo_forecast.storage.telemetry.survey import Names, Survey
from turbo_forecast.storage.telemetry.values import create_cells, create_values
from turbo_forecast.storage.telemetry.wording import names, shown
from turbo_forecast.storage.telemetry.zones import known_zone

LABEL = f"{FOLDER}:"
"""With what a landed month's name begins. No file of telemetry can be called so: all of them have a suffix."""
LAYOUT = Layout("long", "host_id", "timestamp", "resource", "value", ignored=("labels",))
TYPES = {"host_id": "VARCHAR", "resource": "VARCHAR", "timestamp": "TIMESTAMP WITH TIME ZONE", "value": "DOUBLE"}
"""The columns that are read, with DuckDB's types."""
DAYS, REJECTS = "landed_days", "landed_rejects"
"""Temporary tables of what was read: the base table's columns and `part`, and those of its rejects."""


@dataclass(frozen=True, slots=True)
class MonthFindings:
    """What reading a landed month found. values = kept + all rejects: nothing is lost."""

    values: int
    kept: int
    """Values that went into a day's statistic."""
    clipped: int
    """Of these, those a little above 100 percent, which count as 100."""
    rejects: dict[str, int]
    """Values that did not, by reason."""
    resources: list[ResourceProfile]
    changed: list[tuple[str, str]]
    """Names that are not as found, with what they became."""
    days_in_both: int = 0
    """Days of series that the files have, too."""

    @property
    def as_json(self) -> str:
        """All of it as JSON text."""
        return _JSON.dump_json(self).decode()

    @classmethod
    def of_json(cls, text: str) -> "MonthFindings":
        """The findings of which `text` is the JSON. Raises ValueError where it is none."""
        return _JSON.validate_json(text)


_JSON = TypeAdapter(MonthFindings)


def label(month: LandedMonth) -> str:
    """What a landed month is called in the rejects, the report and messages: the same wherever the data folder lies."""
    return f"{LABEL}{month.manifest.source}/{month.manifest.month}"


def days_of(month: str) -> tuple[date, date]:
    """The first and the last day of a month, YYYY-MM. Raises StorageError where it is none."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise StorageError(f"a landed month says that it is of {shown(month)}, which is no month") from None
    return first, first.replace(day=monthrange(first.year, first.month)[1])


def by_label(months: Sequence[LandedMonth]) -> dict[str, LandedMonth]:
    """The landed months by their labels. Raises StorageError for two that are of the same source and month."""
    found: dict[str, LandedMonth] = {}
    for month in months:
        days_of(month.manifest.month)
        other = found.setdefault(label(month), month)
        if other is not month:
            raise StorageError(f"{other.path} and {month.path} both say that they are {label(month)}: move one away")
    return found


def zone_of(con: duckdb.DuckDBPyConnection, months: Sequence[LandedMonth], settings: TelemetrySettings) -> str:
    """The zone whose days all the months are of.

    Raises SettingsError where another one is set, TelemetryError where months are of two: by another calendar the days at a
    month's edges would be cut in two, and a value that is of a whole day would be moved to the day before or after.
    """
    written: dict[str, LandedMonth] = {}
    for month in months:
        written.setdefault(month.manifest.zone, month)
    zones = {known_zone(con, zone): month for zone, month in reversed(written.items())}
    asked = known_zone(con, settings.timezone) if settings.timezone else ""
    for zone, month in zones.items():
        if asked and zone != asked:
            raise SettingsError(
                f"{label(month)} has landed by the days of {zone}, but timezone is {asked}: set timezone to {zone}, or "
                "have the source's months land again"
            )
    if len(zones) > 1:
        (two, second), (one, first) = list(zones.items())[-2:]
        raise TelemetryError(
            f"{label(first)} has landed by the days of {one}, {label(second)} by those of {two}: have the months of one of "
            "them land again, by the other's days"
        )
    return next(iter(zones))


@contextmanager
def collecting(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """The temporary tables that months are read into, empty; they are gone afterwards. The caller holds a transaction."""
    for name, table in ((DAYS, BASE_TABLE), (REJECTS, BASE_TABLE_REJECTS)):
        con.execute(table.ddl(name).replace("CREATE TABLE IF NOT EXISTS", "CREATE OR REPLACE TEMP TABLE"))
    con.execute(f"ALTER TABLE {DAYS} ADD COLUMN part VARCHAR")
    yield
    for name in (DAYS, REJECTS):  # after an error inside DuckDB the caller's rollback removes them
        con.execute(f"DROP TABLE {name}")


def read_month(
    con: duckdb.DuckDBPyConnection, month: LandedMonth, settings: TelemetrySettings, zone: str, today: date
) -> MonthFindings:
    """Read a landed month into the temporary tables of `collecting`. zone: of `zone_of`.

    Raises StorageError for a file that has not a landed month's columns or holds values of other months, TelemetryError for
    values that settings make an error. The caller holds the workspace.
    """
    part = _part(con, month)
    clock = MonthClock(
        ("make_timestamp(epoch_us(timestamp))",),
        ("CAST(make_timestamp(epoch_us(timestamp)) AS VARCHAR) || '+00'",),
        zone,
        *days_of(month.manifest.month),
    )
    survey = _names(con, part)
    create_cells(con, [part], LAYOUT, clock, survey, settings)
    own = units.for_each(survey.resources, settings, _named(settings))
    tomorrow = clock.start_of(con, today + timedelta(days=1))
    create_values(
        con,
        percent=units.percent("number", "resource", own),
        usable=validation.usable(own, tomorrow),
        reason=validation.reason(own, tomorrow),
        day=clock.day("moment"),
    )
    _refuse_other_days(con, month)
    profile = profiled(con, own.overshoot_percent)
    if own.on_future_dates == "error":
        validation.refuse_future(con, profile, today)
    fill_days(con, profile, own, clock)
    if own.on_conflicting_duplicates == "error":
        validation.refuse_conflicts(con)
    values, (kept, clipped, _) = sum(row.cells for row in profile), kept_values(con)
    rejects = fill_rejects(con, values - kept, part.names[0])
    con.execute(
        f"INSERT INTO {DAYS} BY NAME SELECT host_id, resource, ds, y, ? AS part FROM telemetry_days WHERE kept > 0",
        part.names,
    )
    con.execute(f"INSERT INTO {REJECTS} BY NAME FROM telemetry_rejects")
    changed = sorted(survey.changed_names)
    return MonthFindings(values, kept, clipped, rejects, profile, changed)


def _named(settings: TelemetrySettings) -> list[str]:
    """Resources that options name: a month need not have them, as another may."""
    return [name for option in (settings.capacity, settings.units, settings.statistics) for name in option]


def _part(con: duckdb.DuckDBPyConnection, month: LandedMonth) -> Part:
    relation = f"read_parquet({literal(duckdb_path(str(month.path)))}, hive_partitioning = false)"
    try:
        columns = {row[0]: row[1] for row in con.execute(f"DESCRIBE FROM {relation}").fetchall()}
    except duckdb.Error as error:
        raise StorageError(f"{month.path} cannot be read: {' '.join(str(error).split())}") from None
    wrong = [name for name, dtype in TYPES.items() if columns.get(name) != dtype]
    if wrong:
        raise StorageError(
            f"{month.path} is no landed month: {wrong[0]} is {columns.get(wrong[0], 'not there')}, not {TYPES[wrong[0]]}"
        )
    return Part(relation, literal(label(month)), columns, (label(month),), "parquet", (str(month.path),))


def _names(con: duckdb.DuckDBPyConnection, part: Part) -> Survey:
    """The month's hosts and resources, each cleaned for itself: what a name becomes must not depend on the month's others."""
    keys = ("host_id", "resource")
    found = [{row[0] for row in con.execute(f"SELECT DISTINCT {key} FROM {part.relation}").fetchall()} for key in keys]
    hosts, resources = ({name: clean(name) for name in names} for names in found)
    survey = Survey(resources={name: name for name in resources.values() if name})
    survey.changed_names = {
        (name, new) for cleaned in (hosts, resources) for name, new in cleaned.items() if new and name != new
    }
    as_they_stand = all(name == new for cleaned in (hosts, resources) for name, new in cleaned.items())
    survey.names.append(Names("" if as_they_stand else "telemetry_names", keys))
    if not as_they_stand:
        pairs = con.execute(f"SELECT DISTINCT host_id, resource FROM {part.relation}").fetchall()
        columns = {
            "telemetry_k0": [host for host, _ in pairs],
            "telemetry_k1": [resource for _, resource in pairs],
            "telemetry_host": [hosts[host] for host, _ in pairs],
            "telemetry_resource": [resources[resource] for _, resource in pairs],
        }
        con.register(
            "telemetry_named", pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
        )
        con.execute("CREATE OR REPLACE TEMP TABLE telemetry_names AS FROM telemetry_named")
        con.unregister("telemetry_named")
    return survey


def _refuse_other_days(con: duckdb.DuckDBPyConnection, month: LandedMonth) -> None:
    """StorageError for values of days outside the month: whoever replaces the month's days would not replace these."""
    first, last = days_of(month.manifest.month)
    query = "SELECT min(ds), max(ds) FROM telemetry_values"
    for day in con.execute(query).fetchall()[0]:
        if day is not None and not first <= day <= last:
            raise StorageError(
                f"{month.path} holds values of {day}, which is not in {month.manifest.month} by the calendar of "
                f"{month.manifest.zone}: have the month land again"
            )


def refuse_two_sources(con: duckdb.DuckDBPyConnection) -> None:
    """TelemetryError where two sources have the same day of a series: which of them were right, nobody has said."""
    twice = f"""
        SELECT host_id, resource, ds, min(part) AS one, max(part) AS other FROM {DAYS}
        GROUP BY host_id, resource, ds HAVING min(part) <> max(part)
    """
    days, series = con.execute(f"SELECT count(*), count(DISTINCT (host_id, resource)) FROM ({twice})").fetchall()[0]
    if days:
        host, resource, day, one, other = con.execute(f"FROM ({twice}) ORDER BY ALL LIMIT 1").fetchall()[0]
        raise TelemetryError(
            f"{one} and {other} both have {shown(host)}/{shown(resource)} on {day} ({counted(days, 'such day')} of "
            f"{series:,} series): leave it out of one source's query, and have that source's month land again"
        )


def judge_units(findings: Sequence[MonthFindings], settings: TelemetrySettings) -> list[str]:
    """Judge resources over all landed months together, and return a clause on each that may be in fractions.

    Raises TelemetryError for a resource too many of whose values are above capacity.
    """
    totals = [_total(rows) for rows in _by_resource(findings).values()]
    own = units.for_each({row.name: row.name for row in totals}, settings, _named(settings))
    wrong = [row for row in totals if units.is_far_over(row, own)]
    if wrong:
        row = wrong[0]
        raise TelemetryError(
            f"{names(row.name for row in wrong)} of the landed months cannot be percent of capacity: {row.above:,} of "
            f"{counted(row.measured, 'value')} of {shown(row.name)} are above {own.overshoot_percent:g}; correct the source's query, "
            "or set capacity to what 100 percent is in its unit"
        )
    doubtful = [row.name for row in totals if units.looks_like_fraction(row, own)]
    if not doubtful:
        return []
    return [
        f"landed values of {names(doubtful)} all lie between 0 and 1 and are taken as percent: set units (fraction, or "
        "percent to confirm)"
    ]


def _by_resource(findings: Sequence[MonthFindings]) -> dict[str, list[ResourceProfile]]:
    found: dict[str, list[ResourceProfile]] = {}
    for row in (row for month in findings for row in month.resources if row.resource is not None):
        found.setdefault(row.name, []).append(row)
    return dict(sorted(found.items()))


def _total(rows: Sequence[ResourceProfile]) -> ResourceProfile:
    """One profile of several: all but the name are counts."""
    counts = (name for name in ResourceProfile.__slots__ if name != "resource")
    return ResourceProfile(rows[0].resource, **{name: sum(getattr(row, name) for row in rows) for name in counts})
