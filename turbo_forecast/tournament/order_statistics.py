"""Exact quantiles of values that are never all in memory: counted in bins on one pass, picked out of one bin on the next.

Belongs here: the selection. Does not belong here: what the values are, and which quantile is wanted.
"""

from collections.abc import Callable, Iterable

import numpy as np

from turbo_forecast.tournament.evidence import Floats, Integers

Batches = Iterable[tuple[Integers, Floats]]
"""Groups and values of some items: (k,) each; values are not negative, and no NaN."""
BIN_BITS = 48
"""A value's bin is what is left of its bits without so many: sign, exponent, and four bits of the mantissa."""


def grouped_quantiles(read: Callable[[], Batches], levels: Floats) -> Floats:
    """(g,) the quantile of each group's values at the group's own level, by the inverse of the distribution function.

    read: called twice, gives the same items each time, in whatever batches and order. levels: (g,) in (0, 1]. NaN for a
    group without values. The same as `np.quantile(values, level, method="inverted_cdf")`.
    """
    bins, counts = _binned(read())
    groups = bins >> (64 - BIN_BITS)
    found = np.full(levels.size, np.nan)
    wanted: dict[int, tuple[int, int]] = {}
    for group in np.unique(groups).tolist():
        own = slice(*np.searchsorted(groups, [group, group + 1]))
        reached = np.cumsum(counts[own])
        rank = _rank(int(reached[-1]), float(levels[group]))
        place = int(np.searchsorted(reached, rank, side="right"))
        before = int(reached[place - 1]) if place else 0
        wanted[int(bins[own][place])] = (group, rank - before)
    kept = _kept(read(), np.array(sorted(wanted), dtype=np.int64))
    for code, (group, rank) in wanted.items():
        found[group] = np.partition(kept[code], rank)[rank]
    return found


def _rank(count: int, level: float) -> int:
    """The place, from 0, of the quantile among so many sorted values, as NumPy has it."""
    virtual = count * level - 1
    return max(0, int(np.floor(virtual)) + (1 if virtual % 1 > 0 else 0))


def _codes(group: Integers, value: Floats) -> Integers:
    """Group and bin as one number, which sorts by group, then by value: bits of floats that are not negative sort as they do."""
    bits = np.ascontiguousarray(value, dtype=np.float64).view(np.int64) >> BIN_BITS
    codes: Integers = (group.astype(np.int64) << (64 - BIN_BITS)) | bits
    return codes


def _binned(batches: Batches) -> tuple[Integers, Integers]:
    """The codes that occur, sorted, and how often each does."""
    codes, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    for group, value in batches:
        new, times = np.unique(_codes(group, value), return_counts=True)
        codes, place = np.unique(np.concatenate([codes, new]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, times]), codes.size).astype(np.int64)
    return codes, counts


def _kept(batches: Batches, wanted: Integers) -> dict[int, Floats]:
    """The values of each wanted code."""
    parts: dict[int, list[Floats]] = {int(code): [] for code in wanted}
    for group, value in batches:
        codes = _codes(group, value)
        hit = np.isin(codes, wanted)
        for code in np.unique(codes[hit]).tolist():
            parts[code].append(value[codes == code])
    return {code: np.concatenate(found) for code, found in parts.items() if found}
