"""One part's times as moments; numbers since 1970, and typed times, within bounds that a machine's readings keep.

Belongs here: DATE, TIMESTAMP, TIMESTAMPTZ, seconds and milliseconds. Does not belong here: text (`text_times`), and
whose calendar days count (`clock`).
"""

from dataclasses import dataclass

import duckdb
import pyarrow.parquet as pq

from turbo_forecast.errors import TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.files import is_remote
from turbo_forecast.storage.telemetry.messages import brief
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.sql import identifier
from turbo_forecast.storage.telemetry.wording import shown
from turbo_forecast.storage.telemetry.zones import zone_name

MILLISECONDS_FROM = 1e11
"""Numeric times at least this large are milliseconds: 1973 if so; as seconds they would be the year 5138."""
PLAUSIBLE_SECONDS = (315_532_800.0, 4_102_444_800.0)
"""1980 to 2100: numbers outside, once scaled by guess, are no times since 1970 (but yyyymmdd, or microseconds)."""
PLAUSIBLE_YEARS = (1980, 2200)
"""Dates outside stand for no time (0001-01-01, 9999-12-31, infinity) or have a year of two digits. A typing error of a
century lies within: whether days after today are an error is asked elsewhere (`validation`)."""
PLAUSIBLE_DATES = (315_532_800.0, 7_258_118_400.0)
"""The same in seconds since 1970."""
PLAIN_TYPES = ("DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S")
ZONED_TYPES = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS")


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


def typed_times(con: duckdb.DuckDBPyConnection, part: Part, column: str) -> Times:
    """Times of a DATE or TIMESTAMP column. Raises TelemetryError for one before 1980 or after 2099, or infinite."""
    quoted, dtype = identifier(column), part.columns[column]
    low, high = (f"CAST('{year}-01-01' AS {dtype})" for year in PLAUSIBLE_YEARS)
    wrong = con.execute(
        f"SELECT CAST({quoted} AS VARCHAR), {part.source} FROM {part.relation} WHERE {quoted} < {low} OR {quoted} >= {high} LIMIT 1"
    ).fetchall()
    if wrong:
        raise implausible(column, *wrong[0])
    if dtype in PLAIN_TYPES:
        return Times(f"CAST({quoted} AS TIMESTAMP)", False, {}, part.names[0], f"CAST({quoted} AS VARCHAR)")
    moment = f"make_timestamp(epoch_us(CAST({quoted} AS TIMESTAMPTZ)))"
    zones = _stated_zones(part, column)
    return Times(moment, True, zones, part.names[0], f"CAST({moment} AS VARCHAR) || '+00'")


def implausible(column: str, written: str, source: str) -> TelemetryError:
    """The error for a time that no reading has."""
    low, high = PLAUSIBLE_YEARS
    return TelemetryError(
        f"column {shown(column)} of {brief(source)} holds '{shown(written)}', which is no time from {low} to {high}: "
        "correct the export, or leave its field empty if it stands for no time"
    )


def _stated_zones(part: Part, column: str) -> dict[str, str]:
    """Zones that Parquet files name for a column of instants. DuckDB knows only that there is one, Arrow which."""
    zones: dict[str, str] = {}
    for name, path in zip(part.names, part.paths, strict=False) if part.kind == "parquet" else ():
        if not is_remote(path):
            schema = pq.read_schema(path)
            field = next((field for field in schema if field.name.lower() == column.lower()), None)
            zone = getattr(field.type, "tz", None) if field is not None else None
            zones.setdefault(zone_name(zone or "UTC"), name)
    return zones


def numeric_times(
    con: duckdb.DuckDBPyConnection, part: Part, column: str, settings: TelemetrySettings, number: str
) -> Times:
    """Seconds or milliseconds since 1970; instants that state no zone. Raises TelemetryError for numbers that are neither."""
    seconds = {
        "s": number,
        "ms": f"({number} / 1000)",
        "auto": f"(CASE WHEN abs({number}) >= {MILLISECONDS_FROM!r} THEN {number} / 1000 ELSE {number} END)",
    }[settings.time_unit]
    low, high = PLAUSIBLE_SECONDS if settings.time_unit == "auto" else (-6e10, 2.5e11)
    query = f"""
        SELECT CAST({identifier(column)} AS VARCHAR), {part.source} FROM {part.relation}
        WHERE isfinite({number}) AND NOT {seconds} BETWEEN {low!r} AND {high!r} LIMIT 1
    """
    wrong = con.execute(query).fetchall()
    if wrong:
        raise TelemetryError(
            f"column {shown(column)} of {brief(wrong[0][1])} holds {shown(wrong[0][0])}, which is no time in seconds or "
            "milliseconds since 1970; export ISO times, or set time_unit (s or ms) if it is, or time_format"
        )
    moment = f"CASE WHEN isfinite({number}) THEN make_timestamp(CAST(round({seconds} * 1000000) AS BIGINT)) END"
    return Times(moment, True, {}, part.names[0], f"CAST({identifier(column)} AS VARCHAR)")
