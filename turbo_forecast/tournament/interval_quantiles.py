"""Quantiles of earlier errors in units (nonconformity scores), by resource and by headroom up to the envelope's edge.

Belongs here: which errors are pooled, at which level, and how little is made of few. Does not belong here: what a unit is
(`calibration.py`), and finding the quantiles (`order_statistics.py`).
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from turbo_forecast.tournament.order_statistics import Batches, pooled_quantiles
from turbo_forecast.tournament.shrunken_errors import Floats, Integers

PRIOR_WINDOWS = 20
"""How many windows a resource, or a bin of headroom, needs before its quantiles count as much as those of all."""
HEADROOM_EDGES = (20.0, 40.0, 60.0, 80.0)
"""Borders of the bins of headroom, percentage points: an interval's side has as much headroom as there is up to its edge of
the envelope, and errors of both sides with the same headroom are pooled (mirrored)."""
HEADROOM_BINS = len(HEADROOM_EDGES) + 1
TAIL_RESERVE = 0.3
"""How much of each tail is kept in reserve, over the number of windows a series has shown: all series share the calendar, so
what was pooled of one window has seen one surprise, however many days it has."""
SMALLEST = 1e-3
"""What quantiles are at least, for their logarithm."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """What is counted of W windows of k months: cells are numbered by resource, then by bin of headroom.

    below, above: (W, k) cell of either side. days: (W, k) observed days. resource: (W,) of the window. resources: how many
    there are, with or without a window. windows_per_series: windows that a series has shown, at most.
    """

    below: Integers
    above: Integers
    days: Integers
    resource: Integers
    resources: int
    windows_per_series: int


def headroom_bins(headroom: Floats) -> Integers:
    """The bin that each headroom lies in, from 0."""
    found: Integers = np.digitize(headroom, HEADROOM_EDGES)
    return found


def score_quantiles(pooled: Pooled, scores: Callable[[], Batches], interval_widths: Iterable[float]) -> Floats:
    """(widths, resources, HEADROOM_BINS) quantiles of absolute errors in units, on one side of the forecast.

    scores: called twice, gives cell and score of every day off its forecast, in batches; a day's other side is 0.

    Both sides are quantiles of their own, of half of what the interval leaves out, so that either is missed as often
    (Mondrian conformal prediction: Vovk, Gammerman & Shafer 2005, section 4.5). Quantiles are shrunk in logarithms: a
    resource's and a bin's to the fleet's, those of a bin of a resource to what the two together make expect.
    """
    cells = np.arange(pooled.resources * HEADROOM_BINS).reshape(-1, HEADROOM_BINS)
    pools = [cells.ravel(), *cells.T, *cells, *cells.reshape(-1, 1)]
    windows = _windows(pooled)
    levels = np.array([_level(pooled, width) for width in interval_widths])
    every = np.broadcast_to(levels, (len(pools), levels.size))
    found = pooled_quantiles(scores, pools, every, _totals(pooled))
    # in logarithms: where forecasts were exact until something broke, quantiles are in the hundreds
    logs = np.log(np.maximum(np.nan_to_num(found), SMALLEST))
    fleet, by_bin, resources, own = np.split(logs, np.cumsum([1, HEADROOM_BINS, pooled.resources]))
    counts = np.split(windows, np.cumsum([1, HEADROOM_BINS, pooled.resources]))
    by_bin, resources = _shrunk(by_bin, counts[1], fleet), _shrunk(resources, counts[2], fleet)
    expected = (resources[:, None] + by_bin[None] - fleet).reshape(own.shape)
    quantiles = np.exp(_shrunk(own, counts[3], expected)).reshape(pooled.resources, HEADROOM_BINS, -1)
    return np.moveaxis(quantiles, -1, 0)


def at_headroom(quantiles: Floats, resource: Integers, headroom: Floats) -> Floats:
    """(…, A) the quantiles at some headrooms, interpolated between the midpoints of the bins, in logarithms.

    quantiles: (…, resources, HEADROOM_BINS). resource: (A,) row. headroom: (A,) percentage points.
    """
    edges = np.array([0.0, *HEADROOM_EDGES, 100.0])
    midpoints = (edges[1:] + edges[:-1]) / 2
    left = np.clip(np.searchsorted(midpoints, headroom) - 1, 0, HEADROOM_BINS - 2)
    share = np.clip((headroom - midpoints[left]) / (midpoints[left + 1] - midpoints[left]), 0.0, 1.0)
    logs = np.log(quantiles)
    found: Floats = np.exp(logs[..., resource, left] * (1 - share) + logs[..., resource, left + 1] * share)
    return found


def _shrunk(own: Floats, windows: Integers, towards: Floats) -> Floats:
    weight = windows[:, None] / (windows[:, None] + PRIOR_WINDOWS)
    shrunk: Floats = weight * own + (1 - weight) * towards
    return shrunk


def _level(pooled: Pooled, interval_width: float) -> float:
    """The level of the windows + 1 equally likely ranks, the new one's own among them, since a window's days are one sample."""
    tail = (1 - interval_width) / 2 * (1 - TAIL_RESERVE / pooled.windows_per_series)
    windows = pooled.resource.size
    return min(math.ceil((windows + 1) * (1 - tail) - 1e-9) / windows, 1.0)  # whole, but for a rounding error


def _totals(pooled: Pooled) -> Integers:
    """(cells,) observed days of each cell's sides."""
    totals = np.zeros(pooled.resources * HEADROOM_BINS, dtype=np.int64)
    for side in (pooled.below, pooled.above):
        np.add.at(totals, side, pooled.days)
    return totals


def _windows(pooled: Pooled) -> Integers:
    """(pools,) windows with a day in each: the fleet, every bin, every resource, every bin of every resource."""
    seen = pooled.days > 0
    own = np.zeros((pooled.resources, HEADROOM_BINS), dtype=np.int64)
    for place in range(HEADROOM_BINS):
        sides = (seen & (side % HEADROOM_BINS == place) for side in (pooled.below, pooled.above))
        there = np.logical_or(*sides).any(axis=1)
        own[:, place] = np.bincount(pooled.resource[there], minlength=pooled.resources)
    resources = np.bincount(pooled.resource, minlength=pooled.resources)
    return np.concatenate([[pooled.resource.size], own.sum(axis=0), resources, own.ravel()])
