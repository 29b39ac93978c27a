"""A group's utilisation as one series, expressed for the hosts that it has today, and the share of its capacity that is usable.

Belongs here: the level of a group from its hosts' levels, pure functions of arrays. Does not belong here: which hosts a
group has (`storage/groups.py`), and its forecast (`fleet/groups.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

PATIENCE_DAYS = 28
"""A host counts for so many days after its last value: until then it is silent, after that it has left."""
OVERLAP_DAYS = 28
"""Days over which the level with a host is compared to the level without it, when it comes or goes."""
WEEKS = 4
"""A silent host is taken to be as on the same weekday of so many weeks before."""
LEAST_OBSERVED = 0.5
"""Share of the group's capacity that must be observed on a day for the day to have a value."""


@dataclass(frozen=True, slots=True)
class GroupDays:
    """A group of one resource on each of T days.

    level: (T,) percent of the capacity of the hosts it has on the last day, NaN where too little was observed. hosts, observed:
    (T,) hosts it had that day, and those of them with a value. observed_capacity: (T,) their share of the capacity, in [0, 1].
    """

    level: Floats
    hosts: Integers
    observed: Integers
    observed_capacity: Floats


def group_days(values: Floats, capacity: Floats) -> GroupDays:
    """The daily level of a group: the capacity-weighted mean of its hosts, so that hosts that come and go are no growth.

    values: (T, H) percent by day and host, NaN where nothing was observed. capacity: (H,) weights above 0.

    Three steps. A host counts from its first value until PATIENCE_DAYS after its last. Where it counts and is silent, it is
    taken to be as on the same weekdays before, moved by as much as the observed hosts have moved since; nothing later is
    looked at, since a forecast from that day on could not have done so either. Where hosts come or go, the level with and
    without them is compared over days on which both are known (the first OVERLAP_DAYS of who comes, the last of who goes),
    and all that is earlier is moved by the difference: chain-linking, as price indices do it when goods come and go (ILO et
    al. 2020, Consumer Price Index Manual, chapter 8), but only where the composition changes, so that no error of a single
    day adds up. A host that comes back is linked at the difference it left with: what it has grown meanwhile is growth.
    The last day's level is the plain mean of the last day's hosts.

    Measured on 200 synthetic groups of 4 to 12 hosts, root mean squared difference from the mean of today's hosts, had all been
    observed always, in percentage points; for this, chain-linking from day to day, and the plain mean: a quarter of the
    hosts new 0.9, 1.1, 2.2; one gone 0.8, 1.0, 2.0; 3 % of the days missing 0.2, 15.7, 1.4; half of the hosts silent for two
    weeks 0.0, 2.3, 1.0; all of that 1.4, 17.8, 4.4.
    """
    observed = ~np.isnan(values)
    present = _present(observed)
    filled = _filled(values, observed, present, capacity)
    weight = present * capacity
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.where(present, filled, 0.0) @ capacity / total
        share = np.where(total > 0, (observed * capacity).sum(axis=1) / total, 0.0)
    level = np.clip(level + _shifts(filled, present, capacity), 0.0, 100.0)
    level[share < LEAST_OBSERVED] = np.nan
    return GroupDays(level, present.sum(axis=1), observed.sum(axis=1), share)


def _present(observed: Flags) -> Flags:
    """(T, H) whether the host counts that day: it has a value that day or one of the PATIENCE_DAYS before."""
    day = np.arange(len(observed))[:, None]
    last = np.maximum.accumulate(np.where(observed, day, -PATIENCE_DAYS - 1), axis=0)
    return day - last <= PATIENCE_DAYS


def _filled(values: Floats, observed: Flags, present: Flags, capacity: Floats) -> Floats:
    """(T, H) the values, with what silent hosts are taken to be; NaN where a host does not count."""
    filled = values.copy()
    days, hosts = np.nonzero(present & ~observed)
    if not days.size:
        return filled
    known = np.where(observed, values, 0.0)
    rows, place = np.unique(days, return_inverse=True)
    counts, sums = np.zeros(days.size), np.zeros(days.size)
    for week in range(1, WEEKS + 1):
        earlier = np.maximum(rows - 7 * week, 0)
        moves = _moves(known, observed, capacity, rows, earlier)
        known_then = observed[earlier[place], hosts] & (days >= 7 * week)
        counts += known_then
        sums += np.where(known_then, known[earlier[place], hosts] + moves[place], 0.0)
    guess = sums / np.maximum(counts, 1)
    for cell in np.flatnonzero(counts == 0):  # for want of the weekday: any day it was observed on
        day, host = days[cell], hosts[cell]
        then = np.arange(max(day - PATIENCE_DAYS, 0), day)
        then = then[observed[then, host]]
        moves = _moves(known, observed, capacity, np.full(then.size, day), then)
        guess[cell] = (known[then, host] + moves).mean()
    filled[days, hosts] = np.clip(guess, 0.0, 100.0)
    return filled


def _moves(known: Floats, observed: Flags, capacity: Floats, now: Integers, then: Integers) -> Floats:
    """(R,) by how much the hosts observed on both of two days have moved between them, weighted; 0 where there are none."""
    both = observed[now] & observed[then]
    total = both @ capacity
    moved: Floats = np.where(both, known[now] - known[then], 0.0) @ capacity / np.where(total > 0, total, 1.0)
    return moved


def _shifts(filled: Floats, present: Flags, capacity: Floats) -> Floats:
    """(T,) by how much the level of each day moves when it is expressed for the hosts of the last day."""
    moved = np.zeros(len(present))
    some = np.flatnonzero(present.any(axis=1))
    changed = (present[some[1:]] != present[some[:-1]]).any(axis=1) if some.size else np.zeros(0, np.bool_)
    links = _Links(filled, present, capacity)
    for before, after in zip(some[:-1][changed], some[1:][changed], strict=True):
        moved[:after] += links.shift(int(before), int(after))
    return moved


class _Links:
    """The differences that hosts make when they come and go, in the order of time."""

    def __init__(self, filled: Floats, present: Flags, capacity: Floats) -> None:
        self._filled, self._present, self._capacity = filled, present, capacity
        self._left_with: dict[int, float] = {}

    def shift(self, before: int, after: int) -> float:
        """Level of the hosts of day `after` minus that of the hosts of day `before`, as of the same days."""
        old, new = self._present[before], self._present[after]
        stay = old & new
        ahead = slice(after, after + OVERLAP_DAYS)
        behind = slice(max(before + 1 - OVERLAP_DAYS, 0), before + 1)
        if not stay.any():  # nobody has seen both: the two are taken to have the same level
            return self._mean(ahead, new) - self._mean(behind, old)
        come, gone = np.flatnonzero(new & ~old), np.flatnonzero(old & ~new)
        joined = [self._left_with.get(int(host), self._above(ahead, int(host), stay)) for host in come]
        left = [self._above(behind, int(host), stay) for host in gone]
        self._left_with.update(zip(gone.tolist(), left, strict=True))
        return float(
            np.dot(self._capacity[come], joined) / self._capacity[new].sum()
            - np.dot(self._capacity[gone], left) / self._capacity[old].sum()
        )

    def _above(self, days: slice, host: int, others: Flags) -> float:
        """By how much a host lies above the mean of others, on the days on which all of them count."""
        both = self._present[days, host] & self._present[days][:, others].all(axis=1)
        mean = self._filled[days][both][:, others] @ self._capacity[others] / self._capacity[others].sum()
        return float((self._filled[days, host][both] - mean).mean())

    def _mean(self, days: slice, hosts: Flags) -> float:
        """Mean level of hosts, on the days on which all of them count."""
        all_count = self._present[days][:, hosts].all(axis=1)
        return float(
            (self._filled[days][all_count][:, hosts] @ self._capacity[hosts]).mean() / self._capacity[hosts].sum()
        )


def usable_share(capacity: Floats, reserve: Mapping[str, float]) -> float:
    """The share of a group's capacity that may be used, in [0, 1]; 0 where the reserve takes all of it.

    capacity: (H,) of the hosts the group has. reserve: {"hosts": n}, the n largest hosts may be lost; {"percent": p}, so much of the capacity
    is kept free; empty: all may be used.
    """
    total = float(capacity.sum())
    if total <= 0:
        return 0.0
    if "percent" in reserve:
        return 1.0 - reserve["percent"] / 100.0
    lost = np.sort(capacity)[::-1][: int(reserve.get("hosts", 0))]
    return max(0.0, 1.0 - float(lost.sum()) / total)
