"""Exact quantiles of values that are never all in memory: counted in bins on one pass, picked out of some bins on the next.

Belongs here: the selection. Does not belong here: what the values are, and which quantile is wanted.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from turbo_forecast.tournament.shrunken_errors import Floats, Integers

Batches = Iterable[tuple[Integers, Floats]]
"""Groups and values of some items: (k,) each; values are not negative, and no NaN."""
BIN_BITS = 48
"""A value's bin is what is left of its bits without so many: sign, exponent, and four bits of the mantissa."""


def pooled_quantiles(
    read: Callable[[], Batches], pools: Sequence[Integers], levels: Floats, totals: Integers | None = None
) -> Floats:
    """(p, k) quantiles of the values of each pool of groups, by the inverse of the distribution function.

    read: called twice, gives the same items each time, in whatever batches and order. pools: p arrays of groups; a group
    may be in several. levels: (p, k) in (0, 1]. totals: (g,) how many values each group has, where more than are read;
    the others are 0. NaN for a pool without values. The same as `np.quantile(values, level, method="inverted_cdf")`.
    """
    codes, counts = _with_zeros(*_binned(read()), totals)
    groups, bins = codes >> (64 - BIN_BITS), codes & ((1 << (64 - BIN_BITS)) - 1)
    found = np.full(levels.shape, np.nan)
    wanted: dict[tuple[int, int], tuple[Integers, int]] = {}
    for place, pool in enumerate(pools):
        own = np.isin(groups, pool)
        values, at = np.unique(bins[own], return_inverse=True)
        reached = np.cumsum(np.bincount(at, counts[own], values.size).astype(np.int64))
        for column in range(levels.shape[1] if values.size else 0):
            rank = _rank(int(reached[-1]), float(levels[place, column]))
            cell = int(np.searchsorted(reached, rank, side="right"))
            before = int(reached[cell - 1]) if cell else 0
            wanted[place, column] = (codes[own][bins[own] == values[cell]], rank - before)
    everything = np.concatenate([np.empty(0, np.int64), *(members for members, _ in wanted.values())])
    kept = _kept(read(), np.unique(everything))
    for cell_of, (members, rank) in wanted.items():
        values_kept = np.concatenate([np.empty(0), *(kept[code] for code in members.tolist() if code in kept)])
        zeros = int(counts[np.isin(codes, members)].sum()) - values_kept.size  # those that were not read
        found[cell_of] = 0.0 if rank < zeros else np.partition(values_kept, rank - zeros)[rank - zeros]
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


def _with_zeros(codes: Integers, counts: Integers, totals: Integers | None) -> tuple[Integers, Integers]:
    """The codes and counts with the zeros that were not read: what each group lacks of its total."""
    if totals is None:
        return codes, counts
    there = np.bincount(codes >> (64 - BIN_BITS), counts, totals.size).astype(np.int64)
    zeros = _codes(np.arange(totals.size), np.zeros(totals.size))
    joined, place = np.unique(np.concatenate([codes, zeros]), return_inverse=True)
    summed = np.bincount(place, np.concatenate([counts, totals - there]), joined.size).astype(np.int64)
    return joined[summed > 0], summed[summed > 0]


def _kept(batches: Batches, wanted: Integers) -> dict[int, Floats]:
    """The values of each wanted code."""
    parts: dict[int, list[Floats]] = {int(code): [] for code in wanted}
    for group, value in batches:
        codes = _codes(group, value)
        hit = np.isin(codes, wanted)
        order = np.argsort(codes[hit], kind="stable")
        present, starts = np.unique(codes[hit][order], return_index=True)
        for code, part in zip(present.tolist(), np.split(value[hit][order], starts[1:]), strict=False):
            parts[code].append(part)
    return {code: np.concatenate(found) for code, found in parts.items() if found}
