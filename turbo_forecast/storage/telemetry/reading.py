"""Telemetry to the base table: a profile, one bulk pass, and a second look at what was rejected, if anything was.

Belongs here: the order of the stages, and the count that proves nothing was lost. Does not belong here: what is usable
(`validation`), what a value means (`units`, `clock`), the pass itself (`days`), the statements (`*.sql`).
"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb
import polars as pl

from turbo_forecast.errors import TelemetryError
from turbo_forecast.leftovers import temporary_folder
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.ordered_rows import insert_in_order
from turbo_forecast.storage.telemetry import roles, units, validation
from turbo_forecast.storage.telemetry.clock import Clock, joined_times, read_clock
from turbo_forecast.storage.telemetry.days import fill_days, fill_rejects, kept_values
from turbo_forecast.storage.telemetry.layout import Layout, chosen_layout
from turbo_forecast.storage.telemetry.messages import brief
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.profile import ResourceProfile, profiled
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.telemetry.sampling import Everything
from turbo_forecast.storage.telemetry.sources import Sources, opened
from turbo_forecast.storage.telemetry.sql import identifier, literal
from turbo_forecast.storage.telemetry.survey import Survey, surveyed
from turbo_forecast.storage.telemetry.values import create_cells, create_values
from turbo_forecast.storage.telemetry.wording import shown
from turbo_forecast.storage.telemetry.workspace import workspace

STAGES = {
    "columns": "finding what its columns are",
    "profile": "validating its values",
    "days": "making one value a day",
    "rejects": "collecting the values that cannot be used",
    "write": "writing the tables",
}
"""The log line of a stage that takes long."""


@dataclass(slots=True)
class Stopwatch:
    """Wall seconds per stage, and a word of the one that takes long."""

    status: StatusLog
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside, under `name`."""
        start = time.perf_counter()
        try:
            with self.status.working(f"reading telemetry: {STAGES[name]}"):
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
    log: Callable[[str], None] = lambda line: None,
    portion: Everything | None = None,
    elsewhere: Collection[str] = (),
) -> TelemetryReport:
    """Read the telemetry that `settings` name into two empty tables, made by the caller from their schemas' DDL.

    `base_table` gets one row per series and day (percent of capacity, in [0, 100]), sorted by host_id, resource, ds;
    `rejects_table` one row per value that could not be used. Days after `today` are refused or rejected. The caller
    holds a transaction on `con`; memory stays within settings.memory_limit, DuckDB spills beside its file beyond it.
    `log` is called, from another thread, with a line now and then while reading takes long. `portion` leaves out part of the
    telemetry; a run reads all of it. `elsewhere`: resources that other telemetry has, which options may name, too.

    Raises SettingsError or TelemetryError, in one sentence, before anything is written to either table.
    """
    status, portion = StatusLog(log), portion or Everything()
    with (
        status.working("reading telemetry"),
        workspace(con, settings, settings.telemetry),
        opened(con, settings, portion.files) as sources,
    ):
        return _read(con, settings, sources, portion, today, base_table, rejects_table, Stopwatch(status), elsewhere)


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
    elsewhere: Collection[str],
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
        settings = units.for_each(survey.resources, settings, elsewhere)
        tomorrow = clock.start_of(con, today + timedelta(days=1))
        create_values(
            con,
            percent=units.percent("number", "resource", settings),
            usable=validation.usable(settings, tomorrow),
            reason=validation.reason(settings, tomorrow),
            day=clock.day("moment"),
        )
    with watch.stage("profile"):
        profile = profiled(con, settings.overshoot_percent)
        _refuse(con, profile, layout, settings, today)
    with watch.stage("days"):
        fill_days(con, profile, settings, clock)
        if validation.has_conflicts(con):
            roles.refuse_labels_in_conflicts(con, parts, layout, clock, settings)
            if settings.on_conflicting_duplicates == "error":
                validation.refuse_conflicts(con)
    with watch.stage("rejects"):
        values_read = sum(row.cells for row in profile)
        values_kept, clipped = _kept(con, settings)
        rejects = fill_rejects(con, values_read - values_kept, settings.telemetry)
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
    insert_in_order(con, base_table, "SELECT host_id, resource, ds, y FROM telemetry_days WHERE kept > 0")


def _refuse(
    con: duckdb.DuckDBPyConnection,
    profile: list[ResourceProfile],
    layout: Layout,
    settings: TelemetrySettings,
    today: date,
) -> None:
    """Raise every error about values that can be found without looking at moments."""
    if not profile:
        raise TelemetryError(f"{brief(settings.telemetry)} has columns but not one row")
    named = [row for row in profile if row.resource is not None]
    validation.refuse_text(con, profile, layout, settings)
    units.refuse_unconfirmed_fractions(named, settings)
    units.refuse_other_units(con, named, settings)
    if settings.on_future_dates == "error":
        validation.refuse_future(con, profile, today)
    if not any(row.usable for row in profile):
        reasons = con.execute("SELECT reason, count(*) FROM telemetry_values GROUP BY ALL ORDER BY ALL").fetchall()
        reasons_counted = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
        raise TelemetryError(f"{brief(settings.telemetry)} has no usable value: {reasons_counted}")


def _kept(con: duckdb.DuckDBPyConnection, settings: TelemetrySettings) -> tuple[int, int]:
    """Values kept and clipped. Raises TelemetryError when none is kept: an empty base table replaces nothing."""
    kept, clipped, conflicting = kept_values(con)
    if not kept:
        raise TelemetryError(
            f"{brief(settings.telemetry)} would leave no day in the base table: all of its {conflicting:,} usable "
            "values are contradicted by other values of the same moment; correct the export"
        )
    return kept, clipped


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
        names_changed=len(survey.changed_names),
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
