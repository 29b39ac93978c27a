"""The days of a demo, and what is known of each.

Belongs here: month boundaries, weekdays, seasons, month ends.
Does not belong here: anything of a host or of chance.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.errors import SettingsError
from turbo_forecast.number_words import counted, noun

LATELY_MONTHS = 4  # as long as the backtest: a host that stopped before is retired to the forecast, one within is not


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month of a demo: days `first` to `stop - 1`, counted from the demo's first day."""

    name: str
    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days of a demo, oldest first; arrays are of shape (days,)."""

    days: NDArray[np.datetime64]
    weekday: NDArray[np.int64]
    """0 is Monday."""
    year_angle: NDArray[np.float64]
    """Position in the year, in radians from 1 January."""
    month_end: NDArray[np.float64]
    """Load of month-end jobs in [0, 1]: they run in a month's last two days and the first of the next."""
    months: tuple[Month, ...]

    @property
    def lately(self) -> int:
        """First day of the last four months; 0 when the demo is no longer than that."""
        return self.months[-min(LATELY_MONTHS, len(self.months))].first


def calendar(months: int, end: date) -> Calendar:
    """The `months` calendar months up to `end`, the last one cut at `end`.

    Raises SettingsError when that begins before the year 1.
    """
    last = np.datetime64(end, "D")
    first_month = last.astype("datetime64[M]") - (months - 1)
    if first_month < np.datetime64("0001-01", "M"):
        raise SettingsError(
            f"months: {counted(months, 'month')} to {end} {noun(months, 'begins', 'begin')} before the year 1"
        )
    days = np.arange(first_month.astype("datetime64[D]"), last + 1)
    month = days.astype("datetime64[M]")
    bounds = np.searchsorted(days, np.arange(first_month, first_month + months + 1).astype("datetime64[D]"))
    return Calendar(
        days=days,
        weekday=(days.astype(np.int64) + 3) % 7,  # 1970-01-01 was a Thursday
        year_angle=(days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
        * (2 * np.pi / 365.25),
        month_end=_month_end(days, month),
        months=tuple(Month(str(first_month + nth), int(bounds[nth]), int(bounds[nth + 1])) for nth in range(months)),
    )


def _month_end(days: NDArray[np.datetime64], month: NDArray[np.datetime64]) -> NDArray[np.float64]:
    day_of_month = (days - month.astype("datetime64[D]")).astype(np.int64) + 1
    days_left = ((month + 1).astype("datetime64[D]") - days).astype(np.int64) - 1
    load = np.select([days_left == 0, days_left == 1, day_of_month == 1], [1.0, 0.7, 0.5], 0.0)
    quarter_end = (month.astype(np.int64) + np.where(day_of_month == 1, 0, 1)) % 3 == 0
    return load * np.where(quarter_end, 1.0, 0.75)
