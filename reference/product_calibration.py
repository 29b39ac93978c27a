"""The product's own calibration, asked with frames: rules are varied and compared there (`benchmarks/rules.py`, the tests).

Belongs here: frames into the arrays that `turbo_forecast.tournament.calibration` takes, and back. Does not belong here: a
calibration.
"""

from collections.abc import Iterator
from datetime import date

import numpy as np
import polars as pl

from reference.frame_calibration import asked_months, of_months, series_names
from turbo_forecast.fleet.champion_errors import OF_MONTHS
from turbo_forecast.schemas import CALIBRATION
from turbo_forecast.tournament.calibration import EarlierWindows, Months, Residuals, calibrate

_SERIES = ["host_id", "resource"]


def product_calibrate(
    residuals: pl.DataFrame,
    published: pl.DataFrame,
    scales: pl.DataFrame,
    *,
    cutoff: date,
    phase: str,
    interval_width: float,
    batch_days: int = 100_000,
) -> pl.DataFrame:
    """Rows of CALIBRATION as the product makes them; takes and gives what `frame_calibration.calibrate` does.

    batch_days: how many days the product is given at once; it must make no difference.
    """
    names = series_names(residuals, published)
    windows, days = _earlier(residuals, names)
    if not windows.series.size:
        return CALIBRATION.conform(pl.DataFrame(schema=CALIBRATION.polars_schema))
    known = names.join(scales, on=_SERIES, how="left", maintain_order="left")["scale"].cast(pl.Float64)
    asked = asked_months(published, names)

    def batches() -> Iterator[Residuals]:
        for first in range(0, days.value.size, batch_days):
            own = slice(first, first + batch_days)
            yield Residuals(days.value[own], days.window[own], days.month[own])

    found = calibrate(
        windows,
        batches,
        Months(*(asked[name].to_numpy() for name in ("row", "horizon_month", "jump", *OF_MONTHS))),
        known.fill_null(np.nan).to_numpy(),
        names["resource"].rank("dense").cast(pl.Int64).to_numpy() - 1,
        interval_widths=[interval_width],
    )
    reach = {"scale": found.scale, "lower": found.lower[0], "upper": found.upper[0], "n": found.n}
    named = asked.with_columns(cutoff=pl.lit(cutoff), phase=pl.lit(phase), **reach)
    return CALIBRATION.conform(named).sort(CALIBRATION.key)


def _earlier(residuals: pl.DataFrame, names: pl.DataFrame) -> tuple[EarlierWindows, Residuals]:
    """The windows with an observed day, and all these days."""
    rows = residuals.join(names, on=_SERIES, maintain_order="left").with_columns(
        pl.col("row").cast(pl.Int64),
        pl.col("horizon_month").cast(pl.Int64),
        value=pl.col("y").cast(pl.Float64) - pl.col("yhat").cast(pl.Float64),
    )
    seen = rows.filter(pl.col("value").is_finite())
    windows = (
        seen.group_by("row", "fold", maintain_order=True)  # sums depend on their order
        .agg(mae=pl.col("value").abs().mean(), jump=pl.col("jump").first())
        .sort("row", "fold")
        .with_row_index("window")
        .with_columns(pl.col("window").cast(pl.Int64))
    )
    on = ["row", "fold"]
    days = seen.drop("jump").join(windows, on=on, maintain_order="left")
    keys = ["row", "fold", "horizon_month"]
    observed = rows.group_by(keys, maintain_order=True).agg(
        error=pl.col("value").filter(pl.col("value").is_finite()).abs().mean().fill_null(0.0),
        days=pl.col("value").is_finite().sum().cast(pl.Int64),
    )
    months = of_months(rows, on).drop("jump").join(observed, on=keys, maintain_order="left")
    placed = months.join(windows, on=on)
    shape = windows.height, int(placed["horizon_month"].max() or 1)  # type: ignore[arg-type]
    at = placed["window"].to_numpy(), placed["horizon_month"].to_numpy() - 1
    tables = {}
    for name in ("days", "error", *OF_MONTHS):
        tables[name] = np.zeros(shape, dtype=placed[name].to_numpy().dtype)
        tables[name][at] = placed[name].to_numpy()
    series, mae, jump = (windows[name].to_numpy() for name in ("row", "mae", "jump"))
    residual = Residuals(*(days[name].to_numpy() for name in ("value", "window", "horizon_month")))
    return EarlierWindows(series, mae, jump, **tables), residual
