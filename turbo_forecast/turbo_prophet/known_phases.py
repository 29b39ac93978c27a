"""Seasonal columns that keep to the phases of the year and of the week which a history has observed.

A seasonality is a curve over a cycle. On a weekday or in a part of the year that was never observed, its value is free:
Prophet's own rules look at the history's span only, and its forecast there may be anything (hosts observed from Monday to
Friday and never above 25 % were forecast at 100 % on Saturdays). Here the columns of a season are centred where it is known
and zero where it is not: the forecast there is the trend's, the series' own level. A posterior without free directions is easier
to maximise, too.

Belongs here: which places of the year are known, and the columns. Does not belong here: fitting.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.seasonal_gaps import (
    FEW,
    WEEK_DAYS,
    WHOLE_YEARS,
    YEAR_PLACES,
    Days,
    Flags,
    unknown_weekdays,
    weekday,
)

Floats = NDArray[np.float64]

RESOLUTION = 1.5
"""A gap in the year is one that a season of order N does not bridge when it is longer than year / (1.5 N): 24 days at
order 10, 61 at order 4. A curve of N harmonics has about 2 N g / year free directions in a gap of length g (Slepian 1978,
doi:10.1002/j.1538-7305.1978.tb02104.x): 4/3 of one at this limit. The curve that hides best in such a gap, of orders 3 to
20, has 90 to 94 % of its squares there. A gap of one free direction hides 79 to 85 %; one of two hides 98 to 99 %, and the season's
variance in it, of one observation at each other place, is 2.5 to 6 times that of an observation."""
WORST_VARIANCE = 1.0
"""A place of the year is unknown too where the season's variance, had each observed place one observation, is larger than
that of the observations themselves. Many gaps that are each short enough leave a season as free as one long gap does."""
YEAR_DAYS = 365.25
_RIDGE = 1e-6
"""Added to the season's Gram matrix, so that directions that nothing identifies have a large variance, not none."""


def unknown_slots(slots: Days, order: int) -> Flags:
    """(366,) places of the year that lie in a gap too long for a season of so many harmonics, or between two such gaps
    on a stretch that is itself shorter than that, or where the season varies more than WORST_VARIANCE.

    slots: (n,) places of the observed days, n >= 1.
    """
    longest = YEAR_DAYS / (RESOLUTION * order)
    observed = np.zeros(YEAR_PLACES, dtype=np.bool_)
    observed[slots] = True
    seen = np.flatnonzero(observed)
    gaps = np.diff(seen, append=seen[0] + YEAR_PLACES) - 1  # after each observed place, around the year's end too
    unknown = np.zeros(YEAR_PLACES, dtype=np.bool_)
    if gaps.max() > longest / 2:  # with shorter gaps every place is identified, and nothing need be computed
        unknown |= ~observed & (_variances(observed, order) > WORST_VARIANCE)
    wide = np.flatnonzero(gaps > longest)
    for i, at in enumerate(wide):
        start, end = seen[at] + 1, seen[at] + gaps[at]
        following = wide[(i + 1) % wide.size]
        ahead = (seen[following] - end - 1) % YEAR_PLACES + 1  # the stretch from this gap to the next one
        if ahead < longest:
            end += ahead
        unknown[np.arange(start, end + 1) % YEAR_PLACES] = True
    return unknown


def _variances(observed: Flags, order: int) -> Floats:
    """(366,) variance at each place of a mean and a season fitted to one observation of variance 1 at each observed place.

    The diagonal of X (X_o' X_o)^-1 X' (Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, 2nd ed.,
    equation 3.8 and section 5.2.1).
    """
    year = _whole_year(order)
    seen = year[observed]
    gram = seen.T @ seen + _RIDGE * np.eye(year.shape[1])
    variances: Floats = (year * np.linalg.solve(gram, year.T).T).sum(axis=1)
    return variances


@cache
def _whole_year(order: int) -> Floats:
    """(366, 1 + 2 order) a constant and a season's harmonics at every place of a leap year."""
    angles = 2 * np.pi / YEAR_DAYS * np.outer(np.arange(YEAR_PLACES), np.arange(1, order + 1))
    return np.concatenate([np.ones((YEAR_PLACES, 1)), np.sin(angles), np.cos(angles)], axis=1)


@dataclass(frozen=True)
class Unknown:
    """Phases that a history does not identify: weekdays (7,) from Monday, places of the year (366,)."""

    weekdays: Flags
    slots: Flags

    @classmethod
    def of(cls, days: Days, slots: Days, orders: tuple[int, int, int], widest: int | None = None) -> "Unknown | None":
        """Those of a history's days (n,), n >= 1, for seasons of such Fourier orders (year, week, day); None if there
        is none.

        slots: (n,) `slot_of_year` of the days. widest: the longest distance of two neighbours, where it is known.
        """
        yearly, weekly, _ = orders
        span = int(days[-1] - days[0])
        missing = span + 1 - days.size
        week, year = np.zeros(WEEK_DAYS, dtype=np.bool_), np.zeros(YEAR_PLACES, dtype=np.bool_)
        if weekly and missing > span // WEEK_DAYS - FEW:  # else every weekday has been seen often enough
            week = unknown_weekdays(days)
        # in two years each gap of the year is a gap of the history, too, and most histories have no long one
        if yearly and (
            span < WHOLE_YEARS
            or (np.diff(days).max() if widest is None else widest) - 1 > YEAR_DAYS / (2 * RESOLUTION * yearly)
        ):
            year = unknown_slots(slots, yearly)
        if yearly and (span < int(YEAR_DAYS) or (year.any() and span < WHOLE_YEARS)):
            year[:] = True  # a part of the year that has not come round twice is a season or a trend: nobody can tell
        return cls(week, year) if week.any() or year.any() else None


@dataclass(frozen=True)
class Season:
    """Centred columns of the seasons of one history: what to take off each column where its phase is known."""

    unknown: Unknown
    orders: tuple[int, int, int]
    centre: Floats  # (K,)

    @classmethod
    def of(cls, unknown: Unknown, orders: tuple[int, int, int], days: Days, slots: Days, table: Floats) -> "Season":
        """The columns' means over the observed days (n,) of known phase; table: (n, K) their features."""
        known = cls(unknown, orders, np.zeros(table.shape[1]))._known(days, slots)
        total = np.where(known, table, 0.0).sum(axis=0)
        return cls(unknown, orders, total / np.maximum(known.sum(axis=0), 1))

    def columns(self, days: Days, slots: Days, table: Floats) -> Floats:
        """(n, K) the features of any days: centred where their phase is known, 0 where it is not."""
        return np.where(self._known(days, slots), table - self.centre, 0.0)

    def _known(self, days: Days, slots: Days) -> Flags:
        """(n, K) whether the phase of each day is known to the season that each column belongs to."""
        yearly, weekly, daily = self.orders
        known = np.ones((days.size, 2 * (yearly + weekly + daily)), dtype=np.bool_)
        known[:, : 2 * yearly] = ~self.unknown.slots[slots][:, None]
        known[:, 2 * yearly : 2 * (yearly + weekly)] = ~self.unknown.weekdays[weekday(days)][:, None]
        return known
