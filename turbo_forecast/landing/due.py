"""The rules of landing as pure functions: which months are fetched, when one is complete, what may be merged.

Belongs here: those rules. Does not belong here: fetching and writing.

    complete                    all of the month lay in the past when it was fetched, and late data have had their time: it is
                                fetched again only when someone asks for it
    not complete                fetched again by the next run
    nothing there               asked for again by the next run, unless it is older than all that has landed: a source's retention
                                moves on, and what it has forgotten does not come back. Asked for again when the query changes
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from turbo_forecast.errors import SourceError
from turbo_forecast.month_keys import shifted
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.sources.protocol import Source, Window
from turbo_forecast.storage.absent_months import Absent
from turbo_forecast.storage.landed import Manifest
from turbo_forecast.windows import cutoff_of, run_windows


@dataclass(frozen=True, slots=True)
class MonthQuery:
    """What decides which rows a month has: the source's query, and whose calendar the month is of."""

    query: Mapping[str, Any]
    zone: str

    @classmethod
    def of(cls, name: str, source: Source, zone: str) -> "MonthQuery":
        """A source's, with its query as a manifest keeps it. Raises SourceError where it cannot be kept."""
        try:
            return cls(json.loads(json.dumps(dict(source.query), allow_nan=False)), zone)
        except (TypeError, ValueError) as error:
            raise SourceError(f"source {name}: its query cannot be kept in a manifest: {error}") from None

    def matches(self, other: Manifest | Absent) -> bool:
        """Whether a month was asked for in the same way."""
        return self.query == other.query and self.zone == other.zone


@dataclass(frozen=True, slots=True)
class LandingRequest:
    """Which months are wanted, oldest first, as YYYY-MM.

    named: someone named these months: what was not there is looked for again. again: those that are complete are fetched again, too.
    """

    months: Sequence[str]
    named: bool = False
    again: bool = False


def month_window(month: str, zone: str) -> Window:
    """The calendar month (YYYY-MM) of a zone."""
    last = cutoff_of(month)
    return Window.of_days(last.replace(day=1), last, zone)


def is_complete(window: Window, fetched_at: datetime, late: timedelta) -> bool:
    """Whether what was fetched then is all of the month. late: how long after its end values of it may still arrive."""
    return window.end + late <= fetched_at


def months_due(
    request: LandingRequest, landed: Mapping[str, Manifest], absent: Mapping[str, Absent], query: MonthQuery
) -> list[str]:
    """The months to fetch, oldest first: a source forgets from the old end, so what it is about to forget comes first."""
    return [
        month
        for month in sorted(request.months)
        if _is_due(month, request, landed.get(month), absent.get(month), query)
    ]


def _is_due(
    month: str, request: LandingRequest, landed: Manifest | None, absent: Absent | None, query: MonthQuery
) -> bool:
    if landed is not None:
        return request.again or not landed.complete
    return absent is None or request.named or request.again or not query.matches(absent)


def newly_absent(empty: Collection[str], landed: Collection[str]) -> set[str]:
    """Of the months that the source had nothing of, those older than all that has landed.

    A later one is asked for again: whoever forgets, forgets from the old end, so there something else is wrong, such as an exporter
    that was down, and may be mended.
    """
    return {month for month in empty if landed and month < min(landed)}


def require_one_calendar(name: str, landed: Mapping[str, Manifest], zone: str, folder: object) -> None:
    """Raises SourceError where months of the source landed by another zone's calendar: at their edges hours would be lost, or doubled."""
    other = next((month for month in sorted(landed) if landed[month].zone != zone), None)
    if other is not None:
        raise SourceError(
            f"source {name}: month {other} was landed by the calendar of {landed[other].zone}, and telemetry.timezone is {zone} now: "
            f"set it back, or move {folder} away to land all months anew"
        )


def days_lost(former: Collection[date], fetched: Collection[date]) -> list[date]:
    """The days that a landed month covers and what was fetched now does not."""
    return sorted(set(former) - set(fetched))


def history_months(month: str, settings: ForecastSettings) -> list[str]:
    """The months that a run of a month (YYYY-MM) looks back on, that one the last: 36 unless the settings say otherwise."""
    start = f"{run_windows(cutoff_of(month), settings).history_start:%Y-%m}"
    months = [month]
    while months[0] > start:
        months.insert(0, shifted(months[0], -1))
    return months
