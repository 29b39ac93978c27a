"""The published bounds of a forecast's days, from the calibrated offsets of its months.

Belongs here: bounds of single days. Does not belong here: the offsets (`calibration.py`).
"""

import numpy as np

from turbo_forecast.seasonal_gaps import MONTHS, WEEKDAYS, month, places_of_stretch, slot_of_year, weekday
from turbo_forecast.settings import ENVELOPE
from turbo_forecast.tournament.shrunken_errors import Flags, Floats, Integers


def bounds(yhat: Floats, own: tuple[Floats, Floats], offsets: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """The published lower and upper bounds, (h,) percent in the envelope.

    yhat: (h,) percent. own: the entrant's bounds, which stay where an offset is NaN, since nothing is calibrated there. offsets:
    what is added to yhat for either, percentage points.
    """
    lower, upper = (
        np.where(np.isnan(offset), bound, np.clip(yhat + offset, *ENVELOPE))
        for bound, offset in zip(own, offsets, strict=True)
    )
    return lower, upper


def unknown_days(days: Integers, weekdays: str | None, months: str | None, stretches: str | None) -> Flags:
    """(h,) days like none that a series was ever observed on: nothing says how far such a day is from its forecast.

    weekdays, months, stretches: as SERIES_OUTCOMES names them, parted by ', '; None for none.
    """
    unknown = np.zeros(days.size, dtype=np.bool_)
    if weekdays:
        unknown |= np.isin(weekday(days), [WEEKDAYS.index(name) for name in weekdays.split(", ")])
    if months:
        unknown |= np.isin(month(days), [MONTHS.index(name) for name in months.split(", ")])
    if stretches:
        places = [place for name in stretches.split(", ") for place in places_of_stretch(name)]
        unknown |= np.isin(slot_of_year(days), places)
    return unknown
