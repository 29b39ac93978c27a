"""How far the published interval reaches from yhat: conformal, from windows that ended before.

Belongs here: residuals of earlier windows to bounds, and bounds onto rows.
Does not belong here: which windows are earlier, and whose forecast is published; the caller hands in what may be known.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from turbo_forecast.phases import MONTHS, WEEKDAYS, month, places_of_stretch, slot_of_year, weekday
from turbo_forecast.settings import ENVELOPE, NEGLIGIBLE_PERCENT
from turbo_forecast.tournament.evidence import Flags, Floats, Integers
from turbo_forecast.tournament.order_statistics import grouped_quantiles

FLOOR_PERCENT = 0.01
"""Added to a window's MAE before its logarithm: a window forecast to the digit does not make the next one certain."""
RATIO_FLOOR_PERCENT = 0.001
"""Added to a window's MAE before it is set against the series' seasonal scale."""
SEASONAL_WINDOWS = 1.0
"""The seasonal scale counts as this many windows of the series' own."""
OWN_SHARE = 0.4
"""How much of the unit of errors is the forecast's own half-width, in logarithms; the rest is the series' scale. From 0.3
to 0.6 the interval score is within 0.6 % (benchmarks/TOURNAMENT.md has 0 and 1)."""
REACH = 10.0
"""The own half-width counts between a tenth and ten times the series' scale: there may be no bounds, or absurd ones."""
IDLE_PERCENT = 0.1
"""A series whose seasonal scale is below this hardly varies: its errors, in units near the floor, teach nothing."""
PRIOR_WINDOWS = 20
"""How many windows a resource needs before its quantiles count as much as the fleet's."""
STEEPEST_GROWTH = 0.5 * (1 - OWN_SHARE)
"""Quantiles grow at most with this power of the months ahead, so that intervals whose own half-widths grow as a random
walk's, with the root, do so too; taken where only one month is measured."""
SMALLEST = 1e-3
"""What quantiles are at least, for their logarithm."""


@dataclass(frozen=True, slots=True)
class EarlierWindows:
    """W windows of the published forecast that have been observed, in months 1 to k.

    series: (W,) row of the window's series. mae: (W,) percent. days: (W, k) observed days of the month, 0 where the window
    has no such month. below, above: (W, k) the entrant's mean own half-widths over the month, percentage points.
    """

    series: Integers
    mae: Floats
    days: Integers
    below: Floats
    above: Floats


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
    """A months of series to be calibrated: (A,) row of the series, month from 1, and own half-widths, percentage points."""

    series: Integers
    month: Integers
    below: Floats
    above: Floats


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the interval of each of the asked months reaches, (A,): columns of CALIBRATION, percentage points."""

    scale: Floats
    lower: Floats
    upper: Floats
    n: Integers


@dataclass(frozen=True, slots=True)
class _Quantiles:
    """Of errors in units, by resource (row) and month (column, from 1)."""

    reach: Floats
    days: Integers


def calibrate(
    earlier: EarlierWindows,
    residuals: Callable[[], Iterable[Residuals]],
    asked: Months,
    seasonal: Floats,
    resource: Integers,
    *,
    interval_width: float,
) -> Reach:
    """How far the interval of each asked month reaches. Raises ValueError where there is no earlier window.

    residuals: called twice, gives all observed days of the earlier windows, in batches of any size.
    seasonal: (n,) mean absolute 7-day difference of what is known of each series, NaN where there is none.
    resource: (n,) number of each series' resource, from 0. Series without a month to calibrate count too.

    Split conformal prediction with locally scaled scores (Vovk, Gammerman & Shafer 2005; Lei et al. 2018,
    doi:10.1080/01621459.2017.1307116). A day's score is its absolute error in units; a unit is the weighted geometric
    mean of the series' scale and of the entrant's own half-width on the error's side, averaged over the window's month:
    the one knows how much this series errs, the other how far ahead and on which side (as conformalised quantile
    regression does; Romano, Patterson & Candes 2019, arXiv:1905.03222). A series' scale is the geometric mean of its
    windows' MAEs and, as one more, its seasonal scale times the fleet's usual ratio; a window's errors are divided by
    the scale without that window's MAE. The quantiles per resource and month are shrunk to the fleet's, in logarithms;
    the finite-sample level counts windows, since days of a window are one witness. Series that hardly vary (a seasonal
    scale of less than a tenth of a percentage point, or none) do not count there, unless none varies: idle hosts would
    teach that nothing ever errs.
    Measured on 10 cutoffs of real series at width 0.8 (benchmarks/TOURNAMENT.md): coverage 79.4 %, interval score 50.3;
    `prophet`'s own bounds 65.8 % and 64.3; errors not scaled 79.1 % and 54.8; conformalised quantile regression of the
    champion's own bounds 79.5 % and 50.6.
    """
    if not earlier.series.size:
        raise ValueError("nothing was observed of any earlier window: there is nothing to calibrate on")
    seasonal = _of_those_concerned(seasonal, earlier, asked)
    scale, without = _scales(earlier, seasonal, resource)
    varying = (np.nan_to_num(seasonal) > IDLE_PERCENT)[earlier.series]
    counts: Flags = varying if varying.any() else np.ones(varying.size, dtype=np.bool_)
    units = (_unit(earlier.below, without[:, None]), _unit(earlier.above, without[:, None]))
    months = int(asked.month.max(initial=1))
    quantiles = _quantiles(earlier, residuals, units, counts, resource, months, interval_width)
    cell = (resource[asked.series], asked.month - 1)
    below, above = (quantiles.reach[cell] * _unit(own, scale[asked.series]) for own in (asked.below, asked.above))
    return Reach(
        scale=scale[asked.series],
        # never less than rounding: a constant forecast as itself must lie inside its interval
        lower=np.minimum(-below, -NEGLIGIBLE_PERCENT),
        upper=np.maximum(above, NEGLIGIBLE_PERCENT),
        n=quantiles.days[cell],
    )


def bounds(yhat: Floats, own: tuple[Floats, Floats], reach: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """The published lower and upper bounds, (h,) percent in the envelope.

    yhat: (h,) percent. own: the entrant's bounds, which stay where reach is NaN, since nothing is calibrated there. reach:
    what is added to yhat for either, percentage points.
    """
    lower, upper = (
        np.where(np.isnan(offset), bound, np.clip(yhat + offset, *ENVELOPE))
        for bound, offset in zip(own, reach, strict=True)
    )
    return lower, upper


def unknown_days(days: Integers, weekdays: str | None, months: str | None, stretches: str | None) -> Flags:
    """(h,) days like none that a series was ever observed on: nothing says how far such a day is from its forecast.

    weekdays, months, stretches: as SERIES_OUTCOMES names them, parted by ', '; None for none.
    """
    unknown = np.zeros(days.size, dtype=np.bool_)
    if weekdays:
        unknown |= np.isin(weekday(days), [WEEKDAYS.index(name) for name in weekdays.split(", ")])
    if months:
        unknown |= np.isin(month(days), [MONTHS.index(name) for name in months.split(", ")])
    if stretches:
        places = [place for name in stretches.split(", ") for place in places_of_stretch(name)]
        unknown |= np.isin(slot_of_year(days), places)
    return unknown


def _of_those_concerned(seasonal: Floats, earlier: EarlierWindows, asked: Months) -> Floats:
    """The seasonal scales without those of series that are neither calibrated nor learnt from."""
    concerned = np.zeros(seasonal.size, dtype=np.bool_)
    concerned[earlier.series] = concerned[asked.series] = True
    return np.where(concerned, seasonal, np.nan)


def _unit(width: Floats, scale: Floats) -> Floats:
    """What errors are measured in, percentage points: of own half-widths and scales."""
    own = np.clip(width, scale / REACH, scale * REACH)
    unit: Floats = own**OWN_SHARE * scale ** (1 - OWN_SHARE)
    return unit


def _scales(earlier: EarlierWindows, seasonal: Floats, resource: Integers) -> tuple[Floats, Floats]:
    """(n,) scale of each series, and (W,) that of each window's series as it is without the window."""
    n = seasonal.size
    known = np.isfinite(seasonal) & (seasonal > 0)
    log_seasonal = np.log(np.where(known, seasonal, 1.0))
    compared = (known & (seasonal > IDLE_PERCENT))[earlier.series]
    ratios = np.log(earlier.mae + RATIO_FLOOR_PERCENT)[compared] - log_seasonal[earlier.series[compared]]
    factor = ratios.mean() if ratios.size else 0.0
    own = np.log(earlier.mae + FLOOR_PERCENT)
    expected = np.where(known, SEASONAL_WINDOWS * np.log(np.exp(log_seasonal + factor) + FLOOR_PERCENT), 0.0)
    total: Floats = expected + np.bincount(earlier.series, own, n)
    count = SEASONAL_WINDOWS * known.astype(np.float64) + np.bincount(earlier.series, minlength=n)
    scale = _geometric(total, count)
    without = _geometric(total[earlier.series] - own, count[earlier.series] - 1)
    typical = _medians(scale, resource)
    return (
        np.where(np.isfinite(scale), scale, typical),
        np.where(np.isfinite(without), without, typical[earlier.series]),
    )


def _geometric(total: Floats, count: Floats) -> Floats:
    """exp(total / count), NaN where there is nothing to average."""
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    means: Floats = np.exp(mean)
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


def _quantiles(
    earlier: EarlierWindows,
    residuals: Callable[[], Iterable[Residuals]],
    units: tuple[Floats, Floats],
    counts: Flags,
    resource: Integers,
    months: int,
    interval_width: float,
) -> _Quantiles:
    """Quantiles per resource and month of the days that count, shrunk to the fleet's; months without continue others.

    units: what the errors below and above the forecast are measured in, each (W, k).
    """
    resources = int(resource.max()) + 1
    of_window = resource[earlier.series]
    days = np.zeros((resources, earlier.days.shape[1]), dtype=np.int64)
    np.add.at(days, of_window[counts], earlier.days[counts])
    measured = np.flatnonzero(days.any(axis=0)) + 1
    windows = np.zeros((resources + 1, measured.size), dtype=np.int64)  # the last row is the fleet's
    np.add.at(windows, of_window[counts], earlier.days[counts][:, measured - 1] > 0)
    windows[-1] = windows[:-1].sum(axis=0)
    levels = np.array([_level(int(count), interval_width) for count in windows.ravel()])
    place = np.full(earlier.days.shape[1] + 1, -1)
    place[measured] = np.arange(measured.size)

    def scored() -> Iterable[tuple[Integers, Floats]]:
        for batch in residuals():
            own = counts[batch.window]
            window, month, value = batch.window[own], batch.month[own], batch.value[own]
            score = np.abs(value) / np.where(value < 0, units[0][window, month - 1], units[1][window, month - 1])
            column = place[month]
            yield of_window[window] * measured.size + column, score
            yield resources * measured.size + column, score

    found = np.nan_to_num(grouped_quantiles(scored, levels)).reshape(windows.shape)
    # in logarithms: where forecasts were exact until something broke, quantiles are in the hundreds
    logs = np.log(np.maximum(found, SMALLEST))
    reach = np.exp((windows[:-1] * logs[:-1] + PRIOR_WINDOWS * logs[-1]) / (windows[:-1] + PRIOR_WINDOWS))
    asked = np.arange(1, months + 1)
    base = np.maximum(np.searchsorted(measured, asked, side="right") - 1, 0)
    growth = (asked / measured[base])[None, :] ** _slopes(measured, reach)[:, None]
    return _Quantiles(reach[:, base] * growth, days[:, measured - 1][:, base])


def _level(windows: int, interval_width: float) -> float:
    """The level of a quantile of so many windows' days: that of the windows + 1 equally likely ranks, the new one's own among
    them, since the days of a window are one witness."""
    if not windows:
        return 1.0
    return min(math.ceil((windows + 1) * interval_width - 1e-9) / windows, 1.0)  # whole, but for a rounding error


def _slopes(measured: Integers, reach: Floats) -> Floats:
    """(resources,) power of the month with which quantiles grow: least squares in logarithms, up to STEEPEST_GROWTH."""
    slopes = np.full(len(reach), STEEPEST_GROWTH)
    for row, reaches in enumerate(reach):
        x, y = np.log(measured[reaches > 0]), np.log(reaches[reaches > 0])
        if x.size > 1:
            slopes[row] = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    clipped: Floats = np.clip(slopes, 0.0, STEEPEST_GROWTH)
    return clipped
