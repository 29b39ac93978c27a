"""The reliability diagram: predicted probability, from left to right, against the observed frequency, from below.

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
    """A bin: x is the predicted probability, y (downwards) the observed frequency; its area, but for the least, is as its share of the statements."""

    x: float
    y: float
    radius: float
    predicted: float
    observed: float
    n: int


def reliability_marks(bins: pl.DataFrame) -> list[Mark]:
    """The marks, the largest first, so that none hides another. bins: rows of OUTLOOK_RELIABILITY of one kind and population."""
    most = max(bins["n"], default=1)
    return [
        Mark(
            x=round(SIDE * predicted, 1),
            y=round(SIDE * (1 - observed), 1),
            radius=round(SMALLEST + (LARGEST - SMALLEST) * sqrt(n / most), 1),
            predicted=predicted,
            observed=observed,
            n=n,
        )
        for predicted, observed, n in bins.sort("n", descending=True).select("predicted", "observed", "n").iter_rows()
    ]
