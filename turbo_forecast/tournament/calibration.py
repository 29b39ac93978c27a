"""The offsets of the published interval's bounds from yhat: conformal prediction, from windows that ended before.

Belongs here: what errors are measured in, and from errors of earlier windows to the offsets of the target months. Does not belong
here: quantiles of errors in such units (`interval_quantiles.py`), bounds of single days (`published_bounds.py`), and which
windows are earlier; the caller hands in what may be known.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from turbo_forecast.settings import NEGLIGIBLE_PERCENT
from turbo_forecast.tournament.interval_quantiles import (
    HEADROOM_BINS,
    PRIOR_WINDOWS,
    Pooled,
    at_headroom,
    headroom_bins,
    score_quantiles,
)
from turbo_forecast.tournament.shrunken_errors import Flags, Floats, Integers

FLOOR_PERCENT = 0.01
"""Added to a window's MAE: a window forecast to the digit does not make the next one certain."""
RATIO_FLOOR_PERCENT = 0.001
"""Added to a window's MAE before it is set against the series' seasonal scale."""
SEASONAL_WINDOWS = 1.0
"""The seasonal scale counts as this many windows of the series' own."""
OWN_SHARE, SPREAD_SHARE = 0.6, 0.2
"""How much of the unit of errors is the forecast's own half-width, and how much the spread of the entrants around it, in
logarithms; the rest is the series' scale. Shares of 0.4 to 0.6 and 0.1 to 0.3 differ by 1 % in the interval score."""
CLIP_RATIO = 10.0
"""Either counts between a tenth and ten times the series' scale: there may be no bounds, or absurd ones."""
JUMP_SHARE = 0.8
"""How much of a jump between the last week and the forecast's start is added, as the root of squares, to the unit on its side.
At the usual 1.5 units the interval then takes in the new level, and it always reaches there: nothing shows whether it stays."""
IDLE_PERCENT = 0.1
"""A series whose seasonal scale is below this hardly varies: its errors, in units near the floor, teach nothing."""
USUAL_GROWTH, STEEPEST_GROWTH = 0.1, 0.2
"""Units grow with this power of the months ahead before anything is measured, and at most: from the first month to the second by
15 %, beside what own half-widths grow by."""
FEW_DAYS = 5
"""A month with fewer observed days is not used to estimate the growth."""
GROWTH_FLOOR = 0.02
"""Added to a month's mean error in units before its logarithm."""


@dataclass(frozen=True, slots=True)
class EarlierWindows:
    """W windows of the published forecast that have been observed, in months 1 to k.

    series: (W,) row of the window's series. mae: (W,) percent. jump: (W,) how far the series' last days lay above the
    forecast's first ones, percentage points. All others (W, k), 0 where the window has no such month. days: observed days.
    error: mean absolute error, percent. below, above: the entrant's mean own half-widths over the month. spread: mean
    distance of the other entrants' forecasts from the published, up to the month's end, NaN where there is no other. level:
    mean forecast, percent.
    """

    series: Integers
    mae: Floats
    jump: Floats
    days: Integers
    error: Floats
    below: Floats
    above: Floats
    spread: Floats
    level: Floats


@dataclass(frozen=True, slots=True)
class Residuals:
    """Some observed days of earlier windows.

    value: (N,) y - yhat, percentage points. window: (N,) row of the windows. month: (N,) of the window, from 1.
    """

    value: Floats
    window: Integers
    month: Integers


@dataclass(frozen=True, slots=True)
class Months:
    """A months of series to be calibrated: all (A,). series: row of the series. month: from 1; others as EarlierWindows'."""

    series: Integers
    month: Integers
    jump: Floats
    below: Floats
    above: Floats
    spread: Floats
    level: Floats


@dataclass(frozen=True, slots=True)
class IntervalOffsets:
    """What is added to yhat for the bounds of each target month's interval: columns of CALIBRATION, percentage points.

    scale, n: (A,). lower, upper: (widths, A), in the order of the widths asked for.
    """

    scale: Floats
    lower: Floats
    upper: Floats
    n: Integers


Sides = tuple[Floats, Floats]
"""The same of what is below and above the forecast."""


def calibrate(
    earlier: EarlierWindows,
    residuals: Callable[[], Iterable[Residuals]],
    targets: Months,
    seasonal: Floats,
    resource: Integers,
    *,
    interval_widths: Sequence[float],
) -> IntervalOffsets:
    """The offsets of the intervals of each target month. Raises ValueError where there is no earlier window.

    residuals: called twice, gives all observed days of the earlier windows, in batches of any size.
    seasonal: (n,) mean absolute 7-day difference of what is known of each series, NaN where there is none.
    resource: (n,) number of each series' resource, from 0. Series without a month to calibrate count too.
    interval_widths: nominal coverages; the first one's interval is what it would be alone, wider ones contain it and
        narrower ones lie within.

    Split conformal prediction with locally scaled scores (Vovk, Gammerman & Shafer 2005; Lei et al. 2018,
    doi:10.1080/01621459.2017.1307116). A day's score is its error in units, on the error's side. A unit is the weighted
    geometric mean of the series' scale, of the entrant's own half-width on that side and of the entrants' spread, of the
    window's month: how much this series errs, how far ahead and on which side (as conformalised quantile regression does;
    Romano, Patterson & Candes 2019, arXiv:1905.03222), and how much the entrants agree. A level that has just moved is part
    of the unit on its side. Units grow with a power of the months ahead, learnt from windows against themselves, so that a
    bad calendar month widens all months a little and none a lot. A series' scale is the mean of its windows' MAEs and, as
    one more, its seasonal scale times the fleet's usual ratio; a window's errors are divided by the scale without that
    window's MAE. Series that hardly vary (a seasonal scale of less than a tenth of a percentage point, or none) do not
    count for quantiles, unless none varies: idle hosts would teach that nothing ever errs.
    Measured on 10 cutoffs of real series at width 0.8, backtests: coverage 82.3 %, of horizon months 81.5 to 83.4 %, interval
    score 48.5, 8.9 % of the series covered below 60 %; with one profile for all levels and units that know neither spread nor
    jumps, of forecasts of the time, 79.4 %, 50.3, 13.4 %.
    """
    if not earlier.series.size:
        raise ValueError("nothing was observed of any earlier window: there is nothing to calibrate on")
    seasonal = _of_those_concerned(seasonal, earlier, targets)
    scale, without = _scales(earlier, seasonal, resource)
    varying = (np.nan_to_num(seasonal) > IDLE_PERCENT)[earlier.series]
    counts: Flags = varying if varying.any() else np.ones(varying.size, dtype=np.bool_)
    units = _units(earlier, without[:, None], earlier.jump[:, None])
    growth = _growth(earlier, units, counts, resource)
    months = np.arange(1, earlier.days.shape[1] + 1)
    grown = months[None, :] ** growth[resource[earlier.series]][:, None]
    pooled = _pools(earlier, counts, resource)
    scores = _scores(residuals, pooled, counts, (units[0] * grown, units[1] * grown))
    quantiles = score_quantiles(pooled, scores, interval_widths)
    own_growth = targets.month ** growth[resource[targets.series]]
    below, above = (
        _nested(at_headroom(quantiles, resource[targets.series], headroom) * unit * own_growth, interval_widths)
        for headroom, unit in zip(
            _headrooms(targets.level), _units(targets, scale[targets.series], targets.jump), strict=True
        )
    )
    return IntervalOffsets(
        scale=scale[targets.series],
        # up to where the last days were, however quiet the others; and never less than rounding: a constant forecast as itself
        # must lie inside its interval
        lower=-np.maximum(below, np.maximum(-targets.jump, NEGLIGIBLE_PERCENT)),
        upper=np.maximum(above, np.maximum(targets.jump, NEGLIGIBLE_PERCENT)),
        n=np.bincount(pooled.resource, pooled.days.sum(axis=1), pooled.resources).astype(np.int64)[
            resource[targets.series]
        ],
    )


def _nested(distances: Floats, interval_widths: Sequence[float]) -> Floats:
    """(widths, A) distances, those of wider intervals at least as large; the first one's is left as it is."""
    order = np.argsort(interval_widths, kind="stable")
    first = int(np.flatnonzero(order == 0)[0])
    nested = distances[order]
    nested[first:] = np.maximum.accumulate(nested[first:], axis=0)
    nested[first::-1] = np.minimum.accumulate(nested[first::-1], axis=0)
    found = np.empty_like(nested)
    found[order] = nested
    return found


def _headrooms(level: Floats) -> Sides:
    """How far it is from the forecast to either edge of the envelope, percentage points."""
    return level, 100.0 - level


def _pools(earlier: EarlierWindows, counts: Flags, resource: Integers) -> Pooled:
    """The windows that count, and which errors of theirs are pooled."""
    of_window = resource[earlier.series[counts]]
    below, above = (
        of_window[:, None] * HEADROOM_BINS + headroom_bins(headroom[counts]) for headroom in _headrooms(earlier.level)
    )
    return Pooled(
        *(below, above, earlier.days[counts], of_window),
        resources=int(resource.max()) + 1,
        windows_per_series=int(np.bincount(earlier.series[counts]).max()),
    )


def _scores(
    residuals: Callable[[], Iterable[Residuals]], pooled: Pooled, counts: Flags, units: Sides
) -> Callable[[], Iterable[tuple[Integers, Floats]]]:
    """What reads cell and score of each day off its forecast, of the windows that count."""
    row = np.cumsum(counts) - 1
    cells = np.stack([pooled.below, pooled.above])
    side_units = np.stack([unit[counts] for unit in units])

    def read() -> Iterable[tuple[Integers, Floats]]:
        for batch in residuals():
            own = counts[batch.window] & (batch.value != 0)
            value = batch.value[own]
            at = ((value > 0).astype(np.int64), row[batch.window[own]], batch.month[own] - 1)
            yield cells[at], np.abs(value) / side_units[at]

    return read


def _of_those_concerned(seasonal: Floats, earlier: EarlierWindows, targets: Months) -> Floats:
    """The seasonal scales without those of series that are neither calibrated nor learnt from."""
    concerned = np.zeros(seasonal.size, dtype=np.bool_)
    concerned[earlier.series] = concerned[targets.series] = True
    return np.where(concerned, seasonal, np.nan)


def _units(of: EarlierWindows | Months, scale: Floats, jump: Floats) -> Sides:
    """What errors below and above the forecast are measured in, percentage points, before they grow with the months."""
    low, high = scale / CLIP_RATIO, scale * CLIP_RATIO
    spread = np.clip(np.where(np.isnan(of.spread), scale, of.spread), low, high)
    rest = spread**SPREAD_SHARE * scale ** (1 - OWN_SHARE - SPREAD_SHARE)
    below, above = (
        np.hypot(np.clip(own, low, high) ** OWN_SHARE * rest, JUMP_SHARE * np.maximum(moved, 0.0))
        for own, moved in ((of.below, -jump), (of.above, jump))
    )
    return below, above


def _scales(earlier: EarlierWindows, seasonal: Floats, resource: Integers) -> Sides:
    """(n,) scale of each series, and (W,) that of each window's series as it is without the window."""
    n = seasonal.size
    known = np.isfinite(seasonal) & (seasonal > 0)
    log_seasonal = np.log(np.where(known, seasonal, 1.0))
    compared = (known & (seasonal > IDLE_PERCENT))[earlier.series]
    ratios = np.log(earlier.mae + RATIO_FLOOR_PERCENT)[compared] - log_seasonal[earlier.series[compared]]
    factor = ratios.mean() if ratios.size else 0.0
    own = earlier.mae + FLOOR_PERCENT
    expected = np.where(known, SEASONAL_WINDOWS * (np.exp(log_seasonal + factor) + FLOOR_PERCENT), 0.0)
    total: Floats = expected + np.bincount(earlier.series, own, n)
    count = SEASONAL_WINDOWS * known.astype(np.float64) + np.bincount(earlier.series, minlength=n)
    scale = _mean(total, count)
    without = _mean(total[earlier.series] - own, count[earlier.series] - 1)
    typical = _medians(scale, resource)
    return (
        np.where(np.isfinite(scale), scale, typical),
        np.where(np.isfinite(without), without, typical[earlier.series]),
    )


def _mean(total: Floats, count: Floats) -> Floats:
    """total / count, NaN where there is nothing to average."""
    means: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return means


def _medians(scale: Floats, resource: Integers) -> Floats:
    """(n,) median scale of the series' resource, or of the fleet where the resource has none."""
    fleet = np.nanmedian(scale)
    medians = np.full(scale.shape, fleet)
    for one in np.unique(resource):
        members = scale[resource == one]
        if np.isfinite(members).any():
            medians[resource == one] = np.nanmedian(members)
    return medians


def _growth(earlier: EarlierWindows, units: Sides, counts: Flags, resource: Integers) -> Floats:
    """(resources,) power of the month with which errors in units grow: least squares in logarithms, each window against
    itself, a resource's shrunk to the fleet's and that to USUAL_GROWTH."""
    resources = int(resource.max()) + 1
    used = counts[:, None] & (earlier.days >= FEW_DAYS)
    window, column = np.nonzero(used)
    x = np.log(column + 1.0)
    y = np.log(earlier.error[used] / (units[0] + units[1])[used] * 2 + GROWTH_FLOOR)
    times = np.maximum(np.bincount(window, minlength=earlier.series.size), 1)
    x, y = (each - (np.bincount(window, each, times.size) / times)[window] for each in (x, y))
    of_month = resource[earlier.series[window]]
    sxx, sxy = (np.bincount(of_month, x * each, resources) for each in (x, y))
    fleet = (sxy.sum() + PRIOR_WINDOWS * USUAL_GROWTH) / (sxx.sum() + PRIOR_WINDOWS)
    growth: Floats = np.clip((sxy + PRIOR_WINDOWS * fleet) / (sxx + PRIOR_WINDOWS), 0.0, STEEPEST_GROWTH)
    return growth
