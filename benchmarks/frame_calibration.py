"""The calibration of whole frames of rows, the plain way: every error in memory, quantiles by NumPy.

Belongs here: residuals of earlier windows to bounds, and bounds onto rows, written apart from the product's calibration, which
is measured against it. Does not belong here: which windows are earlier (`month_frames.py`).
"""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from turbo_forecast.schemas import CALIBRATION
from turbo_forecast.settings import NEGLIGIBLE_PERCENT
from turbo_forecast.tournament.calibration import (
    ENVELOPE,
    FLOOR_PERCENT,
    IDLE_PERCENT,
    OWN_SHARE,
    PRIOR_WINDOWS,
    RATIO_FLOOR_PERCENT,
    REACH,
    SEASONAL_WINDOWS,
    SMALLEST,
    STEEPEST_GROWTH,
)
from turbo_forecast.tournament.evidence import Flags, Floats, Integers

_SERIES = ["host_id", "resource"]
_DAYS = pl.date_range(date(2024, 1, 1), date(2024, 12, 31), eager=True).dt.strftime("%m-%d").to_list()
"""Every day of a leap year, as MM-DD."""


@dataclass(frozen=True, slots=True)
class _Residuals:
    """N observed days of earlier windows, and the W windows they lie in."""

    value: Floats  # (N,) y - yhat
    width: Floats  # (N,) mean own half-width on the error's side, of the window's month
    month: Integers  # (N,)
    window: Integers  # (N,) row of the windows
    series: Integers  # (W,) row of the series
    mae: Floats  # (W,)


@dataclass(frozen=True, slots=True)
class _Quantiles:
    """Of errors in units, by resource (row) and month (column, from 1)."""

    reach: Floats
    days: Integers


def calibrate(
    residuals: pl.DataFrame,
    published: pl.DataFrame,
    scales: pl.DataFrame,
    *,
    cutoff: date,
    phase: str,
    interval_width: float,
) -> pl.DataFrame:
    """Rows of CALIBRATION for every series and horizon month of `published`, sorted by key; none without a residual.

    residuals: `host_id, resource, fold, horizon_month, y, yhat, yhat_lower, yhat_upper`, a row per day of an earlier
        window of the published forecast, in percent, bounds as the entrant gave them. Days without y do not count.
    published: `host_id, resource, horizon_month, yhat, yhat_lower, yhat_upper`, the days to calibrate; other series'
        residuals count too.
    scales: `host_id, resource, scale`, mean absolute 7-day difference of what is known; series may be missing.

    The method is `turbo_forecast.tournament.calibration.calibrate`'s, where it is described.
    """
    names = series_names(residuals, published)
    found = _read(residuals, names)
    if not found.value.size:
        return CALIBRATION.conform(pl.DataFrame(schema=CALIBRATION.polars_schema))
    resource = names["resource"].rank("dense").cast(pl.Int64).to_numpy() - 1
    known = names.join(scales, on=_SERIES, how="left", maintain_order="left")["scale"].cast(pl.Float64)
    seasonal = known.fill_null(np.nan).to_numpy()
    scale, without = _scales(found, seasonal, resource)
    varying = (np.nan_to_num(seasonal) > IDLE_PERCENT)[found.series]
    counts: Flags = varying[found.window] if varying.any() else np.ones(found.window.size, dtype=np.bool_)
    scores = np.abs(found.value) / _unit(found.width, without[found.window])
    asked = asked_months(published, names)
    row, month = (asked[name].to_numpy().astype(np.int64) for name in ("row", "horizon_month"))
    quantiles = _quantiles(found, scores, counts, resource, int(month.max(initial=1)), interval_width)
    cell = (resource[row], month - 1)
    below, above = (quantiles.reach[cell] * _unit(asked[side].to_numpy(), scale[row]) for side in ("below", "above"))
    return CALIBRATION.conform(
        asked.with_columns(
            cutoff=pl.lit(cutoff),
            phase=pl.lit(phase),
            scale=pl.Series(scale[row]),
            # never less than rounding: a constant forecast as itself must lie inside its interval
            lower=pl.Series(np.minimum(-below, -NEGLIGIBLE_PERCENT)),
            upper=pl.Series(np.maximum(above, NEGLIGIBLE_PERCENT)),
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


def unknown_where_unobserved(rows: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """The rows, in their order, with the whole envelope as the interval on weekdays, in months and in stretches of the year
    that a series has never or hardly ever been observed on: nothing says how far such a day is from its forecast.

    rows: `host_id, resource, ds, yhat_lower, yhat_upper`, …; outcomes: `host_id, resource, unobserved_weekdays,
    unobserved_months, unobserved_stretches` (names parted by ', ', or null), a row per series.
    """
    names = {"unobserved_weekdays": "%A", "unobserved_months": "%B", "unobserved_stretches": "%m-%d"}
    some = outcomes.filter(pl.any_horizontal(pl.col(*names).is_not_null())).select(*_SERIES, *names)
    if some.is_empty():
        return rows
    listed = some.with_columns(pl.col(*names).str.split(", ")).with_columns(
        pl.col("unobserved_stretches").map_elements(_days_of, return_dtype=pl.List(pl.String))
    )
    named = [pl.col(column).list.contains(pl.col("ds").dt.strftime(form)) for column, form in names.items()]
    unknown = pl.any_horizontal(condition.fill_null(False) for condition in named)
    bounds = [
        pl.when(unknown).then(pl.lit(edge)).otherwise(pl.col(name)).alias(name)
        for name, edge in zip(("yhat_lower", "yhat_upper"), ENVELOPE, strict=True)
    ]
    return rows.join(listed, on=_SERIES, how="left", maintain_order="left").with_columns(bounds).drop(*names)


def _days_of(stretches: pl.Series) -> list[str]:
    """The days (MM-DD) of stretches of the year, each named by its first and last; one may lie around New Year."""
    found: list[str] = []
    for first, _, last in (name.partition(" to ") for name in stretches):
        around = last < first
        found += [day for day in _DAYS if (day >= first or day <= last if around else first <= day <= last)]
    return found


def series_names(residuals: pl.DataFrame, published: pl.DataFrame) -> pl.DataFrame:
    """`row, host_id, resource` of every series, sorted."""
    return (
        pl.concat([published.select(_SERIES), residuals.select(_SERIES)]).unique().sort(_SERIES).with_row_index("row")
    )


def half_widths() -> dict[str, pl.Expr]:
    """The mean own half-widths of a month's days, as aggregates; no bound, or one on the wrong side, counts as 0."""
    yhat, lower, upper = (pl.col(name).cast(pl.Float64) for name in ("yhat", "yhat_lower", "yhat_upper"))
    widths = {"below": yhat - lower, "above": upper - yhat}
    return {side: width.fill_null(0.0).fill_nan(0.0).clip(0.0).mean() for side, width in widths.items()}


def _read(residuals: pl.DataFrame, names: pl.DataFrame) -> _Residuals:
    keys = ["row", "fold", "horizon_month"]
    value = pl.col("y").cast(pl.Float64) - pl.col("yhat").cast(pl.Float64)
    rows = residuals.join(names, on=_SERIES, maintain_order="left").with_columns(value=value)
    widths = rows.group_by(keys, maintain_order=True).agg(**half_widths())
    days = rows.filter(pl.col("value").is_finite()).join(widths, on=keys, maintain_order="left")
    windows = days.select("row", "fold").unique().sort("row", "fold").with_row_index("window")
    window = days.join(windows, on=["row", "fold"], maintain_order="left")["window"].to_numpy().astype(np.int64)
    error = days["value"].to_numpy()
    return _Residuals(
        value=error,
        width=np.where(error < 0, days["below"].to_numpy(), days["above"].to_numpy()),
        month=days["horizon_month"].to_numpy().astype(np.int64),
        window=window,
        series=windows["row"].to_numpy().astype(np.int64),
        mae=np.bincount(window, np.abs(error), windows.height) / np.bincount(window, minlength=windows.height),
    )


def asked_months(published: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """`host_id, resource, horizon_month, below, above, row`: the months to calibrate, with their own half-widths."""
    months = published.group_by(*_SERIES, "horizon_month", maintain_order=True).agg(**half_widths())
    return months.join(names, on=_SERIES, maintain_order="left")


def _unit(width: Floats, scale: Floats) -> Floats:
    """What errors are measured in, percentage points: of own half-widths and scales."""
    own = np.clip(width, scale / REACH, scale * REACH)
    unit: Floats = own**OWN_SHARE * scale ** (1 - OWN_SHARE)
    return unit


def _scales(found: _Residuals, seasonal: Floats, resource: Integers) -> tuple[Floats, Floats]:
    """(n,) scale of each series, and (W,) that of each window's series as it is without the window."""
    n = seasonal.size
    known = np.isfinite(seasonal) & (seasonal > 0)
    log_seasonal = np.log(np.where(known, seasonal, 1.0))
    compared = (known & (seasonal > IDLE_PERCENT))[found.series]
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
    found: _Residuals, scores: Floats, counts: Flags, resource: Integers, months: int, interval_width: float
) -> _Quantiles:
    """Quantiles per resource and month of the days that count, shrunk to the fleet's; months without continue others."""
    resources = int(resource.max()) + 1
    measured = np.unique(found.month[counts])
    reach = np.zeros((resources, measured.size))
    days = np.zeros(reach.shape, dtype=np.int64)
    of_day = resource[found.series][found.window]
    for column, month in enumerate(measured):
        here = counts & (found.month == month)
        fleet, _ = _pooled(scores[here], found.window[here], interval_width)
        for row in range(resources):
            mine = here & (of_day == row)
            own, windows = _pooled(scores[mine], found.window[mine], interval_width) if mine.any() else (0.0, 0)
            # in logarithms: where forecasts were exact until something broke, quantiles are in the hundreds
            logs = windows * np.log(max(own, SMALLEST)) + PRIOR_WINDOWS * np.log(max(fleet, SMALLEST))
            reach[row, column] = np.exp(logs / (windows + PRIOR_WINDOWS))
            days[row, column] = mine.sum()
    asked = np.arange(1, months + 1)
    base = np.maximum(np.searchsorted(measured, asked, side="right") - 1, 0)
    growth = (asked / measured[base])[None, :] ** _slopes(measured, reach)[:, None]
    return _Quantiles(reach[:, base] * growth, days[:, base])


def _pooled(scores: Floats, window: Integers, interval_width: float) -> tuple[float, int]:
    """The quantile of some days' scores, and the number of windows they lie in.

    The level is that of the windows + 1 equally likely ranks, the new window's own among them.
    """
    count = int(np.unique(window).size)
    level = min(math.ceil((count + 1) * interval_width - 1e-9) / count, 1.0)  # whole, but for a rounding error
    return float(np.quantile(scores, level, method="inverted_cdf")), count


def _slopes(measured: Integers, reach: Floats) -> Floats:
    """(resources,) power of the month with which quantiles grow: least squares in logarithms, up to STEEPEST_GROWTH."""
    slopes = np.full(len(reach), STEEPEST_GROWTH)
    for row, reaches in enumerate(reach):
        x, y = np.log(measured[reaches > 0]), np.log(reaches[reaches > 0])
        if x.size > 1:
            slopes[row] = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    clipped: Floats = np.clip(slopes, 0.0, STEEPEST_GROWTH)
    return clipped
