"""How far each entrant's backtest was from what happened, per series.

Belongs here: metrics, from utilsforecast where it has them. Does not belong here: choosing (`champions.py`).
"""

import polars as pl
import utilsforecast.losses as losses

from turbo_forecast.schemas import TOURNAMENT_SCORES
from turbo_forecast.settings import NEGLIGIBLE_PERCENT

SEASON_DAYS = 7
_KEYS = ["cutoff", "host_id", "resource", "model"]


def mase_scales(history: pl.DataFrame) -> pl.DataFrame:
    """`host_id, resource, scale`: mean |y(day) - y(day - 7)| over pairs of observed training days.

    history: `host_id, resource, ds, y` of the training window. Paired by calendar day, not by row as
    utilsforecast does: real series have gaps. Series with no pair, or a negligible scale, have no row.
    Source: Hyndman & Koehler (2006), doi:10.1016/j.ijforecast.2006.03.001.
    """
    lagged = history.select("host_id", "resource", pl.col("ds").dt.offset_by(f"{SEASON_DAYS}d"), before="y")
    return (
        history.join(lagged, on=["host_id", "resource", "ds"], maintain_order="left")  # sums depend on their order
        .group_by("host_id", "resource", maintain_order=True)
        .agg(scale=(pl.col("y") - pl.col("before")).abs().mean())
        .filter(pl.col("scale") > NEGLIGIBLE_PERCENT)
    )


def score(backtest: pl.DataFrame, scales: pl.DataFrame, interval_width: float) -> pl.DataFrame:
    """Rows of TOURNAMENT_SCORES from backtest rows; days on which nothing was observed do not count.

    interval_score is Winkler's, as the sum of the bounds' pinball losses times 2 / alpha
    (Gneiting & Raftery 2007, section 6.2, doi:10.1198/016214506000001437).
    """
    observed = backtest.filter(pl.col("y").is_not_null())
    ids = observed.select(_KEYS).unique(maintain_order=True).with_row_index("unique_id")
    rows = observed.join(ids, on=_KEYS, maintain_order="left").select(
        "unique_id", "ds", "y", "yhat", pl.col("yhat_lower").alias("yhat-lo-0"), pl.col("yhat_upper").alias("yhat-hi-0")
    )
    rows = rows.sort("unique_id", "ds")  # groups of sorted ids are slices: their sums do not depend on threads
    alpha = 1 - interval_width
    scored = ids.join(rows.group_by("unique_id").agg(n=pl.len().cast(pl.Int64)), on="unique_id")
    for name, metric in (("mae", losses.mae), ("rmse", losses.rmse), ("smape", losses.smape), ("bias", losses.bias)):
        scored = scored.join(metric(rows, ["yhat"]).rename({"yhat": name}), on="unique_id")
    lower = losses.quantile_loss(rows, {"low": "yhat-lo-0"}, q=alpha / 2)
    upper = losses.quantile_loss(rows, {"high": "yhat-hi-0"}, q=1 - alpha / 2)
    inside = losses.coverage(rows, ["yhat"], level=0).rename({"yhat": "coverage"})
    return (
        scored.join(lower, on="unique_id")
        .join(upper, on="unique_id")
        .join(inside, on="unique_id")
        .join(scales, on=["host_id", "resource"], how="left")
        .with_columns(
            mase=pl.col("mae") / pl.col("scale"),
            interval_score=(pl.col("low") + pl.col("high")) * 2 / alpha,
        )
        .pipe(TOURNAMENT_SCORES.conform)
        .sort("host_id", "resource", "model")
    )
