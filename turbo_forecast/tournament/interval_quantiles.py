"""How many units an interval reaches: quantiles of earlier errors in units, by resource and by room up to the envelope's edge.

Belongs here: which errors are pooled, at which level, and how little is made of few. Does not belong here: what a unit is
(`calibration.py`), and finding the quantiles (`order_statistics.py`).
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from turbo_forecast.tournament.evidence import Floats, Integers
from turbo_forecast.tournament.order_statistics import Batches, pooled_quantiles

PRIOR_WINDOWS = 20
"""How many windows a resource, or a range of room, needs before its quantiles count as much as those of all."""
ROOM_EDGES = (20.0, 40.0, 60.0, 80.0)
"""Where ranges of room part, percentage points: an interval's side has as much room as there is up to its edge of the
envelope, and errors of both sides with the same room are pooled (mirrored)."""
RANGES = len(ROOM_EDGES) + 1
HELD_BACK = 0.3
"""How much of each tail is kept in reserve, over the number of windows a series has shown: all series share the calendar, so
what was pooled of one window has seen one surprise, however many days it has."""
SMALLEST = 1e-3
"""What quantiles are at least, for their logarithm."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """What is counted of W windows of k months: cells are numbered by resource, then by range of room.

    below, above: (W, k) cell of either side. days: (W, k) observed days. resource: (W,) of the window. resources: how many
    there are, with or without a window. witnesses: windows that a series has shown, at most.
    """

    below: Integers
    above: Integers
    days: Integers
    resource: Integers
    resources: int
    witnesses: int


def ranges_of(room: Floats) -> Integers:
    """The range that each room lies in, from 0."""
    found: Integers = np.digitize(room, ROOM_EDGES)
    return found


def reach_in_units(pooled: Pooled, scores: Callable[[], Batches], interval_widths: Iterable[float]) -> Floats:
    """(widths, resources, RANGES) quantiles of absolute errors in units, on one side of the forecast.

    scores: called twice, gives cell and score of every day off its forecast, in batches; a day's other side is 0.

    Both sides are quantiles of their own, of half of what the interval leaves out, so that either is missed as often
    (Mondrian conformal prediction: Vovk, Gammerman & Shafer 2005, section 4.5). Quantiles are shrunk in logarithms: a
    resource's and a range's to the fleet's, those of a range of a resource to what the two together make expect.
    """
    cells = np.arange(pooled.resources * RANGES).reshape(-1, RANGES)
    pools = [cells.ravel(), *cells.T, *cells, *cells.reshape(-1, 1)]
    windows = _windows(pooled)
    levels = np.array([_level(pooled, width) for width in interval_widths])
    every = np.broadcast_to(levels, (len(pools), levels.size))
    found = pooled_quantiles(scores, pools, every, _totals(pooled))
    # in logarithms: where forecasts were exact until something broke, quantiles are in the hundreds
    logs = np.log(np.maximum(np.nan_to_num(found), SMALLEST))
    fleet, ranges, resources, own = np.split(logs, np.cumsum([1, RANGES, pooled.resources]))
    counts = np.split(windows, np.cumsum([1, RANGES, pooled.resources]))
    ranges, resources = _shrunk(ranges, counts[1], fleet), _shrunk(resources, counts[2], fleet)
    expected = (resources[:, None] + ranges[None] - fleet).reshape(own.shape)
    reach = np.exp(_shrunk(own, counts[3], expected)).reshape(pooled.resources, RANGES, -1)
    return np.moveaxis(reach, -1, 0)


def at_room(reach: Floats, resource: Integers, room: Floats) -> Floats:
    """(…, A) the reach of some rooms between those of the ranges, whose own are in their middle, in logarithms.

    reach: (…, resources, RANGES). resource: (A,) row. room: (A,) percentage points.
    """
    edges = np.array([0.0, *ROOM_EDGES, 100.0])
    middles = (edges[1:] + edges[:-1]) / 2
    left = np.clip(np.searchsorted(middles, room) - 1, 0, RANGES - 2)
    share = np.clip((room - middles[left]) / (middles[left + 1] - middles[left]), 0.0, 1.0)
    logs = np.log(reach)
    found: Floats = np.exp(logs[..., resource, left] * (1 - share) + logs[..., resource, left + 1] * share)
    return found


def _shrunk(own: Floats, windows: Integers, towards: Floats) -> Floats:
    weight = windows[:, None] / (windows[:, None] + PRIOR_WINDOWS)
    shrunk: Floats = weight * own + (1 - weight) * towards
    return shrunk


def _level(pooled: Pooled, interval_width: float) -> float:
    """The level of the windows + 1 equally likely ranks, the new one's own among them, since a window's days are one witness."""
    tail = (1 - interval_width) / 2 * (1 - HELD_BACK / pooled.witnesses)
    windows = pooled.resource.size
    return min(math.ceil((windows + 1) * (1 - tail) - 1e-9) / windows, 1.0)  # whole, but for a rounding error


def _totals(pooled: Pooled) -> Integers:
    """(cells,) observed days of each cell's sides."""
    totals = np.zeros(pooled.resources * RANGES, dtype=np.int64)
    for side in (pooled.below, pooled.above):
        np.add.at(totals, side, pooled.days)
    return totals


def _windows(pooled: Pooled) -> Integers:
    """(pools,) windows with a day in each: the fleet, every range, every resource, every range of every resource."""
    seen = pooled.days > 0
    own = np.zeros((pooled.resources, RANGES), dtype=np.int64)
    for place in range(RANGES):
        sides = (seen & (side % RANGES == place) for side in (pooled.below, pooled.above))
        there = np.logical_or(*sides).any(axis=1)
        own[:, place] = np.bincount(pooled.resource[there], minlength=pooled.resources)
    resources = np.bincount(pooled.resource, minlength=pooled.resources)
    return np.concatenate([[pooled.resource.size], own.sum(axis=0), resources, own.ravel()])
