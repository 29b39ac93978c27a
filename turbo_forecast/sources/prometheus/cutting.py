"""Cuts a window into the spans that values are of, and these into pieces that a server answers in one request.

Belongs here: times and sizes. Does not belong here: asking, and what is learnt of a server's limits (`querying.py`).

A query that is evaluated at a time t looks back: `rate(x[1h])` at 11:00 is of (10:00, 11:00]. So the value of the span that
begins at 10:00 is evaluated at its end, and a window's spans end after its start and not after its end: neighbouring windows
and pieces share no evaluation.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

from turbo_forecast.day_edges import day_edges, start_of_day, zone_info
from turbo_forecast.errors import SourceError
from turbo_forecast.sources.protocol import Window

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive spans of one length. first: when the first begins, seconds since 1970; seconds: the length of each."""

    first: int
    seconds: int
    count: int

    @property
    def evaluations(self) -> tuple[int, int]:
        """The first and the last time of evaluation: the ends of the first and the last span."""
        return self.first + self.seconds, self.end

    @property
    def end(self) -> int:
        """When the last span ends."""
        return self.first + self.seconds * self.count

    def parts(self, longest: int) -> list["Run"]:
        """The same spans in as few runs as can be of at most `longest` spans, all of about one size."""
        number = -(-self.count // max(1, longest))
        edges = [self.count * i // number for i in range(number + 1)]
        return [
            replace(self, first=self.first + begin * self.seconds, count=end - begin) for begin, end in pairwise(edges)
        ]


@dataclass(frozen=True, slots=True)
class Piece:
    """What is asked in one query. resource: as the options name it; hosts: only these, all when empty."""

    resource: str
    run: Run
    hosts: tuple[str, ...] = ()

    def shorter(self, longest: int) -> list["Piece"]:
        """The same in pieces of at most `longest` spans."""
        return [replace(self, run=run) for run in self.run.parts(longest)]

    def of_fewer_hosts(self, most: int) -> list["Piece"]:
        """The same in pieces of at most `most` of its hosts."""
        return [replace(self, hosts=self.hosts[i : i + most]) for i in range(0, len(self.hosts), most)]


def runs(window: Window, step_seconds: int, zone: str, now: datetime, where: str) -> list[Run]:
    """The window's spans that have ended by now. A step of a day is a day of the zone: of 23 or 25 hours where clocks change.

    where: how the sentence of a refusal begins. Raises SourceError where the window does not begin and end with days.
    """
    start, end = int(window.start.timestamp()), int(window.end.timestamp())
    spans = _days(window, zone, where) if step_seconds == DAY else _steps(start, end, step_seconds)
    ended = ((begin, length) for begin, length in spans if begin + length <= now.timestamp())
    grouped = (list(group) for _, group in groupby(ended, key=lambda span: span[1]))
    return [Run(group[0][0], group[0][1], len(group)) for group in grouped]


def _steps(start: int, end: int, seconds: int) -> Iterator[tuple[int, int]]:
    """Begin and length of each step; the last is shorter where the window is no multiple of it (a zone that changes by half an hour)."""
    for begin in range(start, end, seconds):
        yield begin, min(seconds, end - begin)


def _days(window: Window, zone: str, where: str) -> Iterator[tuple[int, int]]:
    tz = zone_info(zone)
    first, end = window.start.astimezone(tz).date(), window.end.astimezone(tz).date()
    for moment, day in ((window.start, first), (window.end, end)):
        if moment != start_of_day(day, zone):  # in UTC: a day whose midnight does not come begins at one o'clock
            raise SourceError(
                f"{where}: a step of 1d is a day of {zone}, and {moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC, an end of what is "
                "asked for, is within one: set zone to the telemetry's timezone"
            )
    edges = [int(edge.timestamp()) for edge in day_edges(first, end - timedelta(days=1), zone)]
    for begin, after in pairwise(edges):
        yield begin, after - begin
