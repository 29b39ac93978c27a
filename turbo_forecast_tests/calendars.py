"""Day numbers of three years, and those of them that a rule keeps: what tests of phases and seasons share."""

from datetime import date, timedelta

import numpy as np

FIRST = (date(2023, 1, 1) - date(1970, 1, 1)).days
THREE_YEARS = np.arange(FIRST, FIRST + 1096)


def dates(days: np.ndarray) -> list[date]:
    return [date(1970, 1, 1) + timedelta(days=int(day)) for day in days]


def where(keep) -> np.ndarray:
    """The days of three years for which `keep` (of a date) is true."""
    return THREE_YEARS[[keep(day) for day in dates(THREE_YEARS)]]
