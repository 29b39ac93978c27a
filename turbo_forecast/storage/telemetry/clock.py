"""What the time column means: wall-clock times or instants, in which zone, and whose calendar days count.

Belongs here: zones stated and asked for, the days they make, a date and a clock in columns of their own.
Does not belong here: what one part's times are (`times`, `text_times`), which column holds the time (`layout`), and
whether a day may be in the future (`validation`).
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import duckdb

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.content import is_numeric, is_text
from turbo_forecast.storage.telemetry.messages import brief
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.sql import identifier, literal, text_or_null
from turbo_forecast.storage.telemetry.text_times import text_times
from turbo_forecast.storage.telemetry.times import PLAIN_TYPES, ZONED_TYPES, Times, numeric_times, typed_times
from turbo_forecast.storage.telemetry.wording import quoted, shown
from turbo_forecast.storage.telemetry.zones import is_offset, known_zone, minutes


@dataclass(frozen=True, slots=True)
class Clock:
    """How moments of all parts become calendar days."""

    moments: tuple[str, ...]
    """Per part, a DuckDB expression of type TIMESTAMP."""
    texts: tuple[str, ...]
    """Per part, a DuckDB expression: the time as found."""
    zone: str
    """The zone whose days count; empty when times are wall-clock times."""

    @property
    def has_plain_days(self) -> bool:
        """Whether a moment's day is the date it shows."""
        return self.zone in ("", "UTC")

    def day(self, moment: str) -> str:
        """A DuckDB expression: the calendar day of a moment."""
        if self.has_plain_days:
            return f"CAST({moment} AS DATE)"
        if is_offset(self.zone):
            return f"CAST({moment} + to_minutes({minutes(self.zone)}) AS DATE)"
        return f"CAST(timezone({literal(self.zone)}, timezone('UTC', {moment})) AS DATE)"

    def start_of(self, con: duckdb.DuckDBPyConnection, day: date) -> datetime:
        """The first moment of a calendar day."""
        midnight = datetime(day.year, day.month, day.day)
        if self.has_plain_days:
            return midnight
        if is_offset(self.zone):
            return midnight - timedelta(minutes=minutes(self.zone))
        query = "SELECT timezone('UTC', timezone(?, CAST(? AS TIMESTAMP)))"
        found: datetime = con.execute(query, [self.zone, midnight]).fetchall()[0][0]
        return found


def joined_times(parts: list[Part], settings: TelemetrySettings) -> tuple[list[Part], TelemetrySettings]:
    """Parts whose settings.time_columns are one text column, joined by spaces, and settings that name it.

    Null where any of them is. Raises SettingsError for a column that is not there.
    """
    if not settings.time_columns:
        return parts, settings
    joined = " ".join(settings.time_columns)
    return [_joined(part, settings.time_columns, joined) for part in parts], settings.model_copy(
        update={"time_column": joined}
    )


def _joined(part: Part, wanted: list[str], joined: str) -> Part:
    names = {name.casefold(): name for name in part.columns}
    for name in wanted:
        if name.casefold() not in names or name.casefold() in map(str.casefold, part.absent):
            raise SettingsError(f"time_columns: {brief(part.names[0])} has no column {quoted(name)}")
    if joined.casefold() in names:
        raise SettingsError(
            f"time_columns: {brief(part.names[0])} has a column {quoted(joined)} already: set time_column"
        )
    found = [names[name.casefold()] for name in wanted]
    text = " || ' ' || ".join(f"trim({text_or_null(identifier(name))})" for name in found)
    excluded = ", ".join(map(identifier, found))
    relation = f"(SELECT * EXCLUDE ({excluded}), {text} AS {identifier(joined)} FROM {part.relation})"
    columns = {name: dtype for name, dtype in part.columns.items() if name not in found} | {joined: "VARCHAR"}
    return replace(part, relation=relation, columns=columns)


def read_clock(con: duckdb.DuckDBPyConnection, parts: list[Part], column: str, settings: TelemetrySettings) -> Clock:
    """How the time column is to be read.

    Raises TelemetryError when it cannot be: text that is no time, wall-clock times beside instants, two zones.
    """
    if settings.timezone:
        known_zone(con, settings.timezone)
    times = [_times(con, part, column, settings) for part in parts]
    instants = [part.example for part in times if part.is_instant]
    wall_clock = [part.example for part in times if part.is_instant is False]
    if instants and wall_clock:
        raise TelemetryError(
            f"times of column {shown(column)} are instants in {brief(instants[0])} but have no zone in "
            f"{brief(wall_clock[0])}; export all of them with a zone, or all without"
        )
    if settings.time_format and all(part.columns[column] in (*PLAIN_TYPES, *ZONED_TYPES) for part in parts):
        raise SettingsError(
            f"time_format {quoted(settings.time_format)} is for text, but column {shown(column)} is typed"
        )
    zone = _zone(con, times, column, settings) if instants else ""
    return Clock(tuple(part.moment for part in times), tuple(part.as_text for part in times), zone)


def _zone(con: duckdb.DuckDBPyConnection, times: list[Times], column: str, settings: TelemetrySettings) -> str:
    """The zone asked for, else the one stated, else UTC."""
    if settings.timezone:
        return known_zone(con, settings.timezone)
    stated: dict[str, str] = {}
    for part in times:
        stated = part.zones | stated
    if len(stated) > 1:
        seen = " and ".join(f"{zone} ({brief(file, 45)})" for zone, file in list(stated.items())[:2])
        raise TelemetryError(
            f"times of column {shown(column)} are in more than one zone: {seen}; set timezone to the zone whose days count"
        )
    return next(iter(stated), "UTC")


def _times(con: duckdb.DuckDBPyConnection, part: Part, column: str, settings: TelemetrySettings) -> Times:
    dtype = part.columns[column]
    if dtype in (*PLAIN_TYPES, *ZONED_TYPES):
        return typed_times(con, part, column)
    if is_text(dtype) or (is_numeric(dtype) and settings.time_format):
        return text_times(con, part, column, settings)
    if is_numeric(dtype):
        return numeric_times(con, part, column, settings, f"CAST({identifier(column)} AS DOUBLE)")
    raise TelemetryError(f"column {shown(column)} of {brief(part.names[0])} holds {shown(dtype)}, not times")
