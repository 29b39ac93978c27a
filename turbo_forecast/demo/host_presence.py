"""When a host was there to be measured: since when, until when, and with which holes.

Belongs here: the presence of hosts and of single days.
Does not belong here: values.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.demo.calendar import Calendar
from turbo_forecast.demo.roster import Host

LONG_GAPS = 3
DRAWS = 2 + 2 * LONG_GAPS  # uniforms a host's life takes
MISSING_DAYS = 0.002  # share of single days a healthy host's series lacks
MISSING_DAYS_WITH_GAPS = 0.03


def outage_day(calendar: Calendar, draw: float) -> int:
    """The day the monitoring itself was down: no host has a row. Never the first or the last day.

    -1 when the demo is too short to have one.
    """
    count = len(calendar.days)
    return _between(draw, int(0.3 * count), int(0.8 * count)) if count >= 10 else -1


def presence(
    fleet: Sequence[Host], calendar: Calendar, draws: NDArray[np.float64], chance: NDArray[np.float32], outage: int
) -> NDArray[np.bool_]:
    """Which day of which series is there, shape (days, hosts, resources).

    Parameters: `draws` are uniforms of shape (hosts, DRAWS), `chance` uniforms of shape (days, hosts, resources) of
    which the largest become missing days. Every series keeps at least one day: its last.
    """
    count = len(calendar.days)
    day = np.arange(count)[:, None]
    spans = np.array([_span(host.life, calendar, row) for host, row in zip(fleet, draws, strict=True)])
    first, last = spans[:, 0], spans[:, 1]
    last = np.where(last == outage, last - 1, last)
    first = np.minimum(first, last)
    has_gaps = np.array([host.life == "gaps" for host in fleet])

    there = (day >= first) & (day <= last) & (day != outage)
    for nth in range(LONG_GAPS):
        start = (draws[:, 2 + 2 * nth] * count).astype(np.int64)
        length = (5 + draws[:, 3 + 2 * nth] * 40).astype(np.int64)
        there &= ~(has_gaps & (day >= start) & (day < start + length))
    missing = np.where(has_gaps, MISSING_DAYS_WITH_GAPS, MISSING_DAYS).astype(np.float32)
    present: NDArray[np.bool_] = there[:, :, None] & (chance < 1 - missing[:, None])
    present[last, np.arange(len(fleet))] = True
    return present


def _span(life: str, calendar: Calendar, draws: NDArray[np.float64]) -> tuple[int, int]:
    """First and last day of a host."""
    end, lately = len(calendar.days) - 1, calendar.lately
    when = float(draws[0])
    match life:
        case "new":
            return _between(when, int(0.1 * end), lately - 60), end
        case "new_lately":
            return _between(when, lately, end - 5), end
        case "single_day":
            day = _between(when, lately, end)
            return day, day
        case "retired":
            return 0, _between(when, int(0.3 * end), lately - 31)
        case "stopped_lately":
            return 0, _between(when, lately, end - 10)
        case _:
            return 0, end


def _between(draw: float, low: int, high: int) -> int:
    """A day in [low, high), or `low` where a short demo leaves no room."""
    return low + int(draw * max(high - low, 0))
