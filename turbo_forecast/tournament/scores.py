"""How far forecasts were from what happened: sums of errors of one series, scores from them, MASE's divisor.

Belongs here: numbers of one series, as arrays over entrants and days. Does not belong here: choosing (`champions.py`), and
summaries over series (`standings.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.settings import NEGLIGIBLE_PERCENT
from turbo_forecast.tournament.shrunken_errors import Flags, Floats, Integers

SEASON_DAYS = 7
WHOLE_WINDOW = 0
"""The `horizon_month` that stands for all months of a window together."""
METRICS = ("n", "mae", "rmse", "smape", "wape", "mase", "bias", "coverage", "pinball", "interval_score")
"""The columns of TOURNAMENT_SCORES that are numbers, in its order."""


@dataclass(frozen=True, slots=True)
class ErrorSums:
    """Sums over the observed days of each of s stretches of days (a month of a window, say), of m entrants; each (m, s).

    n: the days; absolute, squared, error: of yhat - y and its size; relative: |error| / (|y| + |yhat|), 0 where both are 0;
    actual: of y; inside: days between the bounds; pinball: mean loss of the two bounds.
    """

    n: Floats
    absolute: Floats
    squared: Floats
    relative: Floats
    actual: Floats
    error: Floats
    inside: Floats
    pinball: Floats

    def of(self, stretches: Flags) -> "ErrorSums":
        """The sums of some stretches alone, (s,) which."""
        return ErrorSums(*(getattr(self, name)[:, stretches] for name in self.__slots__))

    def over(self, starts: Integers) -> "ErrorSums":
        """The sums of longer stretches, each from one of `starts` (places of stretches) up to the next."""
        return ErrorSums(*(np.add.reduceat(getattr(self, name), starts, axis=1) for name in self.__slots__))


def error_sums(
    y: Floats,
    yhat: NDArray[np.floating],
    lower: NDArray[np.floating],
    upper: NDArray[np.floating],
    starts: Integers,
    interval_width: float,
) -> ErrorSums:
    """The sums of stretches of days, each from one of `starts` (s,) up to the next.

    y: (d,) percent, NaN on days that do not count. yhat, lower, upper: (m, d) percent. A stretch has one day at least.
    """
    seen = np.isfinite(y)
    actual = np.where(seen, y, 0.0)
    alpha = 1 - interval_width
    error = np.where(seen, yhat - actual, 0.0)
    size = np.abs(error)
    total = np.abs(actual) + np.abs(yhat)
    relative = np.divide(size, total, out=np.zeros_like(size), where=total > 0)
    below, above = actual - lower, actual - upper
    loss = np.maximum(alpha / 2 * below, (alpha / 2 - 1) * below)
    loss += np.maximum((1 - alpha / 2) * above, -alpha / 2 * above)
    inside = seen & (below >= 0) & (above <= 0)

    def summed(values: Floats) -> Floats:
        found: Floats = np.add.reduceat(np.broadcast_to(values, yhat.shape), starts, axis=1, dtype=np.float64)
        return found

    return ErrorSums(
        n=summed(seen),
        absolute=summed(size),
        squared=summed(error * error),
        relative=summed(relative),
        actual=summed(actual),
        error=summed(error),
        inside=summed(inside),
        pinball=summed(np.where(seen, loss, 0.0)) / 2,
    )


def scores(sums: ErrorSums, scale: Floats, interval_width: float) -> dict[str, Floats]:
    """The METRICS of each entrant and stretch, (m, s); NaN where a metric is not defined, all of them where n is 0.

    scale: (s,) what MASE divides by, NaN where there is none. pinball is the mean loss of the two bounds; interval_score
    is Winkler's, their sum times 2 / alpha (Gneiting & Raftery 2007, section 6.2, doi:10.1198/016214506000001437). wape is
    not defined where y is 0 throughout, or so near to it that the share is beyond all numbers.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mae, pinball, wape = sums.absolute / sums.n, sums.pinball / sums.n, sums.absolute / sums.actual
        return {
            "n": sums.n,
            "mae": mae,
            "rmse": np.sqrt(sums.squared / sums.n),
            "smape": sums.relative / sums.n,
            "wape": np.where(np.isfinite(wape), wape, np.nan),
            "mase": mae / scale,
            "bias": sums.error / sums.n,
            "coverage": sums.inside / sums.n,
            "pinball": pinball,
            "interval_score": pinball * 4 / (1 - interval_width),
        }


def mase_scales(days: Integers, y: Floats, ends: Sequence[int]) -> Floats:
    """(len(ends),) mean |y(day) - y(day - 7)| over pairs of observed days up to each of the ends; NaN for none, or a negligible one.

    days: (n,) day numbers, increasing; y: (n,) their values; ends: day numbers, inclusive. Paired by calendar day, not by
    row as utilsforecast does: real series have gaps. Source: Hyndman & Koehler (2006),
    doi:10.1016/j.ijforecast.2006.03.001.
    """
    at = np.searchsorted(days, days - SEASON_DAYS)
    paired = days[np.minimum(at, days.size - 1)] == days - SEASON_DAYS if days.size else np.zeros(0, np.bool_)
    later = days[paired]
    differences = np.abs(y[paired] - y[at[paired]])
    counts = np.searchsorted(later, np.asarray(ends), side="right")
    means = np.array([differences[:count].mean() if count else np.nan for count in counts])
    return np.where(means > NEGLIGIBLE_PERCENT, means, np.nan)
