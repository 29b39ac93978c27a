"""Rows that are wrong on purpose, a few of every kind, so that a reader of the demo has something to reject.

Belongs here: the kinds of bad rows, where they are, and how they get among the good ones.
Does not belong here: conflicting duplicates and future dates. They are errors, not rejects, and a demo must load.

A bad row comes *beside* the day's reading, at an odd second of the same day, as from an agent that polled twice: no day
has a bad row alone, and what is usable of a series is the same however many hosts there are. Two kinds differ. A
duplicate repeats a reading, time included. A small overshoot replaces a reading of exactly 100; clipping restores it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.demo.series import DECIMALS, FLEET_STREAM, generator

OF_EACH_KIND = 5
NO_CODE = -1
NO_TIME = np.iinfo(np.int64).min
SECOND = 1_000_000  # in microseconds, the unit of times
HOUR = 3600 * SECOND

REJECTED = (
    *("null_host", "null_time", "null_value", "nan_value", "infinite_value", "negative_value", "far_over_capacity"),
    "duplicate",
)
CLIPPED = ("small_overshoot",)


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that is wrong on purpose: at microsecond `time` of `day`, about the series in column `series`."""

    kind: str
    day: int
    series: int
    time: int
    value: float


@dataclass(slots=True)
class Rows:
    """Rows in time order, as arrays of one length. `host` is NO_CODE and `time` NO_TIME where it is null."""

    host: NDArray[np.int32]
    resource: NDArray[np.int8]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    no_value: NDArray[np.bool_]

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.time)


def bad_rows(daily: NDArray[np.float32], seed: int) -> list[BadRow]:
    """The demo's bad rows, each on another day of another series than the rest, drawn for the fleet as a whole.

    Fewer overshoots than of the other kinds where too few readings are 100.
    """
    rng = generator(seed, FLEET_STREAM, 1)
    taken: set[int] = set()
    found = []
    full = np.flatnonzero(daily.ravel() == 100)
    for kind in (*CLIPPED, *REJECTED):
        for nth in range(OF_EACH_KIND):
            place = _place(rng, daily, full if kind in CLIPPED else None, taken)
            if place is None:
                continue
            day, series = divmod(place, daily.shape[1])
            time = 0 if kind in (*CLIPPED, "duplicate") else _odd_time(rng)
            found.append(BadRow(kind, day, series, time, _value(rng, kind, nth, float(daily[day, series]))))
    return found


def count_kinds(rows: Sequence[BadRow]) -> dict[str, int]:
    """Bad rows per kind; zero is stated."""
    counts = Counter(row.kind for row in rows)
    return {kind: counts[kind] for kind in (*REJECTED, *CLIPPED)}


def with_bad_rows(rows: Rows, bad: Sequence[BadRow], midnights: NDArray[np.int64], resources: int) -> Rows:
    """`rows` and the bad ones among them, still in time order; `midnights` is the time each day begins."""
    extras = [row for row in bad if row.kind not in CLIPPED]
    for row in bad:
        if row.kind in CLIPPED:
            rows.value[_reading(rows, row, midnights, resources)] = row.value
    if not extras:
        return rows
    places = [_position(rows, row, midnights, resources) for row in extras]
    beside = Rows(
        host=np.array([NO_CODE if row.kind == "null_host" else row.series // resources for row in extras], np.int32),
        resource=np.array([row.series % resources for row in extras], np.int8),
        time=np.array([NO_TIME if row.kind == "null_time" else midnights[row.day] + row.time for row in extras]),
        value=np.array([row.value for row in extras]),
        no_value=np.array([row.kind == "null_value" for row in extras]),
    )
    for row, place, nth in zip(extras, places, range(len(extras)), strict=True):
        if row.kind == "duplicate":  # the value as it was written, not as it was before rounding or hours
            beside.value[nth] = rows.value[place - 1]
    return Rows(*(np.insert(getattr(rows, f.name), places, getattr(beside, f.name)) for f in fields(Rows)))


def _place(
    rng: np.random.Generator, daily: NDArray[np.float32], among: NDArray[np.int64] | None, taken: set[int]
) -> int | None:
    """A free cell of `daily` that has a reading; None when a hundred draws found none."""
    count = daily.size if among is None else len(among)
    for _ in range(100 if count else 0):
        draw = int(rng.integers(count))
        place = draw if among is None else int(among[draw])
        if place not in taken and np.isfinite(daily.flat[place]):
            taken.add(place)
            return place
    return None


def _odd_time(rng: np.random.Generator) -> int:
    """A second of the day that no export, daily or hourly, has a reading at."""
    return int(rng.integers(24)) * HOUR + int(rng.integers(1, 3600)) * SECOND


def _value(rng: np.random.Generator, kind: str, nth: int, reading: float) -> float:
    draw = float(rng.random())
    match kind:
        case "nan_value" | "null_value":
            return float("nan")
        case "infinite_value":
            return float("-inf") if nth % 2 else float("inf")
        case "negative_value":
            return round(-0.5 - 60 * draw, DECIMALS)
        case "far_over_capacity":
            return round(110 + 800 * draw, DECIMALS) if nth else 65535.0  # a counter that ran over
        case "small_overshoot":
            return round(100.1 + 4.8 * draw, DECIMALS)
        case _:
            return round(reading, DECIMALS)


def _position(rows: Rows, row: BadRow, midnights: NDArray[np.int64], resources: int) -> int:
    """Where in `rows` a bad row is inserted: after its reading, or where its time belongs."""
    if row.kind == "duplicate":
        return _reading(rows, row, midnights, resources) + 1
    return int(np.searchsorted(rows.time, midnights[row.day] + row.time, side="right"))


def _reading(rows: Rows, row: BadRow, midnights: NDArray[np.int64], resources: int) -> int:
    """The position of the day's first reading of the row's series."""
    first, stop = np.searchsorted(rows.time, [midnights[row.day], midnights[row.day] + 1])
    host, resource = divmod(row.series, resources)
    hit = (rows.host[first:stop] == host) & (rows.resource[first:stop] == resource)
    return int(first + np.flatnonzero(hit)[0])
