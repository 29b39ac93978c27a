"""Telemetry to the base table: a profile, one bulk pass, and a second look at what was rejected, if anything was.

Belongs here: the order of the stages, DuckDB's limits while they run, and the count that proves nothing was lost.
Does not belong here: what is usable (`judgement`), what a value means (`units`, `clock`), the statements (`*.sql`).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb
import polars as pl

from turbo_forecast.errors import SettingsError, StorageError, TelemetryError
from turbo_forecast.leftovers import temporary_folder
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.telemetry import judgement, roles, units
from turbo_forecast.storage.telemetry.clock import Clock, joined_times, read_clock
from turbo_forecast.storage.telemetry.layout import Layout, chosen_layout
from turbo_forecast.storage.telemetry.limits import limited
from turbo_forecast.storage.telemetry.messages import UNREADABLE, brief, shortened, unreadable
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.profile import ResourceProfile, profiled
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.telemetry.sampling import Everything
from turbo_forecast.storage.telemetry.sources import Sources, opened
from turbo_forecast.storage.telemetry.sql import identifier, listed, literal, rendered
from turbo_forecast.storage.telemetry.survey import Survey, surveyed
from turbo_forecast.storage.telemetry.values import create_cells, create_values
from turbo_forecast.storage.telemetry.wording import shown

DAILY_STATISTIC = {
    # Sums of whole 1e-12 percentage points do not depend on the order threads add them in, as sums of doubles do.
    # A day of equal values, such as one value a day, stays what it is to the last bit.
    "mean": """CASE
        WHEN min(low) FILTER (low = high) = max(low) FILTER (low = high) THEN least(100, min(low) FILTER (low = high))
        ELSE sum(CAST(round(least(low, 100) * 1e12) AS BIGINT)) FILTER (low = high)
            / count(*) FILTER (low = high) / 1e12
    END""",
    "max": "least(100, max(low) FILTER (low = high))",
}
STAGES = {
    "columns": "finding what its columns are",
    "profile": "judging its values",
    "days": "making one value a day",
    "rejects": "collecting the values that cannot be used",
    "write": "writing the tables",
}
"""What a person is told of a stage that takes long."""


SORTED_ROWS = 10_000_000
"""Days that are sorted at a time: half a gigabyte."""


@dataclass(slots=True)
class Stopwatch:
    """Wall seconds per stage, and a word of the one that takes long."""

    log: StatusLog
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside, under `name`."""
        start = time.perf_counter()
        try:
            with self.log.working(f"reading telemetry: {STAGES[name]}"):
                yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)


def read_telemetry(
    con: duckdb.DuckDBPyConnection,
    settings: TelemetrySettings,
    *,
    today: date,
    base_table: str = BASE_TABLE.name,
    rejects_table: str = BASE_TABLE_REJECTS.name,
    say: Callable[[str], None] = lambda line: None,
    portion: Everything | None = None,
) -> TelemetryReport:
    """Read the telemetry that `settings` name into two empty tables, made by the caller from their schemas' DDL.

    `base_table` gets one row per series and day (percent of capacity, in [0, 100]), sorted by host_id, resource, ds;
    `rejects_table` one row per value that could not be used. Days after `today` are refused or rejected. The caller
    holds a transaction on `con`; memory stays within settings.memory_limit, DuckDB spills beside its file beyond it.
    `say` is called, from another thread, with a line now and then while reading takes long. `portion` leaves out part of the
    telemetry; a run reads all of it.

    Raises SettingsError or TelemetryError, in one sentence, before anything is written to either table.
    """
    log, portion = StatusLog(say), portion or Everything()
    with log.working("reading telemetry"), limited(con, settings.memory_limit), _scratch(con):
        try:
            with opened(con, settings, portion.files) as sources:
                return _read(con, settings, sources, portion, today, base_table, rejects_table, Stopwatch(log))
        except duckdb.OutOfMemoryException as error:
            _refuse_full_disk(error)
            raise SettingsError(
                f"memory_limit {settings.memory_limit} is too little for this telemetry: {shortened(error)}"
            ) from None
        except duckdb.Error as error:
            _refuse_full_disk(error)
            if isinstance(error, UNREADABLE) or type(error) is duckdb.Error:  # a damaged Parquet page has no class
                raise TelemetryError(unreadable(settings.telemetry, error)) from None
            raise


def _refuse_full_disk(error: duckdb.Error) -> None:
    """Raises StorageError where it is no fault of the telemetry: DuckDB found no room to write or to spill."""
    if "No space left" in str(error) or "max_temp_directory_size" in str(error):
        raise StorageError(f"no space is left on the disk to which DuckDB writes: {shortened(error)}") from error


def read_telemetry_frames(
    settings: TelemetrySettings, *, today: date
) -> tuple[pl.DataFrame, pl.DataFrame, TelemetryReport]:
    """The base table and the rejects as Polars frames, and the report, without any warehouse.

    Errors as `read_telemetry`. The result is held in memory; what leads to it spills to a temporary folder.
    """
    with temporary_folder("turbo-forecast-telemetry-") as folder, duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(f"SET temp_directory = {literal(str(folder / 'spill'))}")
        for table in (BASE_TABLE, BASE_TABLE_REJECTS):
            con.execute(table.ddl())
        report = read_telemetry(con, settings, today=today)
        base, rejects = (con.sql(f"FROM {table.name}").pl() for table in (BASE_TABLE, BASE_TABLE_REJECTS))
        return base, rejects, report


def _read(
    con: duckdb.DuckDBPyConnection,
    settings: TelemetrySettings,
    sources: Sources,
    portion: Everything,
    today: date,
    base_table: str,
    rejects_table: str,
    watch: Stopwatch,
) -> TelemetryReport:
    with watch.stage("columns"):
        parts, settings = joined_times(portion.rows(con, sources.parts), sources.settings)
        layout = chosen_layout(con, parts, settings)
        _refuse_absent(parts, layout)
        parts, layout = portion.hosts(con, parts, layout)
        clock = read_clock(con, parts, layout.time, settings)
        survey = surveyed(con, parts, layout, settings)
        create_cells(con, parts, layout, clock, survey, settings)
        roles.refuse_measurements_as_hosts(con, parts, layout, survey)
        roles.refuse_labels_as_resources(con, parts, layout, clock, settings)
        settings = units.for_each(survey.resources, settings)
        tomorrow = clock.start_of(con, today + timedelta(days=1))
        create_values(
            con,
            percent=units.percent("number", "resource", settings),
            usable=judgement.usable(settings, tomorrow),
            reason=judgement.reason(settings, tomorrow),
            day=clock.day("moment"),
        )
    with watch.stage("profile"):
        profile = profiled(con, settings.overshoot_percent)
        _refuse(con, profile, layout, settings, today)
    with watch.stage("days"):
        _fill_days(con, profile, settings, clock)
        if judgement.has_conflicts(con):
            roles.refuse_labels_in_conflicts(con, parts, layout, clock, settings)
            if settings.on_conflicting_duplicates == "error":
                judgement.refuse_conflicts(con)
    with watch.stage("rejects"):
        values_read = sum(row.cells for row in profile)
        values_kept, clipped = _kept(con, settings)
        rejects = _fill_rejects(con, values_read - values_kept, settings)
    with watch.stage("write"):
        _write(con, base_table, rejects_table)
    if settings.timezone and not clock.zone:
        sources.notes.append(
            f"times have no zone: days are as written, and timezone {settings.timezone} changes nothing"
        )
    return _report(
        con, sources, parts, layout, survey, clock, values_read, values_kept, clipped, rejects, watch.seconds
    )


def _refuse_absent(parts: list[Part], layout: Layout) -> None:
    """TelemetryError for files without one of the columns that every row needs: they are of another kind."""
    needed = [layout.host, layout.time, layout.resource, layout.value] if layout.kind == "long" else [layout.time]
    for part in parts:
        missing = [name for name in (*needed, layout.host) if name and name in part.absent]
        if not missing and all(name in part.absent for name in layout.value_columns):
            missing = list(layout.value_columns)
        if missing:
            first = next(other for other in parts if missing[0] not in other.absent)
            raise TelemetryError(
                f"files have different columns: {brief(part.names[0])} has no column {shown(missing[0])}, which "
                f"{brief(first.names[0])} has; give files of one kind, by a glob, say"
            )


def _write(con: duckdb.DuckDBPyConnection, base_table: str, rejects_table: str) -> None:
    con.execute("SET preserve_insertion_order = true")
    con.execute(f"INSERT INTO {identifier(rejects_table)} BY NAME FROM telemetry_rejects ORDER BY ALL")
    for first, last in _host_ranges(con):
        con.execute(
            f"INSERT INTO {identifier(base_table)} BY NAME SELECT host_id, resource, ds, y FROM telemetry_days "
            "WHERE kept > 0 AND host_id BETWEEN ? AND ? ORDER BY host_id, resource, ds",
            [first, last],
        )


def _host_ranges(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """The first and last host of ranges that hold every host once, in order, of some SORTED_ROWS days each.

    Sorting a large fleet in one go needs more memory than there is, whatever DuckDB spills.
    """
    hosts = [
        host
        for (host,) in con.execute("SELECT DISTINCT host_id FROM telemetry_days WHERE kept > 0 ORDER BY ALL").fetchall()
    ]
    days = con.execute("SELECT count(*) FROM telemetry_days").fetchall()[0][0]
    size = max(1, -(-len(hosts) * SORTED_ROWS // max(days, 1)))
    ranges = [hosts[start : start + size] for start in range(0, len(hosts), size)]
    return [(few[0], few[-1]) for few in ranges]


def _refuse(
    con: duckdb.DuckDBPyConnection,
    profile: list[ResourceProfile],
    layout: Layout,
    settings: TelemetrySettings,
    today: date,
) -> None:
    """Every error about values that can be told without looking at moments."""
    if not profile:
        raise TelemetryError(f"{brief(settings.telemetry)} has columns but not one row")
    named = [row for row in profile if row.resource is not None]
    judgement.refuse_text(con, profile, layout, settings)
    units.refuse_unconfirmed_fractions(named, settings)
    units.refuse_other_units(con, named, settings)
    if settings.on_future_dates == "error":
        judgement.refuse_future(con, profile, today)
    if not any(row.usable for row in profile):
        reasons = con.execute("SELECT reason, count(*) FROM telemetry_values GROUP BY ALL ORDER BY ALL").fetchall()
        told = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
        raise TelemetryError(f"{brief(settings.telemetry)} has no usable value: {told}")


def _fill_days(
    con: duckdb.DuckDBPyConnection, profile: list[ResourceProfile], settings: TelemetrySettings, clock: Clock
) -> None:
    """The bulk pass, once per statistic in use; a statistic's pass keeps only its own resources."""
    con.execute("""
        CREATE OR REPLACE TEMP TABLE telemetry_days (
            host_id VARCHAR, resource VARCHAR, ds DATE, y DOUBLE,
            kept INTEGER, cells INTEGER, conflicting INTEGER, clipped INTEGER
        )
    """)
    if clock.has_plain_days and not any(row.off_midnight for row in profile):
        con.execute(rendered("days_daily"))
        return
    groups: dict[str, list[str]] = {}
    for row in profile:
        if row.resource is not None:
            name = row.name
            groups.setdefault(settings.statistics.get(name, settings.statistic), []).append(name)
    for statistic, names in groups.items():
        only = f" AND resource IN {_tuple(names)}" if len(groups) > 1 else ""
        if statistic == "p95":
            con.execute(rendered("days_p95", day=clock.day("moment"), only=only))
        else:
            con.execute(rendered("days", day=clock.day("moment"), y=DAILY_STATISTIC[statistic], only=only))


def _tuple(names: list[str]) -> str:
    return "(" + listed(literal(name) for name in names)[1:-1] + ")"


def _kept(con: duckdb.DuckDBPyConnection, settings: TelemetrySettings) -> tuple[int, int]:
    """Values kept and clipped. Raises TelemetryError when none is kept: an empty base table replaces nothing."""
    query = "SELECT sum(kept), sum(clipped), sum(conflicting) FROM telemetry_days"
    kept, clipped, conflicting = con.execute(query).fetchall()[0]
    if not kept:
        raise TelemetryError(
            f"{brief(settings.telemetry)} would leave no day in the base table: all of its {int(conflicting or 0):,} usable "
            "values are contradicted by other values of the same moment; correct the export"
        )
    return int(kept), int(clipped)


def _fill_rejects(con: duckdb.DuckDBPyConnection, expected: int, settings: TelemetrySettings) -> dict[str, int]:
    """Collect the rejected values and count them by reason, most first; they must be as many as were not kept."""
    con.execute(BASE_TABLE_REJECTS.ddl("telemetry_rejects").replace("CREATE TABLE", "CREATE TEMP TABLE"))
    if expected:
        con.execute(rendered("rejects"))
    query = "SELECT reason, count(*) FROM telemetry_rejects GROUP BY reason ORDER BY count(*) DESC, reason"
    rejects: dict[str, int] = dict(con.execute(query).fetchall())
    if sum(rejects.values()) != expected:
        raise TelemetryError(
            f"{brief(settings.telemetry)} changed while it was read: {counted(expected, 'value was', 'values were')} not kept, but "
            f"{counted(sum(rejects.values()), 'was', 'were')} found on the second look; read it again once the export is complete"
        )
    return rejects


def _report(
    con: duckdb.DuckDBPyConnection,
    sources: Sources,
    parts: list[Part],
    layout: Layout,
    survey: Survey,
    clock: Clock,
    values_read: int,
    values_kept: int,
    clipped: int,
    rejects: dict[str, int],
    seconds: dict[str, float],
) -> TelemetryReport:
    query = "SELECT count(*), min(ds), max(ds) FROM telemetry_days WHERE kept > 0"
    rows, first, last = con.execute(query).fetchall()[0]
    series, hosts, resources = con.execute("""
        SELECT count(*), count(DISTINCT host_id), list_sort(list(DISTINCT resource))
        FROM (SELECT host_id, resource FROM telemetry_days WHERE kept > 0 GROUP BY ALL)
    """).fetchall()[0]
    return TelemetryReport(
        sources=list(dict.fromkeys(name for part in sources.parts for name in part.names)),
        notes=sources.notes,
        computed=sources.computed,
        layout=layout.kind,
        columns=layout.columns,
        guesses=layout.guesses,
        left_out=survey.left_out,
        names_changed=survey.changed,
        look_alikes=survey.look_alikes,
        timezone=clock.zone,
        rows_read=_rows_read(con, parts, layout, values_read),
        values_read=values_read,
        values_kept=values_kept,
        rejects=rejects,
        clipped=clipped,
        rows_kept=rows,
        series=series,
        hosts=hosts,
        resources=resources,
        first_day=first,
        last_day=last,
        seconds=seconds,
    )


def _rows_read(con: duckdb.DuckDBPyConnection, parts: list[Part], layout: Layout, values_read: int) -> int:
    """Rows of all parts; they are counted only where a wide column is absent from some."""
    if not any(part.absent.intersection(layout.resources) for part in parts):
        return values_read // (len(layout.resources) or 1)
    return sum(int(con.execute(f"SELECT count(*) FROM {part.relation}").fetchall()[0][0]) for part in parts)


@contextmanager
def _scratch(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Leave no helper view or table behind; after an error inside DuckDB the caller's rollback removes them."""
    yield
    for view in ("telemetry_values", "telemetry_cells"):
        con.execute(f"DROP VIEW IF EXISTS {view}")
    query = "SELECT table_name FROM duckdb_tables() WHERE temporary AND table_name LIKE 'telemetry\\_%' ESCAPE '\\'"
    for (table,) in con.execute(query).fetchall():
        con.execute(f"DROP TABLE {identifier(table)}")
