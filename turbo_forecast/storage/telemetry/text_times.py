"""Times written as text: ISO times, numbers since 1970, or the strptime format that the settings give.

Belongs here: what is a time and what only looks like one. Does not belong here: typed times and numbers (`times`).
"""

import re
from typing import Any

import duckdb

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.messages import brief, shortened
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.sql import identifier, literal, rendered, text_or_null
from turbo_forecast.storage.telemetry.times import PLAUSIBLE_DATES, Times, implausible, numeric_times
from turbo_forecast.storage.telemetry.wording import quoted, shown
from turbo_forecast.storage.telemetry.zones import zone_name

DATE = "[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
CLOCK = "[0-9]{1,2}:[0-9]{1,2}(?::[0-9]{1,2}(?:[.][0-9]+)?)?"
OFFSET = "[+-][0-9]{2}(?::?[0-9]{2})?"
ZONE = f"(?:[zZ]|[uU][tT][cC]|[gG][mM][tT])|{OFFSET}|[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+"
ABBREVIATED = re.compile(r":[0-9.]+\s*([A-Za-z][A-Za-z0-9+-]*)$")
LITERAL_UTC = re.compile(r"(?<!%)(Z|UTC|GMT)$")
"""A time format that ends so says that its times are UTC's."""


def text_times(con: duckdb.DuckDBPyConnection, part: Part, column: str, settings: TelemetrySettings) -> Times:
    """ISO times, with or without a zone, or numbers since 1970: all of a part's, of one kind.

    Raises TelemetryError, with the text, for what is none of these; most of what a cast would take for a time is not.
    """
    if settings.time_format:
        return _formatted_times(con, part, column, settings.time_format, settings.timezone)
    text = f"trim({text_or_null(identifier(column))})"
    places = {"text": text, "source": part.source, "relation": part.relation}
    kinds = rendered("text_times", date=DATE, clock=CLOCK, zone=ZONE, instant=_instant("written"), **places)
    row = _one_row(con, kinds)
    if row["bad"] is not None:
        raise _no_time(column, row["bad"], row["bad_source"])
    if row["numbers"] and row["stamps"]:
        raise TelemetryError(
            f"column {shown(column)} of {brief(part.names[0])} mixes numbers since 1970 and ISO times: use one kind"
        )
    if 0 < row["zoned"] < row["stamps"]:
        raise TelemetryError(
            f"column {shown(column)} of {brief(part.names[0])} mixes times with and without a zone: export all of them "
            "with a zone, or all without"
        )
    if row["numbers"]:
        return numeric_times(con, part, column, settings, f"TRY_CAST({text} AS DOUBLE)")
    if not row["known"]:
        return Times("CAST(NULL AS TIMESTAMP)", None, {}, part.names[0], identifier(column))
    _refuse_implausible(con, column, row, _instant(text), places)
    if not row["zoned"]:
        return Times(f"TRY_CAST({text} AS TIMESTAMP)", False, {}, part.names[0], identifier(column))
    moment = f"make_timestamp(epoch_us({_instant(text)}))"
    zones = _written_zones(con, places, before=":[0-9.]+", zone=ZONE)
    return Times(moment, True, zones, part.names[0], identifier(column))


def _instant(text: str) -> str:
    """A DuckDB expression: a text as TIMESTAMPTZ. A cast takes neither a space before an offset (Ruby writes one) nor 10:00GMT."""
    close = rf"regexp_replace(replace(replace({text}, ' +', '+'), ' -', '-'), '(?i)\s*(utc|gmt|z)$', 'Z')"
    return f"coalesce(TRY_CAST({text} AS TIMESTAMPTZ), TRY_CAST({close} AS TIMESTAMPTZ))"


def _one_row(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    cursor = con.execute(query)
    names = [column[0] for column in cursor.description or ()]
    return dict(zip(names, cursor.fetchall()[0], strict=True))


def _no_time(column: str, written: str, source: str, otherwise: str = "") -> TelemetryError:
    found = f"column {shown(column)} of {brief(source)} holds {quoted(written)}, "
    if written.strip().lower() == column.lower():
        return TelemetryError(
            f"{found}its own name: a header is repeated between the rows, as in files put together; take all but the "
            "first out of the export"
        )
    if otherwise:
        return TelemetryError(found + otherwise)
    zone = ABBREVIATED.search(written.strip())
    if zone and zone[1].lower() not in ("am", "pm", "utc", "gmt", "z"):
        return TelemetryError(
            f"{found}whose zone is an abbreviation, and such are used by several zones; export UTC, an offset (+01:00) or "
            "a name such as Europe/London"
        )
    return TelemetryError(
        f"{found}which is not a time; ISO times (2025-12-31T23:00:00Z) and seconds since 1970 are read, "
        "others with time_format (%d/%m/%Y, say)"
    )


def _refuse_implausible(
    con: duckdb.DuckDBPyConnection, column: str, row: dict[str, Any], stamp: str, places: dict[str, str]
) -> None:
    """TelemetryError where the first or last time lies out of bounds, with one that does."""
    low, high = PLAUSIBLE_DATES
    if low <= row["first"] and row["last"] < high:
        return
    wrong = con.execute(
        f"SELECT {places['text']}, {places['source']} FROM {places['relation']} "
        f"WHERE epoch({stamp}) < {low!r} OR epoch({stamp}) >= {high!r} LIMIT 1"
    ).fetchall()
    raise implausible(column, *wrong[0])


def _written_zones(con: duckdb.DuckDBPyConnection, places: dict[str, str], *, before: str, zone: str) -> dict[str, str]:
    zones: dict[str, str] = {}
    for stated, name in con.execute(rendered("text_zones", before=before, zone=zone, **places)).fetchall():
        zones.setdefault(zone_name(stated), name)
    return zones


def _formatted_times(con: duckdb.DuckDBPyConnection, part: Part, column: str, time_format: str, timezone: str) -> Times:
    """Times in a strptime format; instants where it has an offset, or ends in UTC."""
    _refuse_ambiguous_format(con, time_format, timezone)
    text = f"trim({text_or_null(identifier(column))})"
    places = {"text": text, "source": part.source, "relation": part.relation}
    row = _one_row(con, rendered("formatted_times", format=literal(time_format), **places))
    if row["bad"] is not None:
        raise _no_time(column, row["bad"], row["bad_source"], f"which is not in time_format {quoted(time_format)}")
    if not row["known"]:
        return Times("CAST(NULL AS TIMESTAMP)", None, {}, part.names[0], identifier(column))
    stamp = f"try_strptime({text}, {literal(time_format)})"
    _refuse_implausible(con, column, row, stamp, places)
    if "%z" in time_format:
        zones = _written_zones(con, places, before="", zone=OFFSET) if time_format.rstrip().endswith("%z") else {}
        return Times(f"make_timestamp(epoch_us({stamp}))", True, zones, part.names[0], f"{identifier(column)}")
    is_utc = bool(LITERAL_UTC.search(time_format.strip()))
    return Times(stamp, is_utc, {"UTC": part.names[0]} if is_utc else {}, part.names[0], identifier(column))


def _refuse_ambiguous_format(con: duckdb.DuckDBPyConnection, time_format: str, timezone: str) -> None:
    """SettingsError for a format that DuckDB does not know, or by which one text means several moments."""
    try:
        con.execute("SELECT try_strptime('', ?)", [time_format])
    except duckdb.Error as error:
        raise SettingsError(f"time_format {quoted(time_format)} is no strptime format: {shortened(error)}") from None
    told_apart = re.sub("%%", "", time_format)
    if "%Z" in told_apart:
        raise SettingsError(
            "time_format: %Z (a zone's abbreviation, which several zones share) is not read; %z (+01:00) is"
        )
    if "%I" in told_apart and "%p" not in told_apart:
        raise SettingsError("time_format: %I (hours to 12) needs %p (am or pm); %H is hours to 24")
    if "%z" in told_apart and not told_apart.rstrip().endswith("%z") and not timezone:
        raise SettingsError(
            "time_format: offsets (%z) elsewhere than at the end need timezone, the zone whose days count"
        )
