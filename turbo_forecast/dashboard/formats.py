"""How pages write numbers, days and words: the filters of the templates.

Belongs here: one function for each kind of value, and what stands for a value that is not there. Does not belong here: layout.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from turbo_forecast.storage.outlook_findings import level_of
from turbo_forecast.text import printable

NOTHING = "–"
"""What stands for a value that is not known."""
UNIT = "\u00a0%"
"""The unit with a space that no line is broken at."""


def number(value: float | None, digits: int = 1) -> str:
    """1,234.5; a minus as it is printed."""
    return NOTHING if value is None else f"{value:,.{digits}f}".replace("-", "−")


def whole(value: int | None) -> str:
    """1,234."""
    return NOTHING if value is None else f"{value:,}"


def points(value: float | None) -> str:
    """Percentage points with their sign: +1.5."""
    return NOTHING if value is None else f"{round(value, 1) + 0.0:+,.1f}".replace("-", "−")


def percent(value: float | None, digits: int = 0) -> str:
    """A percentage, rounded: 90 %, 12.5 %."""
    return NOTHING if value is None else f"{value:.{digits}f}{UNIT}"


def threshold(value: float | None) -> str:
    """A threshold as it was set: 90 %, 92.5 %."""
    return NOTHING if value is None else f"{value:g}{UNIT}"


def probability(value: float | None) -> str:
    """A share of 1 in percent; what is not certain is never written as 0 or 100 %."""
    if value is None:
        return NOTHING
    whole = round(100 * value)
    if whole <= 0 < value:
        return f"< 1{UNIT}"
    if whole >= 100 > 100 * value:
        return f"> 99{UNIT}"
    return f"{whole}{UNIT}"


def level(value: float | None, threshold: float) -> str:
    """A level beside its threshold, to which it is never rounded up."""
    return level_of(value, threshold).replace(" %", UNIT)


def day(value: date | datetime | None) -> str:
    """2026-03-01."""
    return NOTHING if value is None else f"{value:%Y-%m-%d}"


def moment(value: datetime | None) -> str:
    """2026-03-01 06:30 UTC."""
    return NOTHING if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def plural(count: int, one: str, many: str | None = None) -> str:
    """1 host, 2 hosts."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def name(value: object) -> str:
    """A name that others chose: what cannot be seen in it is written out."""
    return printable(str(value))


def sentence(text: str) -> str:
    """Sentences that hold names: as `name`, and no percentage is parted from its sign."""
    return printable(text.replace(UNIT, " %")).replace(" %", UNIT)


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "whole": whole,
    "points": points,
    "percent": percent,
    "threshold": threshold,
    "probability": probability,
    "level": level,
    "day": day,
    "moment": moment,
    "plural": plural,
    "name": name,
    "sentence": sentence,
}
