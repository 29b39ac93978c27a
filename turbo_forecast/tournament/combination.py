"""Combinations: forecasts made from the other entrants' rows of the same series.

Belongs here: making the rows. Does not belong here: how weights are learnt (`tournament/weights.py`), and files.
Bounds are combined like the point forecast, quantile by quantile: that keeps an interval as sharp as its members are,
where averaging distributions would widen it (Lichtendahl, Grushka-Cockayne & Winkler 2013,
doi:10.1287/mnsc.1120.1667, of means; ours are medians).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.tournament.shrunken_errors import Flags, Floats, Integers
from turbo_forecast.tournament.weights import combination_weights
from turbo_forecast.windows import BACKTEST, FORECAST


@dataclass(frozen=True, slots=True)
class Weights:
    """Members' weights per series and window. by_window[number] is (n series, m members); rows sum to 1."""

    members: tuple[str, ...]
    by_window: dict[int, NDArray[np.float64]]

    @property
    def combined(self) -> NDArray[np.bool_]:
        """(n,) whether the series has a combination: another member than the fallback has forecast it."""
        return np.asarray((self.by_window[FORECAST] > 0).any(axis=1))


def learn_weights(
    errors: NDArray[np.float64],
    resources: Integers,
    members: Sequence[str],
    fallback: str,
    contested: NDArray[np.bool_],
) -> Weights:
    """Weights of every window from the windows that ended before it.

    errors: (n, m, 1 + K) mean absolute errors by member and window, 0 the backtest, then the folds, the latest
    first; NaN where there is none. contested: (n,) series that an entrant beside the fallback has forecast; the
    others get no weights.
    """
    place = list(members).index(fallback)
    present = np.isfinite(errors[:, :, BACKTEST]) & contested[:, None]
    windows = range(errors.shape[2])
    by_window = {
        number: combination_weights(errors[:, :, number + 1 :], resources, place, present) for number in windows
    }
    by_window[FORECAST] = combination_weights(errors, resources, place, present)
    return Weights(tuple(members), {number: found * contested[:, None] for number, found in by_window.items()})


def weighted_median(shares: Floats, members: Floats) -> Floats:
    """(…) the members' (m, …) values at half of their weight, shares (m, …) that sum to 1 over the members.

    Each value stands at the middle of its own weight, and what lies between two is interpolated: with equal shares
    this is the median. Unlike an average it stays where most of the weight is when one member goes astray: on 3,000
    series of machines with two months of training Prophet's mean MASE was 922, and the weighted average's 119.
    """
    order = np.argsort(members, axis=0, kind="stable")
    return weighted_median_of_sorted(
        np.take_along_axis(shares, order, axis=0), np.take_along_axis(members, order, axis=0)
    )


def median_of_sorted(ordered: Floats) -> Floats:
    """(…) the median of the (m, …) values, which increase along the first axis."""
    count = len(ordered)
    return np.asarray((ordered[(count - 1) // 2] + ordered[count // 2]) / 2)


def weighted_median_of_sorted(share: Floats, ordered: Floats) -> Floats:
    """`weighted_median` of values (m, …) that increase along the first axis, share (m, …) being each one's own weight."""
    middle = np.cumsum(share, axis=0) - share / 2
    above: Flags = np.where(share > 0, middle, -1.0) >= 0.5
    found = above.any(axis=0, keepdims=True)
    upper = np.where(found, above.argmax(axis=0, keepdims=True), len(ordered) - 1)
    below: Flags = (share > 0) & (middle < 0.5)
    last = len(ordered) - 1 - below[::-1].argmax(axis=0, keepdims=True)
    lower = np.where(below.any(axis=0, keepdims=True), last, upper)
    upper = np.where(found, upper, lower)
    (low, high), (from_, to) = (
        (np.take_along_axis(of, lower, axis=0)[0], np.take_along_axis(of, upper, axis=0)[0]) for of in (ordered, middle)
    )
    step = np.divide(0.5 - from_, to - from_, out=np.zeros_like(low), where=to > from_)
    return np.asarray(low + (high - low) * np.clip(step, 0.0, 1.0))
