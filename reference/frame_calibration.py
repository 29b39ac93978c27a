"""The calibration of whole frames of rows, the plain way: every error in memory, quantiles by NumPy.

Belongs here: residuals of earlier windows to bounds, and bounds onto rows, written apart from the product's calibration, which
is measured against it. Does not belong here: which windows are earlier (`month_frames.py`).
"""

import math
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl

from turbo_forecast.schemas import CALIBRATION
from turbo_forecast.settings import ENVELOPE, NEGLIGIBLE_PERCENT
from turbo_forecast.tournament.calibration import (
    CLIP_RATIO,
    FEW_DAYS,
    FLOOR_PERCENT,
    GROWTH_FLOOR,
    IDLE_PERCENT,
    JUMP_SHARE,
    OWN_SHARE,
    RATIO_FLOOR_PERCENT,
    SEASONAL_WINDOWS,
    SPREAD_SHARE,
    STEEPEST_GROWTH,
    USUAL_GROWTH,
)
from turbo_forecast.tournament.interval_quantiles import HEADROOM_EDGES, PRIOR_WINDOWS, SMALLEST, TAIL_RESERVE
from turbo_forecast.tournament.shrunken_errors import Flags, Floats, Integers

_SERIES = ["host_id", "resource"]
_DAYS = pl.date_range(date(2024, 1, 1), date(2024, 12, 31), eager=True).dt.strftime("%m-%d").to_list()
"""Every day of a leap year, as MM-DD."""


_OF_MONTH = ["below", "above", "spread", "level", "jump"]


@dataclass(frozen=True, slots=True)
class _Residuals:
    """N observed days of earlier windows, and the W windows they lie in."""

    value: Floats  # (N,) y - yhat
    months: dict[str, Floats]  # each (N,), of _OF_MONTH: what is known of the day's month
    month: Integers  # (N,)
    window: Integers  # (N,) row of the windows
    series: Integers  # (W,) row of the series
    mae: Floats  # (W,)


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

    residuals: `host_id, resource, fold, horizon_month, y, yhat, yhat_lower, yhat_upper, apart, jump`, a row per day of an
        earlier window of the published forecast, in percent, bounds as the entrant gave them; apart: mean distance of the
        other entrants' forecasts, null where there is none; jump: the window's. Days without y do not count.
    published: `host_id, resource, horizon_month, yhat, yhat_lower, yhat_upper, apart, jump`, the days to calibrate; other
        series' residuals count too.
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
    asked = asked_months(published, names)
    row, month = (asked[name].to_numpy().astype(np.int64) for name in ("row", "horizon_month"))
    within = _units(found.months, without[found.window])
    growth = _growth(found, within, counts, resource)
    of_day = resource[found.series][found.window]
    grown = found.month ** growth[of_day]
    scores = [np.maximum(side * found.value, 0.0) / (unit * grown) for side, unit in zip((-1, 1), within, strict=True)]
    reach = _reach(found, scores, counts, resource, interval_width)
    own = {name: asked[name].to_numpy() for name in _OF_MONTH}
    below, above = (
        _at_room(reach[resource[row]], room) * unit * month ** growth[resource[row]]
        for room, unit in zip(_headrooms(own["level"]), _units(own, scale[row]), strict=True)
    )
    days = np.bincount(of_day[counts], minlength=resource.max() + 1)
    return CALIBRATION.conform(
        asked.with_columns(
            cutoff=pl.lit(cutoff),
            phase=pl.lit(phase),
            scale=pl.Series(scale[row]),
            # never less than the jump, nor than rounding: a constant forecast as itself must lie inside its interval
            lower=pl.Series(-np.max([below, -own["jump"], np.full(row.size, NEGLIGIBLE_PERCENT)], axis=0)),
            upper=pl.Series(np.max([above, own["jump"], np.full(row.size, NEGLIGIBLE_PERCENT)], axis=0)),
            n=pl.Series(days[resource[row]]),
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


def of_months(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """`below, above, spread, level, jump` of each month of each window (`keys` are its columns): mean own half-widths of its
    days (no bound, or one on the wrong side, counts as 0), mean forecast, and the mean of `apart` up to the month's end.
    """
    yhat, lower, upper = (pl.col(name).cast(pl.Float64) for name in ("yhat", "yhat_lower", "yhat_upper"))
    widths = {"below": yhat - lower, "above": upper - yhat}
    sums = (
        rows.group_by(*keys, "horizon_month", maintain_order=True)
        .agg(
            **{side: width.fill_null(0.0).fill_nan(0.0).clip(0.0).mean() for side, width in widths.items()},
            level=yhat.mean(),
            apart=pl.col("apart").sum(),
            known=pl.col("apart").count(),
            jump=pl.col("jump").first(),
        )
        .sort(*keys, "horizon_month")
    )
    so_far = pl.col("apart").cum_sum().over(keys) / pl.col("known").cum_sum().over(keys)
    return sums.with_columns(spread=so_far).drop("apart", "known")


def _read(residuals: pl.DataFrame, names: pl.DataFrame) -> _Residuals:
    keys = ["row", "fold", "horizon_month"]
    value = pl.col("y").cast(pl.Float64) - pl.col("yhat").cast(pl.Float64)
    rows = residuals.join(names, on=_SERIES, maintain_order="left").with_columns(value=value)
    months = of_months(rows, keys[:2])
    days = rows.filter(pl.col("value").is_finite()).drop("jump").join(months, on=keys, maintain_order="left")
    windows = days.select("row", "fold").unique().sort("row", "fold").with_row_index("window")
    window = days.join(windows, on=["row", "fold"], maintain_order="left")["window"].to_numpy().astype(np.int64)
    error = days["value"].to_numpy()
    return _Residuals(
        value=error,
        months={name: days[name].to_numpy() for name in _OF_MONTH},
        month=days["horizon_month"].to_numpy().astype(np.int64),
        window=window,
        series=windows["row"].to_numpy().astype(np.int64),
        mae=np.bincount(window, np.abs(error), windows.height) / np.bincount(window, minlength=windows.height),
    )


def asked_months(published: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """`host_id, resource, horizon_month, row` and what `of_months` gives of each month to calibrate."""
    return of_months(published, _SERIES).join(names, on=_SERIES, maintain_order="left")


def _units(of: dict[str, Floats], scale: Floats) -> list[Floats]:
    """What errors below and above are measured in, percentage points, before they grow."""
    spread = np.where(np.isnan(of["spread"]), scale, of["spread"])
    units = []
    for name, side in (("below", -1), ("above", 1)):
        own, around = (np.clip(each, scale / CLIP_RATIO, scale * CLIP_RATIO) for each in (of[name], spread))
        logs = OWN_SHARE * np.log(own) + SPREAD_SHARE * np.log(around) + (1 - OWN_SHARE - SPREAD_SHARE) * np.log(scale)
        moved = JUMP_SHARE * np.maximum(side * of["jump"], 0.0)
        units.append(np.sqrt(np.exp(logs) ** 2 + moved**2))
    return units


def _scales(found: _Residuals, seasonal: Floats, resource: Integers) -> tuple[Floats, Floats]:
    """(n,) scale of each series, and (W,) that of each window's series as it is without the window: series by series, in words.

    A series' scale is the mean of what its windows erred and of SEASONAL_WINDOWS windows that erred as its seasonal differences let
    expect, by the factor that holds over the fleet. Who has neither is taken for the typical series of its resource, else of the fleet.
    """
    erred: dict[int, list[float]] = {series: [] for series in range(seasonal.size)}
    ratios = []
    for series, mae in zip(found.series.tolist(), found.mae.tolist(), strict=True):
        erred[series].append(mae + FLOOR_PERCENT)
        if math.isfinite(seasonal[series]) and seasonal[series] > IDLE_PERCENT:
            ratios.append(math.log(mae + RATIO_FLOOR_PERCENT) - math.log(seasonal[series]))
    factor = math.exp(math.fsum(ratios) / len(ratios)) if ratios else 1.0

    def mean(series: int, values: list[float]) -> float:
        weight = SEASONAL_WINDOWS if math.isfinite(seasonal[series]) and seasonal[series] > 0 else 0.0
        expected = weight * (seasonal[series] * factor + FLOOR_PERCENT) if weight else 0.0
        return (math.fsum(values) + expected) / (len(values) + weight) if values or weight else math.nan

    scale = np.array([mean(series, values) for series, values in erred.items()])
    typical = [
        np.nanmedian(same if np.isfinite(same := scale[resource == one]).any() else scale) for one in resource.tolist()
    ]
    without, place = [], dict.fromkeys(erred, 0)
    for series in found.series.tolist():
        others = erred[series][: place[series]] + erred[series][place[series] + 1 :]
        place[series] += 1
        without.append(mean(series, others))
    filled = np.where(np.isfinite(scale), scale, typical)
    return filled, np.array(
        [own if math.isfinite(own) else typical[at] for own, at in zip(without, found.series, strict=True)]
    )


def _growth(found: _Residuals, units: list[Floats], counts: Flags, resource: Integers) -> Floats:
    """(resources,) power of the month with which errors in units grow."""
    days = pl.DataFrame(
        {
            "window": found.window,
            "month": found.month,
            "resource": resource[found.series][found.window],
            "error": np.abs(found.value),
            "unit": (units[0] + units[1]) / 2,
        }
    ).filter(pl.Series(counts))
    points = (
        days.group_by("window", "month", maintain_order=True)
        .agg(pl.col("resource", "unit").first(), pl.col("error").mean(), n=pl.len())
        .filter(pl.col("n") >= FEW_DAYS)
        .with_columns(x=pl.col("month").log(), y=(pl.col("error") / pl.col("unit") + GROWTH_FLOOR).log())
        .with_columns((pl.col(name) - pl.col(name).mean().over("window")).alias(name) for name in ("x", "y"))
    )
    x, y, of = (points[name].to_numpy() for name in ("x", "y", "resource"))
    fleet = (np.sum(x * y) + PRIOR_WINDOWS * USUAL_GROWTH) / (np.sum(x * x) + PRIOR_WINDOWS)
    powers = [
        (np.sum((x * y)[of == one]) + PRIOR_WINDOWS * fleet) / (np.sum((x * x)[of == one]) + PRIOR_WINDOWS)
        for one in range(int(resource.max()) + 1)
    ]
    return np.clip(powers, 0.0, STEEPEST_GROWTH)


def _headrooms(level: Floats) -> list[Floats]:
    """The forecast's distance from either edge."""
    return [level - ENVELOPE[0], ENVELOPE[1] - level]


def _reach(found: _Residuals, scores: list[Floats], counts: Flags, resource: Integers, interval_width: float) -> Floats:
    """(resources, ranges) quantiles by resource and range of room, shrunk."""
    score, window = np.concatenate([each[counts] for each in scores]), np.tile(found.window[counts], 2)
    of = resource[found.series][window]
    room = np.concatenate([np.digitize(each[counts], HEADROOM_EDGES) for each in _headrooms(found.months["level"])])
    windows = int(np.unique(window).size)
    shown = int(np.unique(found.series[np.unique(window)], return_counts=True)[1].max())
    wanted = 1 - (1 - interval_width) / 2 * (1 - TAIL_RESERVE / shown)
    level = min(math.ceil((windows + 1) * wanted - 1e-9) / windows, 1.0)  # whole, but for a rounding error

    def pooled(members: Flags) -> tuple[float, float]:
        """The logarithm of their quantile, and how much it counts."""
        if not members.any():
            return 0.0, 0.0
        count = np.unique(window[members]).size
        quantile = float(np.quantile(score[members], level, method="inverted_cdf"))
        return float(np.log(max(quantile, SMALLEST))), count / (count + PRIOR_WINDOWS)

    def shrunk(members: Flags, towards: float) -> float:
        own, weight = pooled(members)
        return weight * own + (1 - weight) * towards

    fleet = pooled(np.ones(score.size, dtype=np.bool_))[0]
    ranges = [shrunk(room == place, fleet) for place in range(len(HEADROOM_EDGES) + 1)]
    logs = [
        [
            shrunk((of == one) & (room == place), shrunk(of == one, fleet) + usual - fleet)
            for place, usual in enumerate(ranges)
        ]
        for one in range(int(resource.max()) + 1)
    ]
    return np.exp(np.array(logs))


def _at_room(reach: Floats, room: Floats) -> Floats:
    """(A,) between the middles of the ranges in logarithms; reach: (A, ranges)."""
    edges = [0.0, *HEADROOM_EDGES, 100.0]
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    logs = [np.interp(at, middles, row) for at, row in zip(room, np.log(reach), strict=True)]
    return np.exp(np.array(logs))
