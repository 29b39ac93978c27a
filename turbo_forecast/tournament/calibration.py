"""How far the published interval reaches from yhat: conformal, from windows that ended before.

Belongs here: residuals of earlier windows to bounds, and bounds onto rows.
Does not belong here: which windows are earlier, and whose forecast is published; the caller hands in what may be known.
"""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from turbo_forecast.schemas import CALIBRATION
from turbo_forecast.settings import NEGLIGIBLE_PERCENT
from turbo_forecast.tournament.evidence import Flags, Floats, Integers

FLOOR_PERCENT = 0.01
"""Added to a window's MAE before its logarithm: a window forecast to the digit does not make the next one certain."""
RATIO_FLOOR_PERCENT = 0.001
"""Added to a window's MAE before it is set against the series' seasonal scale."""
SEASONAL_WINDOWS = 1.0
"""The seasonal scale counts as this many windows of the series' own."""
PRIOR_WINDOWS = 20
"""How many windows a resource needs before its quantiles count as much as the fleet's."""
STEEPEST_GROWTH = 0.5
"""Intervals grow at most with the root of the months ahead, as a random walk's do; taken where only one is measured."""
ENVELOPE = (0.0, 100.0)
_SERIES = ["host_id", "resource"]


@dataclass(frozen=True, slots=True)
class _Residuals:
    """N observed days of earlier windows, and the W windows they lie in."""

    value: Floats  # (N,) y - yhat
    month: Integers  # (N,)
    window: Integers  # (N,) row of the windows
    series: Integers  # (W,) row of the series
    recency: Integers  # (W,) 1 for the earliest fold, K for the latest
    mae: Floats  # (W,)


@dataclass(frozen=True, slots=True)
class _Quantiles:
    """Of scaled residuals, by resource (row) and asked month (column)."""

    lower: Floats
    upper: Floats
    days: Integers


def calibrate(
    residuals: pl.DataFrame,
    scales: pl.DataFrame,
    series: pl.DataFrame,
    *,
    cutoff: date,
    phase: str,
    months: int,
    interval_width: float,
) -> pl.DataFrame:
    """Rows of CALIBRATION for every series and horizon month 1 to `months`, sorted by key; none without a residual.

    residuals: `host_id, resource, fold, horizon_month, y, yhat`, a row per day of an earlier window of the published
        forecast, in percent; the lowest fold is the latest. Days without y do not count.
    scales: `host_id, resource, scale`, mean absolute 7-day difference of what is known; series may be missing.
    series: `host_id, resource` to calibrate; others' residuals count too.

    Split conformal prediction with locally scaled scores (Vovk, Gammerman & Shafer 2005; Lei et al. 2018,
    doi:10.1080/01621459.2017.1307116), weighted by recency (Barber et al. 2023, doi:10.1214/23-AOS2276). A series'
    scale is the geometric mean of its windows' MAEs and, as one more, its seasonal scale times the fleet's usual
    ratio. A window's residuals are divided by the scale without that window. Their quantiles per resource and month
    are shrunk to the fleet's; the finite-sample level counts windows, since days of a window are one witness. Series
    that never vary (they have no seasonal scale) do not count there, unless none varies: a fleet of idle hosts would
    teach that nothing ever errs.
    Measured on 10 cutoffs of real series at width 0.8 (benchmarks/TOURNAMENT.md): coverage 79.1 %, interval score 51.4;
    `prophet`'s own bounds 65.8 % and 64.3; residuals not scaled 79.1 % and 54.8; conformalised quantile regression
    (Romano, Patterson & Candes 2019) of the champion's own bounds 79.1 % and 50.5.
    """
    names = pl.concat([series.select(_SERIES), residuals.select(_SERIES)]).unique().sort(_SERIES).with_row_index("row")
    found = _read(residuals, names)
    if not found.value.size:
        return CALIBRATION.conform(pl.DataFrame(schema=CALIBRATION.polars_schema))
    resource = names["resource"].rank("dense").cast(pl.Int64).to_numpy() - 1
    known = names.join(scales, on=_SERIES, how="left", maintain_order="left")["scale"].cast(pl.Float64)
    seasonal = known.fill_null(np.nan).to_numpy()
    scale, without = _scales(found, seasonal, resource)
    varying = np.isfinite(seasonal)[found.series]
    counts: Flags = varying[found.window] if varying.any() else np.ones(found.window.size, dtype=np.bool_)
    scaled = found.value / without[found.window]
    quantiles = _quantiles(found, scaled, counts, resource, months, interval_width)
    asked = series.select(_SERIES).unique().join(names, on=_SERIES).sort(_SERIES)
    row = np.repeat(asked["row"].to_numpy().astype(np.int64), months)
    month = np.tile(np.arange(months), asked.height)
    cell = (resource[row], month)
    return CALIBRATION.conform(
        names[row].with_columns(
            cutoff=pl.lit(cutoff),
            phase=pl.lit(phase),
            horizon_month=pl.Series(month + 1),
            scale=pl.Series(scale[row]),
            # never less than rounding: a constant forecast as itself must lie inside its interval
            lower=pl.Series(np.minimum(scale[row] * quantiles.lower[cell], -NEGLIGIBLE_PERCENT)),
            upper=pl.Series(np.maximum(scale[row] * quantiles.upper[cell], NEGLIGIBLE_PERCENT)),
            n=pl.Series(quantiles.days[cell]),
        )
    ).sort(CALIBRATION.key)


def horizon_month(day: pl.Expr, first: date) -> pl.Expr:
    """The calendar month of a phase that `day` lies in, from 1; `first` is any day of the phase's first month."""
    return ((day.dt.year() - first.year) * 12 + day.dt.month().cast(pl.Int32) - first.month + 1).cast(pl.Int32)


def calibrated(rows: pl.DataFrame, calibration: pl.DataFrame) -> pl.DataFrame:
    """The rows with `yhat_lower` and `yhat_upper` as calibrated, clipped to the envelope, in their order.

    rows: the published rows, with `horizon_month`; calibration: rows of CALIBRATION of the same cutoff. A row that
    has no calibration keeps its bounds.
    """
    on = [*_SERIES, "phase", "horizon_month"]
    reach = calibration.select(*on, _below="lower", _above="upper")
    bounds = [
        pl.coalesce((pl.col("yhat") + pl.col(offset)).clip(*ENVELOPE), pl.col(bound)).alias(bound)
        for bound, offset in (("yhat_lower", "_below"), ("yhat_upper", "_above"))
    ]
    typed = rows.with_columns(pl.col("horizon_month").cast(pl.Int32))
    return typed.join(reach, on=on, how="left", maintain_order="left").with_columns(bounds).drop("_below", "_above")


def _read(residuals: pl.DataFrame, names: pl.DataFrame) -> _Residuals:
    value = pl.col("y").cast(pl.Float64) - pl.col("yhat").cast(pl.Float64)
    days = residuals.with_columns(value=value).filter(pl.col("value").is_finite())
    days = days.join(names, on=_SERIES, maintain_order="left").with_columns(age=pl.col("fold").rank("dense"))
    windows = days.select("row", "age").unique().sort("row", "age").with_row_index("window")
    window = days.join(windows, on=["row", "age"], maintain_order="left")["window"].to_numpy().astype(np.int64)
    error, age = days["value"].to_numpy(), windows["age"].to_numpy().astype(np.int64)
    return _Residuals(
        value=error,
        month=days["horizon_month"].to_numpy().astype(np.int64),
        window=window,
        series=windows["row"].to_numpy().astype(np.int64),
        recency=(age.max() + 1 - age) if age.size else age,
        mae=np.bincount(window, np.abs(error), windows.height) / np.bincount(window, minlength=windows.height),
    )


def _scales(found: _Residuals, seasonal: Floats, resource: Integers) -> tuple[Floats, Floats]:
    """(n,) scale of each series, and (W,) that of each window's series as it is without the window."""
    n = seasonal.size
    known = np.isfinite(seasonal) & (seasonal > 0)
    log_seasonal = np.log(np.where(known, seasonal, 1.0))
    compared = known[found.series]
    ratios = np.log(found.mae + RATIO_FLOOR_PERCENT)[compared] - log_seasonal[found.series[compared]]
    factor = ratios.mean() if ratios.size else 0.0
    own = np.log(found.mae + FLOOR_PERCENT)
    expected = np.where(known, SEASONAL_WINDOWS * np.log(np.exp(log_seasonal + factor) + FLOOR_PERCENT), 0.0)
    total: Floats = expected + np.bincount(found.series, own, n)
    count = SEASONAL_WINDOWS * known.astype(np.float64) + np.bincount(found.series, minlength=n)
    scale = _geometric(total, count)
    without = _geometric(total[found.series] - own, count[found.series] - 1)
    typical = _medians(scale, resource)
    return (
        np.where(np.isfinite(scale), scale, typical),
        np.where(np.isfinite(without), without, typical[found.series]),
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
    found: _Residuals, scaled: Floats, counts: Flags, resource: Integers, months: int, interval_width: float
) -> _Quantiles:
    """Quantiles per resource and month of the days that count, shrunk to the fleet's; months without continue others."""
    resources = int(resource.max()) + 1
    measured = np.unique(found.month[counts])
    shape = (resources, measured.size)
    lower, upper, days = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int64)
    of_day = resource[found.series][found.window]
    for column, month in enumerate(measured):
        here = counts & (found.month == month)
        fleet_low, fleet_high, _ = _pooled(found, scaled, here, interval_width)
        for row in range(resources):
            mine = here & (of_day == row)
            low, high, windows = _pooled(found, scaled, mine, interval_width) if mine.any() else (0.0, 0.0, 0)
            lower[row, column] = (windows * low + PRIOR_WINDOWS * fleet_low) / (windows + PRIOR_WINDOWS)
            upper[row, column] = (windows * high + PRIOR_WINDOWS * fleet_high) / (windows + PRIOR_WINDOWS)
            days[row, column] = mine.sum()
    asked = np.arange(1, months + 1)
    base = np.maximum(np.searchsorted(measured, asked, side="right") - 1, 0)
    growth = (asked / measured[base])[None, :] ** _slopes(measured, upper - lower)[:, None]
    return _Quantiles(lower[:, base] * growth, upper[:, base] * growth, days[:, base])


def _pooled(found: _Residuals, scaled: Floats, here: Flags, interval_width: float) -> tuple[float, float, int]:
    """Lower and upper quantile of the scaled residuals of some days, and the number of windows they lie in.

    A quantile is the inverse of the weighted distribution: the least residual with at least that share of the
    weight at or below it. Levels are those of the windows + 1 equally likely ranks, the new window's own among them.
    """
    window = found.window[here]
    count = int(np.unique(window).size)
    tail = (1 - interval_width) / 2
    below = math.floor((count + 1) * tail + 1e-9) / count  # what is whole must not be missed by a rounding error
    above = min(math.ceil((count + 1) * (1 - tail) - 1e-9) / count, 1.0)
    weight = found.recency[window].astype(np.float64)
    low, high = np.quantile(scaled[here], [below, above], weights=weight, method="inverted_cdf")
    return float(low), float(high), count


def _slopes(measured: Integers, width: Floats) -> Floats:
    """(resources,) power of the month with which widths grow: least squares in logarithms, within [0, 0.5]."""
    slopes = np.full(len(width), STEEPEST_GROWTH)
    for row, widths in enumerate(width):
        x, y = np.log(measured[widths > 0]), np.log(widths[widths > 0])
        if x.size > 1:
            slopes[row] = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    clipped: Floats = np.clip(slopes, 0.0, STEEPEST_GROWTH)
    return clipped
