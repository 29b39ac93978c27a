"""What the folds' errors show of entrants: each series' own errors, shrunk towards its resource's and the fleet's.

Belongs here: the one estimate that weights and champions both rest on.
Does not belong here: what is decided from it (`weights.py`, `champions.py`), and frames.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

OFFSET_PERCENT = 0.1
"""Added to an error before its logarithm: differences well below a tenth of a percentage point decide nothing."""
PRIOR_SERIES = 20
"""How many series of its own a resource needs before its mean counts as much as the fleet's."""
TIE = 1e-9
"""Log errors closer than this are equal: what is left is rounding."""
LONE_WINDOW_WEIGHT = 0.3
"""Weight of a series' own window where no series has two, so that nothing is known of the spread over windows."""


@dataclass(frozen=True, slots=True)
class ShrinkageEstimate:
    """What is expected of n series and m entrants: log errors relative to the reference. All finite.

    mean: (n, m) expected log ratio; below 0 is better than the reference. error: (n, m) its standard error.
    windows: (n,) windows of the series it rests on. prior, prior_error: (n, m) and (m,) both without the series' own
    windows.
    """

    mean: Floats
    error: Floats
    windows: Integers
    prior: Floats
    prior_error: Floats


def windows_of(errors: Floats, fallback: int) -> Flags:
    """(n, k): whether the series has the window. The fallback always forecasts, so its errors show it."""
    return ~np.isnan(errors[:, fallback, :])


def complete(errors: Floats, fallback: int) -> Flags:
    """(n, m): whether the entrant has an error in every window of the series (true where there is none)."""
    there = ~np.isnan(errors) | ~windows_of(errors, fallback)[:, None, :]
    return np.asarray(there.all(axis=2))


def plain_means(errors: Floats, fallback: int) -> Floats:
    """(n, m): mean error over the series' windows; NaN without windows, or for an entrant that missed one."""
    seen = windows_of(errors, fallback)
    total: Floats = np.where(seen[:, None, :], errors, 0.0).sum(axis=2)
    count = seen.sum(axis=1).astype(np.float64)
    count[count == 0] = np.nan
    means: Floats = total / count[:, None]
    return means


def clearly_worse(errors: Floats, fallback: int) -> Flags:
    """(n, m): whether the entrant's log error exceeds the fallback's by more than one standard error of the series' windows.

    errors: (n, m, k) as `shrinkage_estimate` takes them. The mean of the paired differences is compared with their standard
    deviation over the square root of their number; one window alone has no spread, so it makes no entrant clearly worse.
    """
    logs = np.log(errors + OFFSET_PERCENT)
    differences: Floats = logs - logs[:, [fallback], :]
    seen = ~np.isnan(differences)
    count = seen.sum(axis=2).astype(np.float64)
    count[count < 2] = np.nan
    mean = np.where(seen, differences, 0.0).sum(axis=2) / count
    rss = np.where(seen, (differences - mean[:, :, None]) ** 2, 0.0).sum(axis=2)
    found: Flags = mean > np.sqrt(rss / (count - 1) / count) + TIE
    return found


def shrinkage_estimate(
    errors: Floats, groups: Integers, fallback: int, *, inflation: float = 1.0, incumbent: int | None = None
) -> ShrinkageEstimate:
    """Empirical-Bayes estimate of each entrant's log error in each series, relative to a reference.

    errors: (n, m, k) mean absolute errors in percentage points; NaN in windows the series does not have, and for
        an entrant without a forecast. Such an entrant is charged the fallback's error: a mean over the series it
        survived would flatter it.
    groups: (n,) the series' resource. fallback: index of the entrant that is always there.
    inflation: by how much the variance of a series' own mean is raised; folds of one series are not independent
        samples. incumbent: index of the entrant that is the reference; the mean over all entrants where None.

    The weight of a series' own mean over n windows is tau2 / (tau2 + inflation * s2 / n): tau2 the variance between
    series, s2 within; the rest goes to its resource's mean, itself shrunk to the fleet's. Without any evidence
    everything is 0. The standard error is tau * sqrt(1 - weight): all of tau for a series without windows. Where no
    series has two windows s2 is unknown, and the weight is LONE_WINDOW_WEIGHT. Source: Efron & Morris (1973, 1975),
    after James & Stein (1961): doi:10.1080/01621459.1973.10481350, doi:10.1080/01621459.1975.10479864.
    """
    logs = np.log(_charged(errors, fallback) + OFFSET_PERCENT)
    reference = logs.mean(axis=1, keepdims=True) if incumbent is None else logs[:, [incumbent], :]
    relative = logs - reference
    seen = windows_of(errors, fallback)
    windows = seen.sum(axis=1).astype(np.int64)
    own: Floats = np.where(seen[:, None, :], relative, 0.0).sum(axis=2) / np.maximum(windows, 1)[:, None]
    prior = _prior(own, windows > 0, groups)
    weight, between = _weights(relative, own, seen, inflation)
    error: Floats = np.sqrt(between * (1 - weight))
    return ShrinkageEstimate(weight * own + (1 - weight) * prior, error, windows, prior, np.sqrt(between))


def _charged(errors: Floats, fallback: int) -> Floats:
    """The errors with the fallback's in the place of a missing one, in the windows the series has."""
    seen = windows_of(errors, fallback)[:, None, :]
    return np.where(seen, np.where(np.isnan(errors), errors[:, [fallback], :], errors), np.nan)


def _prior(own: Floats, known: Flags, groups: Integers) -> Floats:
    """(n, m): the resource's mean over its series with evidence, shrunk to the fleet's."""
    prior = np.zeros_like(own)
    if not known.any():
        return prior
    fleet = own[known].mean(axis=0)
    for group in np.unique(groups):
        members = own[known & (groups == group)]
        prior[groups == group] = (members.sum(axis=0) + PRIOR_SERIES * fleet) / (len(members) + PRIOR_SERIES)
    return prior


def _weights(relative: Floats, own: Floats, seen: Flags, inflation: float) -> tuple[Floats, Floats]:
    """(n, m) weight of the series' own mean, and (m,) variance between series."""
    windows = seen.sum(axis=1)
    known, repeated = windows > 0, windows > 1
    spread = own[known].var(axis=0, ddof=1) if known.sum() > 1 else np.zeros(own.shape[1])
    if repeated.any():
        rss: Floats = np.where(seen[:, None, :], (relative - own[:, :, None]) ** 2, 0.0).sum(axis=2)
        within = (rss[repeated] / (windows[repeated, None] - 1)).mean(axis=0)
        between = np.maximum(spread - within / windows[known].mean(), 0.0)
        noise = inflation * within / np.maximum(windows, 1)[:, None]
    else:
        between, noise = LONE_WINDOW_WEIGHT * spread, (1 - LONE_WINDOW_WEIGHT) * spread
    total = between + noise
    weight: Floats = np.divide(between, total, out=np.zeros_like(own), where=known[:, None] & (total > 0))
    return weight, between
