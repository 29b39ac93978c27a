"""Dots with intervals, a line each: a mean, and how sure it is.

Belongs here: where dots and lines lie on a scale of WIDTH units. Does not belong here: the figures, and colours.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 400.0
TICKS = 5
"""About so many marks of the scale."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A line of the plot: its name, the dot's place and the interval's, which is the dot's where there is none; value: of the dot."""

    name: str
    x: float
    low: float
    high: float
    value: float


@dataclass(frozen=True, slots=True)
class Dots:
    """The lines in the order given; ticks: place and value of the scale's marks; reference: the place of a value to compare with."""

    dots: Sequence[Dot]
    ticks: Sequence[tuple[float, float]]
    reference: float | None


def dots(rows: Iterable[tuple[str, float | None, float | None, float | None]], reference: float | None = None) -> Dots:
    """A plot of `name, value, low, high`; a row without a value is left out. reference: a value that the scale shows, too."""
    known = [
        (name, value, value if low is None else low, value if high is None else high)
        for name, value, low, high in rows
        if value is not None
    ]
    if not known:
        return Dots([], [], None)
    values = [each for _, *numbers in known for each in numbers]
    values += [reference] if reference is not None else []
    least, most = min(values), max(values)
    step = _step((most - least) or abs(most) or 1.0)
    start, end = math.floor(least / step + 1e-9) * step, math.ceil(most / step - 1e-9) * step
    end = end if end > start else start + step

    def place(value: float) -> float:
        return round(WIDTH * (value - start) / (end - start), 1)

    lines = [Dot(name, place(value), place(low), place(high), value) for name, value, low, high in known]
    count = round((end - start) / step)
    ticks = [(place(start + n * step), start + n * step) for n in range(count + 1)]
    return Dots(lines, ticks, None if reference is None else place(reference))


def _step(span: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that parts a span into about TICKS."""
    power: float = 10.0 ** math.floor(math.log10(span / TICKS))
    return next((power * times for times in (1, 2, 5) if span / (power * times) <= TICKS), power * 10)
