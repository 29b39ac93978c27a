"""How numbers, shares, days and counts are written, wherever people read them: pages, the report, the terminal, messages.

Belongs here: one function for each kind of value, and what stands for a value that is not known. Does not belong here: names that others
chose (`text.py`), a level beside its threshold (`storage/outlook_findings.py`), and columns (`commands/output.py`).
"""

import math
from datetime import date, datetime

UNKNOWN = "–"
"""What stands for a value that is not known."""
DIGITS = 4
"""Digits after the point that `plain` writes at most."""
MOST_DIGITS = 9
"""The same of `rounded`: what is nearer to nothing is written as 0."""


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 row`, `0 rows`, `1,234 rows`; many: where it is not `one` with an s."""
    return f"{count:,} {noun(count, one, many)}"


def noun(count: float, one: str, many: str = "") -> str:
    """The noun or verb alone that a count asks for: `row` or `rows`, `is` or `are`."""
    return one if count == 1 else many or f"{one}s"


def plain(value: float | None, digits: int = DIGITS) -> str:
    """As a person writes it: `90`, `92.5`, `0.3` of 0.30000000000000004; so many digits after the point at most."""
    if value is None:
        return UNKNOWN
    text = f"{round(value, digits) + 0.0:,.{digits}f}"  # + 0.0: nothing has no minus
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(value: float, significant: int = 3) -> str:
    """With so many significant digits, and all of those before the point: `66.7`, `1,500`, `0.04`, never with an exponent."""
    if not math.isfinite(value):
        return str(value)
    before_point = math.floor(math.log10(abs(value))) + 1 if value else 1
    return plain(value, min(max(0, significant - before_point), MOST_DIGITS))


def number(value: float | None, digits: int = 1) -> str:
    """With so many digits after the point, and a minus as it is printed: `1,234.5`, `−0.5`."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}".replace("-", "−")


def whole(value: int | None) -> str:
    """`1,234`."""
    return UNKNOWN if value is None else f"{value:,}"


def points(value: float | None) -> str:
    """Percentage points with their sign: `+1.5`."""
    return UNKNOWN if value is None else f"{round(value, 1) + 0.0:+,.1f}".replace("-", "−")


def percent(value: float | None, digits: int = 0) -> str:
    """A percentage, rounded: `90 %`, `12.5 %`."""
    return UNKNOWN if value is None else f"{value:.{digits}f} %"


def share(value: float | None) -> str:
    """A share in [0, 1] as a whole percentage: `90 %`."""
    return UNKNOWN if value is None else percent(100 * value)


def threshold(value: float | None) -> str:
    """A threshold as it was set: `90 %`, `92.5 %`."""
    return UNKNOWN if value is None else f"{plain(value)} %"


def probability(value: float | None) -> str:
    """A probability in percent; what is not certain is never written as 0 or 100 %."""
    if value is None:
        return UNKNOWN
    nearest = round(100 * value)
    if nearest <= 0 < value:
        return "< 1 %"
    if nearest >= 100 > 100 * value:
        return "> 99 %"
    return f"{nearest} %"


def day(value: date | datetime | None) -> str:
    """`2026-03-01`."""
    return UNKNOWN if value is None else f"{value:%Y-%m-%d}"


def moment(value: datetime | None) -> str:
    """`2026-03-01 06:30 UTC`."""
    return UNKNOWN if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def days_ago(days: int) -> str:
    """`today`, `1 day ago`, `12 days ago`; a clock elsewhere may be a day ahead."""
    if days < 0:
        return "in the future"
    return "today" if days == 0 else f"{counted(days, 'day')} ago"
