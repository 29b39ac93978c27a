"""The bulk pass: usable values to one a series and day, and a second look at those that were not kept.

Belongs here: the daily statistics, filling `telemetry_days` and `telemetry_rejects`, whatever the values are read from. Does not
belong here: the views the values are read from (`values`), and what is done with the days (`reading`, `landed_reading`).
"""

from collections.abc import Sequence

import duckdb

from turbo_forecast.errors import TelemetryError
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.clock import Clock
from turbo_forecast.storage.telemetry.messages import brief
from turbo_forecast.storage.telemetry.profile import ResourceProfile
from turbo_forecast.storage.telemetry.sql import listed, literal, rendered

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


def fill_days(
    con: duckdb.DuckDBPyConnection, profile: Sequence[ResourceProfile], settings: TelemetrySettings, clock: Clock
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


def kept_values(con: duckdb.DuckDBPyConnection) -> tuple[int, int, int]:
    """Values kept, those of them that were clipped, and usable ones that others of the same moment contradict."""
    query = "SELECT sum(kept), sum(clipped), sum(conflicting) FROM telemetry_days"
    kept, clipped, conflicting = con.execute(query).fetchall()[0]
    return int(kept or 0), int(clipped or 0), int(conflicting or 0)


def fill_rejects(con: duckdb.DuckDBPyConnection, expected: int, name: str) -> dict[str, int]:
    """Collect the rejected values and count them by reason, most first; they must be as many as were not kept.

    name: of the telemetry, for the TelemetryError where they are not.
    """
    con.execute(
        BASE_TABLE_REJECTS.ddl("telemetry_rejects").replace(
            "CREATE TABLE IF NOT EXISTS", "CREATE OR REPLACE TEMP TABLE"
        )
    )
    if expected:
        con.execute(rendered("rejects"))
    query = "SELECT reason, count(*) FROM telemetry_rejects GROUP BY reason ORDER BY count(*) DESC, reason"
    rejects: dict[str, int] = dict(con.execute(query).fetchall())
    if sum(rejects.values()) != expected:
        raise TelemetryError(
            f"{brief(name)} changed while it was read: {counted(expected, 'value was', 'values were')} not kept, but "
            f"{counted(sum(rejects.values()), 'was', 'were')} found on the second look; read it again once the export is complete"
        )
    return rejects
