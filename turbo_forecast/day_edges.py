"""When the days of a zone begin, by one table of zones: Python's.

Belongs here: zones as Python knows them, and their days as moments. Does not belong here: which zone is meant.

What decides on which side of an edge a value lies must be decided once. DuckDB brings a table of zones of its own, which is as old as
its release: where a country has changed its rules since then, the two disagree by an hour, and values that one of them has put
into a month lie outside of it for the other.
"""

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo


def zone_info(zone: str) -> tzinfo:
    """The zone of an IANA name, or of an offset ±hh:mm."""
    if zone[:1] not in ("+", "-"):
        return ZoneInfo(zone)
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return timezone(-offset if zone[0] == "-" else offset)


def start_of_day(day: date, zone: str) -> datetime:
    """The first moment of a day, in UTC; of one whose midnight does not come, since clocks are put forward then, the moment after."""
    return datetime.combine(day, time.min, zone_info(zone)).astimezone(UTC)


def day_edges(first: date, last: date, zone: str) -> list[datetime]:
    """When each day from the first to the last begins, and when the last one ends, in UTC: one more than there are days."""
    return [start_of_day(first + timedelta(days=number), zone) for number in range((last - first).days + 2)]
