"""The compiled loops that find a cycle by day of the month (`month_cycle.py`) and by day of the year (`yearly_profile.py`).

Every kernel they call stands in this file: numba notices a change of a kernel's own file, not of what it calls elsewhere.
Does not belong here: which days are which (`cycle_calendar.py`), and keeping machine code (`level_kernel_set.py`).
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math

import numpy as np

from turbo_forecast.turbo_prophet.jit import entry, kernel

MONTH_SIDE = 30
"""Days on either side of the moving mean that a day of the month is measured from: every day of two months alike."""
CLIP = 2.5
"""Deviations count up to so many times their mean size: no single day makes a cycle."""
CLEAR = 5.0
"""Standard errors by which a place of the month must differ from all days, for there are 45 places to choose from."""
SMALLEST = 1.0
"""A place differs at least by so many mean deviations in its latest months: a cycle that has ended does not."""
LATEST = 12
"""Occurrences, the latest, whose median is the effect: a cycle that has ended is gone after half a year."""
MOST = 12
"""Places of one series that may differ."""

YEAR, CALENDAR = 365, 146_097
"""Days of a profile, and of the Gregorian calendar's cycle (400 years, whole weeks)."""
YEAR_SIDE, SMOOTH_SIDE = 182, 7
YEAR_CLIP = 3.0
DISCOUNT = 0.8
"""What a year counts beside the one after it."""
SEARCHES = 3
SHORTEST_YEARS, PART_OF_YEAR = 1.5, 60


@kernel
def centred_mean(z, side, out):
    """Into out (size,): mean of what was observed (not NaN) up to `side` days before and after each day; 0 for none."""
    total, n = 0.0, 0
    for i in range(-side, z.size):
        entering, leaving = i + side, i - side - 1
        if entering < z.size and not np.isnan(z[entering]):
            total += z[entering]
            n += 1
        if leaving >= 0 and not np.isnan(z[leaving]):
            total -= z[leaving]
            n -= 1
        if n == 0:
            total = 0.0  # what rounding left must not stay for ever
        if i >= 0:
            out[i] = total / n if n else 0.0


@kernel
def spread_out(days, values, z):
    """Into z (size,): values (n,) by calendar day from days[0] on; NaN where there is none."""
    z[:] = math.nan
    for i in range(days.size):
        z[days[i] - days[0]] = values[i]


@kernel
def without_weekdays(days, values):
    """Take each weekday's mean off values (n,), in place."""
    total, count = np.zeros(7), np.zeros(7)
    for i in range(days.size):
        total[days[i] % 7] += values[i]
        count[days[i] % 7] += 1.0
    for i in range(days.size):
        values[i] -= total[days[i] % 7] / count[days[i] % 7]


@kernel
def median(values):
    """Median of values (n,), n >= 1."""
    ordered = np.sort(values)
    half = ordered.size // 2
    return ordered[half] if ordered.size % 2 else 0.5 * (ordered[half - 1] + ordered[half])


@kernel
def clearest(days, deviation, size, places, closed):
    """The place whose mean clipped deviation is the most standard errors from that of all days, and how many (signed).

    size: the mean deviation. closed: (P,) places that are left out of the search.
    """
    total, count = np.zeros(closed.size), np.zeros(closed.size)
    every, square = 0.0, 0.0
    for i in range(days.size):
        clipped = min(max(deviation[i] / size, -CLIP), CLIP)
        every += clipped
        square += clipped * clipped
        for place in places[days[i] % CALENDAR]:
            if place >= 0:
                total[place] += clipped
                count[place] += 1.0
    centre = every / days.size
    spread = math.sqrt(max(square / days.size - centre * centre, 1e-12))
    best, most = -1, 0.0
    for place in range(closed.size):
        if count[place] > 0.0 and not closed[place]:
            errors = (total[place] / count[place] - centre) * math.sqrt(count[place]) / spread
            if abs(errors) > abs(most):
                best, most = place, errors
    return best, most


@kernel
def latest_effect(days, deviation, places, wanted):
    """Median deviation of a place's LATEST occurrences, minus the median of all days."""
    found, n = np.empty(LATEST), 0
    i = days.size - 1
    while i >= 0 and n < LATEST:
        for place in places[days[i] % CALENDAR]:
            if place == wanted and n < LATEST:
                found[n] = deviation[i]
                n += 1
        i -= 1
    return median(found[:n]) - median(deviation)


@entry
def month_effects(days, y, places, effects):
    """Into effects (P,): by how much each place of the month lies above the days around it; 0 where nothing shows.

    days, y: (n,) observations, n >= 1. places: (CALENDAR, F) the places of every day, -1 for none. Returns how many
    places were found.
    """
    effects[:] = 0.0
    closed = np.zeros(effects.size, np.bool_)
    z, level = np.empty(days[-1] - days[0] + 1), np.empty(days[-1] - days[0] + 1)
    rest, deviation = y.copy(), np.empty(y.size)
    found = 0
    while found < MOST:
        spread_out(days, rest, z)
        centred_mean(z, MONTH_SIDE, level)
        for i in range(days.size):
            deviation[i] = rest[i] - level[days[i] - days[0]]
        without_weekdays(days, deviation)
        size = np.abs(deviation).mean()
        if size <= 1e-9:
            break
        best, errors = clearest(days, deviation, size, places, closed)
        if abs(errors) < CLEAR:
            break
        effect = latest_effect(days, deviation, places, best)
        if effect * math.copysign(1.0, errors) < SMALLEST * size:
            closed[best] = True
            continue
        found += 1
        effects[best] += effect
        for i in range(days.size):
            for place in places[days[i] % CALENDAR]:
                if place == best:
                    rest[i] -= effect
    return found


@kernel
def circular_mean(profile, out):
    """Into out (365,): mean of profile (365,; NaN: none) up to SMOOTH_SIDE days on either side, round the year; 0 for none."""
    total, n = 0.0, 0
    for i in range(-2 * SMOOTH_SIDE - 1, YEAR):
        entering, leaving = profile[(i + SMOOTH_SIDE) % YEAR], profile[(i - SMOOTH_SIDE - 1) % YEAR]
        if not np.isnan(entering):
            total += entering
            n += 1
        if i >= 0:
            if not np.isnan(leaving):
                total -= leaving
                n -= 1
            out[i] = total / n if n else 0.0


@kernel
def profile_of(by_year, left_out, mean, once, profile):
    """Into profile (365,): the discounted mean over years of by_year (years, 365; NaN: none), smoothed twice.

    left_out: a year that does not count; -1 for none. mean, once: (365,) workspace; mean is the unsmoothed mean afterwards.
    """
    mean[:] = 0.0
    once[:] = 0.0
    for k in range(by_year.shape[0]):
        if k != left_out:
            counts = DISCOUNT**k
            for d in range(YEAR):
                if not np.isnan(by_year[k, d]):
                    mean[d] += counts * by_year[k, d]
                    once[d] += counts
    for d in range(YEAR):
        mean[d] = mean[d] / once[d] if once[d] > 0.0 else math.nan
    circular_mean(mean, once)
    circular_mean(once, profile)


@kernel
def share_that_returns(by_year):
    """How much of the profile to expect again, 0 to 1: how well the other years predict each year, and all of them do.

    The discounted slope b of years on the profiles of the other n - 1; then 1 / (1 + (n - 1) / n (1 / b - 1)), for the
    noise of a mean falls with the years in it; n is the effective number of discounted years.
    """
    mean, once, profile = np.empty(YEAR), np.empty(YEAR), np.empty(YEAR)
    product, square, weight, weight_square = 0.0, 0.0, 0.0, 0.0
    for k in range(by_year.shape[0]):
        seen = 0
        for d in range(YEAR):
            seen += not np.isnan(by_year[k, d])
        counts = DISCOUNT**k
        weight += counts * seen / YEAR
        weight_square += (counts * seen / YEAR) ** 2
        if seen < PART_OF_YEAR:
            continue
        profile_of(by_year, k, mean, once, profile)
        for d in range(YEAR):
            if not np.isnan(by_year[k, d]) and not np.isnan(mean[d]):
                product += counts * by_year[k, d] * profile[d]
                square += counts * profile[d] * profile[d]
    if product <= 0.0:
        return 0.0
    slope = min(product / square, 1.0)
    years = max(weight * weight / weight_square, SHORTEST_YEARS)
    return 1.0 / (1.0 + (years - 1.0) / years * (1.0 / slope - 1.0))


@entry
def year_profile(days, y, day_of_year, profile):
    """Into profile (365,): by how much each day of the year is expected above the year around it.

    days, y: (n,) observations, n >= 1. day_of_year: (CALENDAR,) 0 to 364 of every day. 0 everywhere where less than a year
    and a half was observed, or where no year is like the others.
    """
    profile[:] = 0.0
    if days.size < SHORTEST_YEARS * YEAR:
        return
    size = days[-1] - days[0] + 1
    z, level, rest = np.empty(size), np.empty(size), np.empty(days.size)
    spread_out(days, y, z)
    centred_mean(z, 3, level)
    for i in range(days.size):
        rest[i] = y[i] - level[days[i] - days[0]]
    without_weekdays(days, rest)
    for i in range(days.size):
        rest[i] += level[days[i] - days[0]]
    by_year = np.empty(((size + YEAR - 1) // YEAR, YEAR))
    mean, once, deviation = np.empty(YEAR), np.empty(YEAR), np.empty(days.size)
    for _ in range(SEARCHES):
        for i in range(days.size):
            deviation[i] = rest[i] - profile[day_of_year[days[i] % CALENDAR]]
        spread_out(days, deviation, z)
        centred_mean(z, YEAR_SIDE, level)
        for i in range(days.size):
            deviation[i] = rest[i] - level[days[i] - days[0]]
        most = YEAR_CLIP * np.abs(deviation).mean()
        by_year[:] = math.nan
        for i in range(days.size):
            year = (days[-1] - days[i]) // YEAR
            by_year[year, day_of_year[days[i] % CALENDAR]] = min(max(deviation[i], -most), most)
        profile_of(by_year, -1, mean, once, profile)
        profile -= profile.mean()
    profile *= share_that_returns(by_year)


def compile_kernels() -> None:
    """Compile the loops for the types that their callers pass, or load them from where they are kept."""
    days, y = np.arange(40), np.arange(40.0)
    month_effects(days, y, np.full((CALENDAR, 4), -1, np.int8), np.zeros(2))
    year_profile(days, y, np.zeros(CALENDAR, np.int16), np.zeros(YEAR))
