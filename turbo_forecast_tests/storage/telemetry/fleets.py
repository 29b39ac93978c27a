"""A small fleet whose base table is known before any telemetry of it is written.

Belongs here: readings, and the days NumPy makes of them: the truth that a reader of telemetry has to find again.
Does not belong here: how readings are written (`writing`), and in which dialect (`dialects`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np

DAY = 86_400
STATISTICS: dict[str, Callable[[np.ndarray], float]] = {
    "mean": lambda values: float(np.mean(values)),
    "max": lambda values: float(np.max(values)),
    "p95": lambda values: float(np.percentile(values, 95)),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one series. `moment` is in the fleet's zone, or a wall clock's; `percent` is a multiple of 0.25."""

    host: str
    resource: str
    moment: datetime
    percent: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a fleet is made of. The same fields give the same readings."""

    seed: int
    hosts: tuple[str, ...]
    resources: tuple[str, ...]
    start: date
    days: int
    grain: int
    """Seconds between readings; DAY for one a day."""
    at: time
    """The time of day of the only reading of a day."""
    zone: str
    """The zone whose days count; empty for wall-clock times."""

    def readings(self, *, twice: bool = True) -> list[Reading]:
        """Every reading, by moment; without those of an hour that a wall clock shows twice or never, unless `twice`.

        A tenth of the readings and some whole days are missing; one in a hundred is a little above 100 percent.
        """
        random = np.random.default_rng(self.seed)
        moments = [moment for moment in self._moments() if twice or not _is_ambiguous(moment)]
        lost_days = set(random.choice(self.days, self.days // 8, replace=False).tolist())
        found = []
        for moment in moments:
            for host in self.hosts:
                for resource in self.resources:
                    quarters, luck = int(random.integers(0, 401)), random.random()
                    percent = 101.0 if luck < 0.01 else quarters / 4
                    if luck < 0.9 and (moment.date() - self.start).days not in lost_days:
                        found.append(Reading(host, resource, moment, percent))
        return found

    def _moments(self) -> Iterable[datetime]:
        zone = zone_of(self.zone)
        if self.grain == DAY:
            for day in range(self.days):
                local = datetime.combine(self.start + timedelta(days=day), self.at, zone)
                yield local.astimezone(UTC).astimezone(zone) if zone else local  # a time that the clock shows
            return
        first, last = (datetime.combine(self.start + timedelta(days=day), time(), zone) for day in (0, self.days))
        if zone:
            first, last = first.astimezone(UTC), last.astimezone(UTC)
        while first < last:
            yield first.astimezone(zone) if zone else first
            first += timedelta(seconds=self.grain)


Days = dict[tuple[str, str, date], float]
"""y of each host, resource and day."""


def days_of(readings: Iterable[Reading], statistic: Callable[[str], str]) -> Days:
    """The base table of readings of distinct moments; `statistic` names each resource's."""
    values: dict[tuple[str, str, date], list[float]] = {}
    for reading in readings:
        key = (reading.host, reading.resource, reading.moment.date())
        values.setdefault(key, []).append(min(reading.percent, 100.0))
    return {key: STATISTICS[statistic(key[1])](np.array(found)) for key, found in values.items()}


def instant(moment: datetime) -> datetime:
    """The moment in UTC, where it has a zone: Python holds the two hours that a clock shows twice for equal."""
    return moment.astimezone(UTC) if moment.tzinfo else moment


def zone_of(name: str) -> tzinfo | None:
    """The zone of a name: an offset such as +05:30, an IANA name, or none."""
    if name[:1] in ("+", "-"):
        minutes = int(name[1:3]) * 60 + int(name[4:6])
        return timezone(timedelta(minutes=-minutes if name[0] == "-" else minutes))
    return ZoneInfo(name) if name else None


def _is_ambiguous(moment: datetime) -> bool:
    return moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()
