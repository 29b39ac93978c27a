"""A fit in a month's run: the mean over its five windows (three folds, the backtest, the forecast), days missing and all.

The clock is the process's own time, so that a busy machine adds little: features of the days observed, search, result.
Does not belong here: stock Prophet beside it (`engines.py`).
"""

import time
from collections.abc import Callable, Iterator
from datetime import date

import numpy as np
import polars as pl

from benchmarks.measuring import table
from turbo_forecast.models.prophet_spec import spec_of
from turbo_forecast.models.prophet_tuned import VARIANTS, tuned
from turbo_forecast.models.protocol import Days, Values
from turbo_forecast.settings import NEGLIGIBLE_PERCENT, ForecastSettings
from turbo_forecast.turbo_prophet.daily import fit_daily
from turbo_forecast.turbo_prophet.daily_calendar import Calendar
from turbo_forecast.windows import day_number, run_windows

CUTOFF = date(2025, 12, 31)
MARGIN = 400
WARM = 100
"""Fits before the clock starts."""


def nested(rows: pl.DataFrame, count: int, settings: ForecastSettings) -> Iterator[tuple[Days, Values]]:
    """Every window's observations of up to `count` series, evenly spread, in the order of a run; constant ones left out."""
    windows = run_windows(CUTOFF, settings)
    inside = rows.filter(pl.col("ds").is_between(windows.history_start, CUTOFF)).sort("host_id", "resource", "ds")
    grouped = inside.group_by("host_id", "resource", maintain_order=True).agg(pl.col("ds").cast(pl.Int32), "y")
    firsts = [fold.days[0] for fold in reversed(windows.folds)]
    firsts += [windows.backtest_days[0], windows.forecast_days[0]]
    for _, _, ds, values in grouped.gather_every(max(1, len(grouped) // count)).head(count).iter_rows():
        days, y = np.asarray(ds, dtype=np.int64), np.asarray(values, dtype=np.float64)
        for first in firsts:
            train = int(np.searchsorted(days, first))
            if train >= settings.min_train_days and np.ptp(y[:train]) > NEGLIGIBLE_PERCENT:
                yield days[:train], y[:train]


def milliseconds(windows: list[tuple[Days, Values]], settings: ForecastSettings) -> tuple[np.ndarray, np.ndarray]:
    """(n,) time of each fit, and (n,) its steps over the whole window."""
    span = run_windows(CUTOFF, settings)
    first, last = day_number(span.history_start), day_number(span.horizon_end)
    calendar = Calendar(first - MARGIN, last + MARGIN, spec_of(settings))
    for days, y in windows[:WARM]:
        fit_daily(days, y, calendar, cap=settings.cap, floor=settings.floor)
    calendar = Calendar(first - MARGIN, last + MARGIN, spec_of(settings))  # nothing of these is remembered
    spent, steps = [], []
    for days, y in windows:
        started = time.process_time()
        fit = fit_daily(days, y, calendar, cap=settings.cap, floor=settings.floor)
        spent.append(1000 * (time.process_time() - started))
        steps.append(fit.result.iterations)
    return np.asarray(spent), np.asarray(steps)


def report(rows: pl.DataFrame, count: int, say: Callable[[str], None]) -> str:
    """The section of RESULTS.md."""
    settings = ForecastSettings()
    windows = list(nested(rows, count, settings))
    lines, means = [], []
    for name in [name for name in settings.base_models if name == "prophet" or name in VARIANTS]:
        spent, steps = milliseconds(windows, tuned(name, settings))
        p50, p99 = np.percentile(spent, [50, 99])
        means.append(spent.mean())
        lines.append([name, f"{spent.mean():.3f}", f"{p50:.3f}", f"{p99:.2f}", f"{steps.mean():.1f}"])
        say(" · ".join(lines[-1]))
    lines.append(["mean of these", f"{np.mean(means):.3f}", "", "", ""])
    return "\n\n".join(
        [
            f"## A fit, over the windows of a run\n\n{len(windows):,} windows of up to {count:,} series of the demo fleet, days "
            "missing as they are; process time of features, search and result; goal: 0.40 ms for prophet.",
            table(["entrant", "mean ms", "median ms", "p99 ms", "mean steps"], lines),
        ]
    )
