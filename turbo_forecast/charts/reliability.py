"""The reliability plot: what was said, from left to right, and how often it came true, from below; on the diagonal the two agree.

Belongs here: where its marks lie, in a square of SIDE units; a page or report draws them as inline SVG in colours of its own, so
that it needs no script, prints, and follows a dark screen. Does not belong here: the bins (`outlook/track_record.py`).
"""

from dataclasses import dataclass
from math import sqrt

import polars as pl

SIDE, SMALLEST, LARGEST = 200.0, 2.5, 9.0
"""Of the square between 0 and 100 %, and radii of marks."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A bin: x is what was said, y (downwards) what came true; its area, but for the least, is as its share of the statements."""

    x: float
    y: float
    radius: float
    said: float
    true: float
    n: int


def reliability_marks(bins: pl.DataFrame) -> list[Mark]:
    """The marks, the largest first, so that none hides another. bins: rows of OUTLOOK_RELIABILITY of one kind and population."""
    most = max(bins["n"], default=1)
    return [
        Mark(
            x=round(SIDE * said, 1),
            y=round(SIDE * (1 - true), 1),
            radius=round(SMALLEST + (LARGEST - SMALLEST) * sqrt(n / most), 1),
            said=said,
            true=true,
            n=n,
        )
        for said, true, n in bins.sort("n", descending=True).select("predicted", "observed", "n").iter_rows()
    ]
