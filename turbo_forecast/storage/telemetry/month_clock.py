"""The days of a landed month: those by which it landed.

Belongs here: DuckDB's expression for them. Does not belong here: days of files (`clock.py`), and where a zone's days begin
(`day_edges.py`).

A month lands from the first moment of its first day to the last of its last one by Python's table of zones. DuckDB's own is another one:
by a rule that one of them does not know yet, the last hour of a month would be of the next (Vancouver from November 2026 on, Casablanca
from September 2026 on, of tables of that summer), and the month would be refused for ever. So days are told by their edges.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise

import duckdb

from turbo_forecast.day_edges import day_edges, start_of_day
from turbo_forecast.storage.telemetry.clock import Clock
from turbo_forecast.storage.telemetry.zones import is_offset

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MonthClock(Clock):
    """How moments of a landed month become calendar days. first, last: of the month."""

    first: date
    last: date

    def day(self, moment: str) -> str:
        """A DuckDB expression: the calendar day of a moment; of one outside the month, a day that is outside, too."""
        if self.has_plain_days or is_offset(self.zone):
            return Clock.day(self, moment)
        edges = day_edges(self.first, self.last, self.zone)
        cases = [f"WHEN {moment} < {_instant(end)} THEN {day}" for end, day in self._spans(edges, moment)]
        before = f"least({_shifted(moment, self.first, edges[0])}, DATE '{self.first - DAY}')"
        after = f"greatest({_shifted(moment, self.last + DAY, edges[-1])}, DATE '{self.last + DAY}')"
        return f"CASE WHEN {moment} < {_instant(edges[0])} THEN {before} {' '.join(cases)} ELSE {after} END"

    def _spans(self, edges: list[datetime], moment: str) -> Iterator[tuple[datetime, str]]:
        """The end of each span of days that are as far from UTC, and the day of a moment in it; a day of more than 24 hours is alone."""
        days = [(self.first + place * DAY, *both) for place, both in enumerate(pairwise(edges))]
        for (_, is_long), span in groupby(days, lambda each: (_from_utc(each[0], each[1]), each[2] - each[1] > DAY)):
            every = list(span)
            (day, begin, _), (_, _, end) = every[0], every[-1]
            yield end, f"DATE '{day}'" if is_long else _shifted(moment, day, begin)

    def start_of(self, con: duckdb.DuckDBPyConnection, day: date) -> datetime:
        """The first moment of a calendar day."""
        return start_of_day(day, self.zone).replace(tzinfo=None)


def _from_utc(day: date, begin: datetime) -> timedelta:
    return datetime.combine(day, time.min) - begin.replace(tzinfo=None)


def _shifted(moment: str, day: date, begin: datetime) -> str:
    """The day of a moment by a clock on which `day` begins at `begin`."""
    return f"CAST({moment} + to_seconds({int(_from_utc(day, begin).total_seconds())}) AS DATE)"


def _instant(moment: datetime) -> str:
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'"
