"""Seasonal gaps: weekdays, months and stretches of the year on which a series was never, or hardly ever, observed.

A forecast of a Saturday rests on Saturdays. Where a series was never observed on one, no backtest can see that the
forecast there is wrong: it is recorded, and published with an interval that says so.
Belongs here: the rule and its names, as functions of day numbers. Does not belong here: what a model does about such days.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.number_words import counted

Days = NDArray[np.int64]
Flags = NDArray[np.bool_]

FEW = 4
"""A weekday or month observed on fewer days than this, and on less than a quarter as many as the commonest one, is not
known: three days say less of it than their noise."""
LONG = 28
"""A stretch of the year, in days, that is not known if no year has a day of it: as long as a month."""
NAMED = 3
"""Stretches of the year that a reason names; of more than these it says how many they are."""
SHORT = 7
"""What is left of such a stretch beside months that are unknown themselves is named if it is a week or longer."""
WEEK_DAYS = 7
YEAR_PLACES = 366
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


def slot_of_year(days: Days) -> Days:
    """(n,) places in a leap year of day numbers since 1970-01-01: 0 for 1 January, 59 for 29 February, 365 at the end."""
    dates = days.astype("datetime64[D]")
    years = dates.astype("datetime64[Y]")
    place = (dates - years.astype("datetime64[D]")).astype(np.int64)
    year = years.astype(np.int64) + 1970
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    found: Days = place + ((place >= 59) & ~leap)
    return found


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


def unknown_stretches(days: Days) -> list[Days]:
    """Stretches of the year, each as its places (see `slot_of_year`), of LONG days or more of which none was ever observed;
    without the months that are unknown themselves.

    days: (n,) observed, n >= 1.
    """
    seen = np.unique(slot_of_year(days))
    after = np.append(seen[1:], seen[0] + YEAR_PLACES)
    in_unknown_month = unknown_months(days)[_MONTH_OF_PLACE]
    stretches = []
    for start, end in zip(seen + 1, after, strict=True):
        if end - start >= LONG:
            places = np.arange(start, end) % YEAR_PLACES
            left = np.split(places, np.flatnonzero(np.diff(in_unknown_month[places])) + 1)
            stretches += [run for run in left if run.size >= SHORT and not in_unknown_month[run[0]]]
    return stretches


_LEAP_YEAR = np.datetime64("2024-01-01") + np.arange(YEAR_PLACES)
_MONTH_OF_PLACE = month(_LEAP_YEAR.astype(np.int64))
_NAME_OF_PLACE = tuple(str(day)[5:] for day in _LEAP_YEAR)


def places_of_stretch(name: str) -> list[int]:
    """The places in a leap year (see `slot_of_year`) of a stretch that is named by its first and last day: `07-10 to 08-20`."""
    first, last = (_NAME_OF_PLACE.index(end) for end in name.split(" to "))
    return [place % YEAR_PLACES for place in range(first, last + 1 + (YEAR_PLACES if last < first else 0))]


@dataclass(frozen=True, slots=True)
class Unobserved:
    """Weekdays, months and stretches of the year of which a series says nothing although its history is long enough to."""

    weekdays: tuple[str, ...] = ()
    months: tuple[str, ...] = ()
    stretches: tuple[str, ...] = ()
    """As `places_of_stretch` reads them."""
    never: bool = True
    """Whether none of them was ever observed; else some were, on a few days."""

    @property
    def sentence(self) -> str:
        """The fact in words; empty where there is none."""
        more = len(self.stretches) - NAMED
        named_stretches = (
            *self.stretches[:NAMED],
            *([f"{counted(more, 'more stretch', 'more stretches')} of the year"] if more > 0 else []),
        )
        phases = [("on", self.weekdays), ("in", self.months), ("from", named_stretches)]
        named = " and ".join(f"{preposition} {', '.join(names)}" for preposition, names in phases if names)
        return f"{'never' if self.never else 'hardly ever'} observed {named}" if named else ""


EVERYTHING_OBSERVED = Unobserved()


def unobserved(days: Days) -> Unobserved:
    """What a series' observed days (n,), increasing, never or hardly ever show: weekdays if they span two weeks, months
    and stretches of the year if they span two years."""
    span = int(days[-1] - days[0]) if days.size else 0
    missing = span + 1 - days.size
    if span < WHOLE_WEEKS or missing < min(span // WEEK_DAYS - FEW, _FEWEST_MISSING):
        return EVERYTHING_OBSERVED
    weekdays = np.flatnonzero(unknown_weekdays(days))
    months, stretches = np.empty(0, np.int64), []
    if span >= WHOLE_YEARS:
        months, stretches = np.flatnonzero(unknown_months(days)), unknown_stretches(days)
    seen = np.isin(weekday(days), weekdays).any() or np.isin(month(days), months).any()
    return Unobserved(
        weekdays=tuple(WEEKDAYS[i] for i in weekdays),
        months=tuple(MONTHS[i] for i in months),
        stretches=tuple(f"{_NAME_OF_PLACE[run[0]]} to {_NAME_OF_PLACE[run[-1]]}" for run in stretches),
        never=not seen,
    )
