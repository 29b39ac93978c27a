"""Which values are usable, which are rejected and why, and what is refused altogether.

Belongs here: the reasons, and the errors about values.
Does not belong here: units (`units`), times that cannot be read (`clock`), the pass over the data (`reading`).
"""

from collections.abc import Sequence
from datetime import date, datetime

import duckdb

from turbo_forecast.errors import TelemetryError
from turbo_forecast.number_words import counted
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.layout import Layout
from turbo_forecast.storage.telemetry.messages import brief
from turbo_forecast.storage.telemetry.name_cleaning import CONTROL_RE2
from turbo_forecast.storage.telemetry.numerals import remedy
from turbo_forecast.storage.telemetry.profile import ResourceProfile
from turbo_forecast.storage.telemetry.sql import literal, text_or_null, trimmed
from turbo_forecast.storage.telemetry.wording import quoted, shown

NO_HOST = "no host"
NO_RESOURCE = "no resource"
CONTROL_CHARACTER = "control character in a name"
NO_TIME = "no time"
NO_VALUE = "no value"
NOT_A_NUMBER = "not a number"
INFINITE = "infinite"
NEGATIVE = "negative"
OVER_CAPACITY = "over capacity"
IN_THE_FUTURE = "in the future"
DUPLICATE = "duplicate"
CONFLICTING = "conflicting duplicate"


def usable(settings: TelemetrySettings, tomorrow: datetime) -> str:
    """A DuckDB expression, true where a value can be used; elsewhere false or null, and `reason` is why.

    One cheap condition for the bulk of values; NaN and infinite ones fail it too, as nothing they are is <=.
    """
    return (
        "host_id IS NOT NULL AND resource IS NOT NULL AND number >= 0 "
        f"AND percent <= {settings.overshoot_percent!r} AND moment < {_timestamp(tomorrow)}"
    )


def reason(settings: TelemetrySettings, tomorrow: datetime) -> str:
    """A DuckDB expression over `usable` and the other columns of `telemetry_values`: why a value is not, or null.

    Duplicates are not seen here: it takes more than one value to find them.
    """
    has_control = " OR ".join(
        f"({name} IS NULL AND regexp_matches({trimmed(found)}, {literal(CONTROL_RE2)}))"
        for name, found in (("host_id", "found_host"), ("resource", "found_resource"))
    )
    conditions = (
        (CONTROL_CHARACTER, has_control),
        (NO_HOST, "host_id IS NULL"),
        (NO_RESOURCE, "resource IS NULL"),
        (NO_TIME, "moment IS NULL"),
        (NOT_A_NUMBER, f"number IS NULL AND {text_or_null('value')} IS NOT NULL"),
        (NO_VALUE, "number IS NULL OR isnan(number)"),
        (INFINITE, "isinf(number)"),
        (NEGATIVE, "number < 0"),
        (OVER_CAPACITY, f"percent > {settings.overshoot_percent!r}"),
        (IN_THE_FUTURE, f"moment >= {_timestamp(tomorrow)}"),
    )
    whens = " ".join(f"WHEN {condition} THEN {literal(name)}" for name, condition in conditions)
    return f"CASE WHEN usable THEN NULL {whens} END"


def _timestamp(moment: datetime) -> str:
    return f"TIMESTAMP {literal(moment.isoformat(sep=' '))}"


def refuse_text(
    con: duckdb.DuckDBPyConnection, profile: Sequence[ResourceProfile], layout: Layout, settings: TelemetrySettings
) -> None:
    """TelemetryError when values are text that is no number."""
    if not any(row.not_numbers for row in profile):
        return
    column = "host_id" if layout.hosts_in_columns else "resource"
    query = f"SELECT {column}, source, value FROM telemetry_values WHERE reason = ? ORDER BY ALL LIMIT 1"
    found, source, value = con.execute(query, [NOT_A_NUMBER]).fetchall()[0]
    count = sum(row.not_numbers for row in profile)
    raise TelemetryError(
        f"column {shown(layout.value or found)} of {brief(source)} holds {quoted(value)}, which is not a number "
        f"({counted(count, 'such value')}); {remedy(value, settings)}, or leave the column out (ignore_columns)"
    )


def refuse_future(con: duckdb.DuckDBPyConnection, profile: Sequence[ResourceProfile], today: date) -> None:
    """TelemetryError when values are of days after `today`."""
    count = sum(row.in_the_future for row in profile)
    if not count:
        return
    query = (
        "SELECT host_id, resource, time, source FROM telemetry_values WHERE reason = ? "
        "ORDER BY moment DESC, host_id, resource LIMIT 1"
    )
    host, resource, time, source = con.execute(query, [IN_THE_FUTURE]).fetchall()[0]
    raise TelemetryError(
        f"{counted(count, 'value is of a day', 'values are of days')} after today ({today}), up to {shown(time)} of {shown(host)}/{shown(resource)} in "
        f"{brief(source)}: correct the export, or set on_future_dates to reject"
    )


def has_conflicts(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether any series has different values of the same moment."""
    return bool(con.execute("SELECT count(*) FROM telemetry_days WHERE conflicting > 0").fetchall()[0][0])


def refuse_conflicts(con: duckdb.DuckDBPyConnection) -> None:
    """TelemetryError when a series has different values of the same moment."""
    query = "SELECT host_id, resource, ds FROM telemetry_days WHERE conflicting > 0 ORDER BY ALL LIMIT 1"
    found = con.execute(query).fetchall()
    if not found:
        return
    count, series = con.execute(
        "SELECT sum(conflicting), count(DISTINCT (host_id, resource)) FROM telemetry_days WHERE conflicting > 0"
    ).fetchall()[0]
    query = """
        SELECT arg_min(time, value), min(value), max(value) FROM telemetry_values
        WHERE host_id = ? AND resource = ? AND ds = ? AND usable
        GROUP BY moment HAVING min(percent) <> max(percent) ORDER BY moment LIMIT 1
    """
    host, resource, _ = found[0]
    time, low, high = con.execute(query, list(found[0])).fetchall()[0]
    raise TelemetryError(
        f"{shown(host)}/{shown(resource)} has different values of the same moment {shown(time)}: {shown(low)} and "
        f"{shown(high)} ({counted(count, 'such value')} in {series:,} series); correct the export, or set on_conflicting_duplicates to reject"
    )
