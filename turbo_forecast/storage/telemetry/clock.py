"""What the time column means: wall-clock times or instants, in which zone, and whose calendar days count.

Belongs here: DATE, TIMESTAMP, TIMESTAMPTZ, seconds and milliseconds since 1970, ISO text; zones stated and asked for.
Does not belong here: which column holds the time (`layout`), and whether a day may be in the future (`judgement`).
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb
import pyarrow.parquet as pq

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.content import is_numeric, is_text
from turbo_forecast.storage.telemetry.sources import Part
from turbo_forecast.storage.telemetry.sql import identifier, literal, rendered, told

MILLISECONDS_FROM = 1e11
"""Numeric times at least this large are milliseconds: 1973 if so; as seconds they would be the year 5138."""
PLAUSIBLE_SECONDS = (315_532_800.0, 4_102_444_800.0)
"""1980 to 2100: numbers outside, once scaled by guess, are no times since 1970 (but yyyymmdd, or microseconds)."""
UTC_NAMES = ("z", "utc", "gmt", "etc/utc", "+00:00", "-00:00", "+0000", "+00", "zulu")


@dataclass(frozen=True, slots=True)
class Times:
    """One part's times: as a moment (TIMESTAMP: the wall clock's, or UTC's for instants), and the zones they state."""

    moment: str
    is_instant: bool | None
    """None where a part has no time at all."""
    zones: dict[str, str]
    """Zone to a file that states it."""
    example: str
    as_text: str
    """The time as found, as text."""


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
        if _is_offset(self.zone):
            return f"CAST({moment} + to_minutes({_minutes(self.zone)}) AS DATE)"
        return f"CAST(timezone({literal(self.zone)}, timezone('UTC', {moment})) AS DATE)"

    def start_of(self, con: duckdb.DuckDBPyConnection, day: date) -> datetime:
        """The first moment of a calendar day."""
        midnight = datetime(day.year, day.month, day.day)
        if self.has_plain_days:
            return midnight
        if _is_offset(self.zone):
            return midnight - timedelta(minutes=_minutes(self.zone))
        query = "SELECT timezone('UTC', timezone(?, CAST(? AS TIMESTAMP)))"
        found: datetime = con.execute(query, [self.zone, midnight]).fetchall()[0][0]
        return found


def read_clock(con: duckdb.DuckDBPyConnection, parts: list[Part], column: str, settings: TelemetrySettings) -> Clock:
    """How the time column is to be read.

    Raises TelemetryError when it cannot be: text that is no time, wall-clock times beside instants, two zones.
    """
    times = [_times(con, part, column, settings) for part in parts]
    instants = [part.example for part in times if part.is_instant]
    wall_clock = [part.example for part in times if part.is_instant is False]
    if instants and wall_clock:
        raise TelemetryError(
            f"times of column {column} are instants in {instants[0]} but have no zone in {wall_clock[0]}; export all "
            "of them with a zone, or all without"
        )
    zone = _zone(con, times, column, settings) if instants else ""
    return Clock(tuple(part.moment for part in times), tuple(part.as_text for part in times), zone)


def _zone(con: duckdb.DuckDBPyConnection, times: list[Times], column: str, settings: TelemetrySettings) -> str:
    """The zone asked for, else the one stated, else UTC."""
    if settings.timezone:
        return _known_zone(con, settings.timezone)
    stated: dict[str, str] = {}
    for part in times:
        stated = part.zones | stated
    if len(stated) > 1:
        seen = " and ".join(f"{zone} ({file})" for zone, file in list(stated.items())[:2])
        raise TelemetryError(
            f"times of column {column} are in more than one zone: {seen}; set timezone to the zone whose days count"
        )
    return next(iter(stated), "UTC")


def _known_zone(con: duckdb.DuckDBPyConnection, zone: str) -> str:
    name = _zone_name(zone)
    if name == "UTC" or _is_offset(name):
        return name
    try:
        con.execute("SELECT 1 FROM pg_timezone_names() WHERE name = ?", [name])
        known = con.fetchall()
    except duckdb.Error as error:
        raise SettingsError(f"timezone {zone} cannot be looked up: {error}") from None
    if not known:
        raise SettingsError(f"timezone {zone} is not a zone; give one such as UTC, Europe/Berlin or +02:00")
    return name


def _zone_name(zone: str) -> str:
    """One name for each zone: UTC, ±hh:mm, or the IANA name."""
    if zone.strip().lower() in UTC_NAMES:
        return "UTC"
    offset = re.fullmatch(r"([+-])(\d\d):?(\d\d)?", zone.strip())
    return f"{offset[1]}{offset[2]}:{offset[3] or '00'}" if offset else zone.strip()


def _is_offset(zone: str) -> bool:
    return zone[:1] in ("+", "-")


def _minutes(zone: str) -> int:
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def _times(con: duckdb.DuckDBPyConnection, part: Part, column: str, settings: TelemetrySettings) -> Times:
    quoted, dtype, first = identifier(column), part.columns[column], part.names[0]
    as_text = f"CAST({quoted} AS VARCHAR)"
    if dtype in ("DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"):
        return Times(f"CAST({quoted} AS TIMESTAMP)", False, {}, first, as_text)
    if dtype in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"):
        moment = f"make_timestamp(epoch_us(CAST({quoted} AS TIMESTAMPTZ)))"
        return Times(moment, True, _stated_zones(part, column), first, f"CAST({moment} AS VARCHAR) || '+00'")
    if is_numeric(dtype):
        return _numeric_times(con, part, column, settings, f"CAST({quoted} AS DOUBLE)")
    if is_text(dtype):
        return _text_times(con, part, column, settings)
    raise TelemetryError(f"column {column} of {first} holds {dtype}, not times")


def _stated_zones(part: Part, column: str) -> dict[str, str]:
    """Zones that Parquet files name for a column of instants. DuckDB tells only that there is one, Arrow which."""
    zones: dict[str, str] = {}
    for name in part.names if part.kind == "parquet" else ():
        if "://" not in name:
            schema = pq.read_schema(name)
            zone = schema.field(column).type.tz if column in schema.names else None
            zones.setdefault(_zone_name(zone or "UTC"), name)
    return zones


def _numeric_times(
    con: duckdb.DuckDBPyConnection, part: Part, column: str, settings: TelemetrySettings, number: str
) -> Times:
    """Seconds or milliseconds since 1970; instants that state no zone."""
    seconds = {
        "s": number,
        "ms": f"({number} / 1000)",
        "auto": f"(CASE WHEN abs({number}) >= {MILLISECONDS_FROM!r} THEN {number} / 1000 ELSE {number} END)",
    }[settings.time_unit]
    low, high = PLAUSIBLE_SECONDS if settings.time_unit == "auto" else (-6e10, 2.5e11)
    query = f"""
        SELECT {number}, {identifier(column)}, {part.source} FROM {part.relation}
        WHERE isfinite({number}) AND NOT {seconds} BETWEEN {low!r} AND {high!r} LIMIT 1
    """
    wrong = con.execute(query).fetchall()
    if wrong:
        raise TelemetryError(
            f"column {column} of {wrong[0][2]} holds {wrong[0][1]}, which is no time in seconds or milliseconds since "
            "1970; export ISO times, or set time_unit (s or ms) if it is"
        )
    moment = f"CASE WHEN isfinite({number}) THEN make_timestamp(CAST(round({seconds} * 1000000) AS BIGINT)) END"
    return Times(moment, True, {}, part.names[0], f"CAST({identifier(column)} AS VARCHAR)")


def _text_times(con: duckdb.DuckDBPyConnection, part: Part, column: str, settings: TelemetrySettings) -> Times:
    """ISO times, with or without a zone, or numbers since 1970: all of a part's, of one kind."""
    text = told(identifier(column))
    query = rendered("text_times", text=text, source=part.source, relation=part.relation)
    known, numbers, stamps, zoned, bad, bad_file = con.execute(query).fetchall()[0]
    if bad is not None:
        raise TelemetryError(
            f"column {column} of {bad_file} holds {bad!r}, which is not a time; ISO times "
            "(2025-12-31 or 2025-12-31T23:00:00Z) and numbers since 1970 are read"
        )
    if numbers and stamps:
        raise TelemetryError(f"column {column} of {part.names[0]} mixes numbers since 1970 and ISO times: use one kind")
    if 0 < zoned < stamps:
        raise TelemetryError(
            f"column {column} of {part.names[0]} mixes times with and without a zone: export all of them with a zone, "
            "or all without"
        )
    if numbers:
        return _numeric_times(con, part, column, settings, f"TRY_CAST({text} AS DOUBLE)")
    if not known:
        return Times("CAST(NULL AS TIMESTAMP)", None, {}, part.names[0], identifier(column))
    if not zoned:
        return Times(f"TRY_CAST({text} AS TIMESTAMP)", False, {}, part.names[0], identifier(column))
    moment = f"make_timestamp(epoch_us(TRY_CAST({text} AS TIMESTAMPTZ)))"
    return Times(moment, True, _written_zones(con, part, text), part.names[0], identifier(column))


def _written_zones(con: duckdb.DuckDBPyConnection, part: Part, text: str) -> dict[str, str]:
    query = rendered("text_zones", text=text, source=part.source, relation=part.relation)
    zones: dict[str, str] = {}
    for zone, name in con.execute(query).fetchall():
        zones.setdefault(_zone_name(zone), name)
    return zones
