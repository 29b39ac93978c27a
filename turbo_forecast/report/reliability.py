"""The reliability plot as inline SVG: what was said, and how often it came true.

Belongs here: where its marks lie. Does not belong here: colours (`templates/style.css`), and the bins (`outlook/track_record.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import polars as pl

SIDE, SMALLEST, LARGEST = 200.0, 2.5, 9.0
"""Of the square between 0 and 100 %, and radii of marks, in units of the view box."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A bin: x is what was said, y (downwards) what came true, radius grows with the root of its statements."""

    x: float
    y: float
    radius: float
    said: float
    true: float
    n: int
    series: int


def reliability_plot(bins: pl.DataFrame) -> Sequence[Mark]:
    """Marks of a square of SIDE units. bins: of OUTLOOK_RELIABILITY, of one kind and population; no mark without one."""
    most = bins["n"].max()
    assert most is None or isinstance(most, int)
    return [
        Mark(
            x=round(SIDE * said, 1),
            y=round(SIDE * (1 - true), 1),
            radius=round(SMALLEST + (LARGEST - SMALLEST) * sqrt(n / (most or 1)), 1),
            said=said,
            true=true,
            n=n,
            series=series,
        )
        for said, true, n, series in bins.select("predicted", "observed", "n", "series").iter_rows()
    ]
