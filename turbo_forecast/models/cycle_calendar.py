"""Which places of its month, and which day of its year, every day is: tables over the calendar's 400 years.

Does not belong here: what happens on such days (`month_cycle.py`, `yearly_profile.py`).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

CALENDAR_DAYS = 146_097
"""The Gregorian calendar repeats after as many, weekdays too: a day's row is its number modulo this."""
FROM_START, FROM_END, WORKING_DAYS = 28, 7, 5
PLACES = FROM_START + FROM_END + 2 * WORKING_DAYS
NOWHERE = -1
LEAP_DAY = 59
"""Day of a leap year, from 0, that counts as the one before it: 29 February."""


@cache
def month_places() -> NDArray[np.int8]:
    """(CALENDAR_DAYS, 4) the places of each day from 1970-01-01 on, NOWHERE for none. Made once per process (20 ms).

    0 to 27: its number from the month's first day. Then 7 from its last day (0: the last). Then 5 working days (Monday to
    Friday) from the first on, and 5 from the last one.
    """
    days = np.arange(CALENDAR_DAYS).astype("datetime64[D]")
    month = days.astype("datetime64[M]")
    first, after = month.astype("datetime64[D]"), (month + 1).astype("datetime64[D]")
    from_start, from_end = (days - first).astype(np.int64), (after - days).astype(np.int64) - 1
    works = np.is_busday(days)
    work_start, work_end = np.busday_count(first, days), np.busday_count(days, after) - 1
    return np.stack(
        [
            np.where(from_start < FROM_START, from_start, NOWHERE),
            np.where(from_end < FROM_END, FROM_START + from_end, NOWHERE),
            np.where(works & (work_start < WORKING_DAYS), FROM_START + FROM_END + work_start, NOWHERE),
            np.where(works & (work_end < WORKING_DAYS), PLACES - WORKING_DAYS + work_end, NOWHERE),
        ],
        axis=1,
    ).astype(np.int8)


@cache
def days_of_year() -> NDArray[np.int16]:
    """(CALENDAR_DAYS,) 0 to 364 for each day from 1970-01-01 on: 29 February counts as the 28th."""
    days = np.arange(CALENDAR_DAYS).astype("datetime64[D]")
    year = days.astype("datetime64[Y]")
    day = (days - year.astype("datetime64[D]")).astype(np.int64)
    leap = ((year + 1).astype("datetime64[D]") - year.astype("datetime64[D]")).astype(np.int64) == 366
    found: NDArray[np.int16] = np.where(leap & (day >= LEAP_DAY), day - 1, day).astype(np.int16)
    return found
