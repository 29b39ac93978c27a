"""Time zones: the names that mean one zone, and those that mean several and are refused.

Belongs here: UTC, offsets, IANA names. Does not belong here: whose days count (`clock`).
"""

import re

import duckdb

from turbo_forecast.errors import SettingsError
from turbo_forecast.storage.telemetry.wording import shown

UTC_NAMES = ("z", "utc", "gmt", "etc/utc", "+00:00", "-00:00", "+0000", "+00", "zulu")
OFFSET = r"[+-](0\d|1[0-4]):[0-5]\d"
"""Clocks on Earth are at most 14 hours from UTC."""


def zone_name(zone: str) -> str:
    """One name for each zone: UTC, ±hh:mm, or the IANA name."""
    if zone.strip().lower() in UTC_NAMES:
        return "UTC"
    offset = re.fullmatch(r"([+-])(\d\d):?(\d\d)?", zone.strip())
    return f"{offset[1]}{offset[2]}:{offset[3] or '00'}" if offset else zone.strip()


def is_offset(zone: str) -> bool:
    """Whether a zone's name is an offset from UTC."""
    return zone[:1] in ("+", "-")


def minutes(zone: str) -> int:
    """An offset ±hh:mm in minutes."""
    total = int(zone[1:3]) * 60 + int(zone[4:6])
    return -total if zone[0] == "-" else total


def stated_zone(zone: str) -> str:
    """The one name of a zone, as `zone_name` gives it.

    Raises SettingsError for names without a slash: most are abbreviations that several zones share, and DuckDB takes them from a
    table of its own (BST is Bangladesh's time there, CST and IST one of three).
    """
    name = zone_name(zone)
    if name == "UTC" or (is_offset(name) and re.fullmatch(OFFSET, name)) or "/" in name:
        return name
    raise _unknown(zone)


def known_zone(con: duckdb.DuckDBPyConnection, zone: str) -> str:
    """The one name of the zone asked for. Raises SettingsError where there is none, and where `stated_zone` does."""
    name = stated_zone(zone)
    if name == "UTC" or is_offset(name):
        return name
    try:
        known = con.execute("SELECT 1 FROM pg_timezone_names() WHERE name = ?", [name]).fetchall()
    except duckdb.Error as error:
        raise SettingsError(f"timezone {shown(zone)} cannot be looked up: {error}") from None
    if not known:
        raise _unknown(zone)
    return name


def _unknown(zone: str) -> SettingsError:
    return SettingsError(f"timezone {shown(zone)} is not a zone; give one such as UTC, Europe/Berlin or +02:00")
