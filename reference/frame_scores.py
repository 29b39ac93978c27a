"""Scores of whole frames of rows, the plain way: what the product's sums of each series are measured against.

Belongs here: metrics of rows, and the scale that MASE divides by. Does not belong here: a month's steps (`month_frames.py`).
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from turbo_forecast.schemas import TOURNAMENT_SCORES
from turbo_forecast.settings import NEGLIGIBLE_PERCENT
from turbo_forecast.tournament.scores import METRICS, SEASON_DAYS, WHOLE_WINDOW

_SERIES = ["host_id", "resource"]


def mase_scales(history: pl.DataFrame) -> pl.DataFrame:
    """`host_id, resource, scale`: mean |y(day) - y(day - 7)| over pairs of observed training days.

    history: `host_id, resource, ds, y` of the training window. Paired by calendar day, not by row as
    utilsforecast does: real series have gaps. Series with no pair, or a negligible scale, have no row.
    Source: Hyndman & Koehler (2006), doi:10.1016/j.ijforecast.2006.03.001.
    """
    return _mean_differences(_seasonal_differences(history))


def scales_by_window(history: pl.DataFrame, ends: Mapping[str, date]) -> pl.DataFrame:
    """`host_id, resource, window, scale`: `mase_scales` of each window's training days, window by window.

    history: `host_id, resource, ds, y` from the first training day on. ends: window to the last day it trains on.
    """
    differences = _seasonal_differences(history.sort(*_SERIES, "ds"))
    parts = [
        _mean_differences(differences.filter(pl.col("ds") <= end)).select(
            *_SERIES, pl.lit(window).alias("window_name"), "scale"
        )
        for window, end in ends.items()
    ]
    schema = {"host_id": pl.String, "resource": pl.String, "window_name": pl.String, "scale": pl.Float64}
    return pl.concat([pl.DataFrame(schema=schema), *parts])


def _seasonal_differences(history: pl.DataFrame) -> pl.DataFrame:
    lagged = history.select(*_SERIES, pl.col("ds").dt.offset_by(f"{SEASON_DAYS}d"), before="y")
    paired = history.join(lagged, on=[*_SERIES, "ds"], maintain_order="left")
    return paired.select(*_SERIES, "ds", difference=(pl.col("y") - pl.col("before")).abs())


def _mean_differences(differences: pl.DataFrame) -> pl.DataFrame:
    return (
        differences.group_by(_SERIES, maintain_order=True)
        .agg(scale=pl.col("difference").mean())
        .filter(pl.col("scale") > NEGLIGIBLE_PERCENT)
    )


def score(rows: pl.DataFrame, scales: pl.DataFrame, interval_width: float) -> pl.DataFrame:
    """Rows of TOURNAMENT_SCORES, sorted by key; days on which nothing was observed do not count.

    rows: `cutoff, host_id, resource, model, window, y, yhat, yhat_lower, yhat_upper`. scales: `host_id, resource, window,
        scale`, as `scales_by_window` gives them.
    pinball is the mean loss of the two bounds; interval_score is Winkler's, their sum times 2 / alpha
    (Gneiting & Raftery 2007, section 6.2, doi:10.1198/016214506000001437). wape is null where y is 0 throughout,
    mase where the series has no scale.
    """
    keys = list(TOURNAMENT_SCORES.key)
    found = _scored(rows, keys, scales, [*_SERIES, "window_name"], interval_width)
    return TOURNAMENT_SCORES.conform(found).sort(keys)


def score_by_month(rows: pl.DataFrame, scales: pl.DataFrame, interval_width: float) -> pl.DataFrame:
    """`host_id, resource, model, horizon_month` and all metrics, sorted: what `standings` summarises.

    rows: backtest rows as `score` takes them, with `horizon_month` (from 1) for `window`. horizon_month 0 is the whole
    window. scales: `host_id, resource, scale` of the backtest's training window.
    """
    keys = [*_SERIES, "model", "horizon_month"]
    whole = rows.with_columns(horizon_month=pl.lit(WHOLE_WINDOW, dtype=rows.schema["horizon_month"]))
    parts = [_scored(part, keys, scales, _SERIES, interval_width).select(*keys, *METRICS) for part in (whole, rows)]
    return pl.concat(parts).sort(keys)


def _scored(
    rows: pl.DataFrame, keys: list[str], scales: pl.DataFrame, scaled_by: list[str], interval_width: float
) -> pl.DataFrame:
    y, yhat, lower, upper = (pl.col(name).cast(pl.Float64) for name in ("y", "yhat", "yhat_lower", "yhat_upper"))
    alpha = 1 - interval_width
    error, size = yhat - y, y.abs() + yhat.abs()
    below, above = y - lower, y - upper
    observed = rows.filter(pl.col("y").is_finite())
    share = pl.col("absolute") / pl.col("total")
    return (
        observed.group_by(keys, maintain_order=True)
        .agg(
            n=pl.len().cast(pl.Int64),
            mae=error.abs().mean(),
            rmse=(error**2).mean().sqrt(),
            smape=pl.when(size > 0).then(error.abs() / size).otherwise(0.0).mean(),
            absolute=error.abs().sum(),
            total=y.sum(),
            bias=error.mean(),
            coverage=((lower <= y) & (y <= upper)).mean(),
            pinball=(
                pl.max_horizontal(alpha / 2 * below, (alpha / 2 - 1) * below)
                + pl.max_horizontal((1 - alpha / 2) * above, -alpha / 2 * above)
            ).mean()
            / 2,
        )
        .join(scales, on=scaled_by, how="left", maintain_order="left")
        .with_columns(
            wape=pl.when(share.is_finite()).then(share),
            mase=pl.col("mae") / pl.col("scale"),
            interval_score=pl.col("pinball") * 4 / alpha,
        )
    )
