"""Which weekdays and months a series was observed on, and which it says nothing of.

A forecast of a Saturday rests on Saturdays. Where a series was never observed on one, no backtest can see that the
forecast there is wrong: it is recorded, and published with an interval that says so.
Belongs here: the rule and its names, as functions of day numbers. Does not belong here: what a model does about such days.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int64]
Flags = NDArray[np.bool_]

FEW = 4
"""A weekday or month observed on fewer days than this, and on less than a quarter as many as the commonest one, is not
known: three days say less of it than their noise."""
WEEK_DAYS = 7
WHOLE_YEARS, WHOLE_WEEKS = 730, 14
"""Spans (days) from which on the absence of a month, or of a weekday, is no accident of a short history; Prophet's own."""
_FEWEST_MISSING = 2 * 28 - FEW
"""A series that misses fewer days than this in two years or more knows every month."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def weekday(days: Days) -> Days:
    """(n,) weekdays of day numbers since 1970-01-01, 0 for Monday."""
    found: Days = (days + 3) % WEEK_DAYS
    return found


def month(days: Days) -> Days:
    """(n,) months of day numbers since 1970-01-01, 0 for January."""
    months: Days = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    return months


def hardly_observed(counts: Days) -> Flags:
    """(n,) which phases were observed too rarely to be known, from the number of days each was observed on."""
    few: Flags = (counts < FEW) & (FEW * counts < counts.max(initial=0))
    return few


def unknown_weekdays(days: Days) -> Flags:
    """(7,) weekdays (0 for Monday) that the observed days do not identify."""
    return hardly_observed(np.bincount(weekday(days), minlength=WEEK_DAYS))


def unknown_months(days: Days) -> Flags:
    """(12,) months (0 for January) that the observed days do not identify."""
    return hardly_observed(np.bincount(month(days), minlength=12))


@dataclass(frozen=True, slots=True)
class Unobserved:
    """Weekdays and months, by name, of which a series says nothing although its history is long enough to."""

    weekdays: tuple[str, ...] = ()
    months: tuple[str, ...] = ()
    never: bool = True
    """Whether none of them was ever observed; else some were, on a few days."""

    @property
    def sentence(self) -> str:
        """The fact in words; empty where there is none."""
        phases = [("on", self.weekdays), ("in", self.months)]
        named = " and ".join(f"{preposition} {', '.join(names)}" for preposition, names in phases if names)
        return f"{'never' if self.never else 'hardly ever'} observed {named}" if named else ""


EVERYTHING_OBSERVED = Unobserved()


def unobserved(days: Days) -> Unobserved:
    """What a series' observed days (n,), increasing, never or hardly ever show: weekdays if they span two weeks, months
    if they span two years."""
    span = int(days[-1] - days[0]) if days.size else 0
    missing = span + 1 - days.size
    if span < WHOLE_WEEKS or missing < min(span // WEEK_DAYS - FEW, _FEWEST_MISSING):
        return EVERYTHING_OBSERVED
    weekdays = np.flatnonzero(unknown_weekdays(days))
    months = np.flatnonzero(unknown_months(days)) if span >= WHOLE_YEARS else np.empty(0, np.int64)
    seen = np.isin(weekday(days), weekdays).any() or np.isin(month(days), months).any()
    return Unobserved(
        weekdays=tuple(WEEKDAYS[i] for i in weekdays),
        months=tuple(MONTHS[i] for i in months),
        never=not seen,
    )
