"""One core: a fit, and a fit with ten months of forecast and intervals, beside stock Prophet and the rivals."""

import logging
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd

from benchmarks.measuring import Times, table, timed
from benchmarks.series import AHEAD, Sample, complete
from turbo_forecast.models.prophet_spec import spec_of
from turbo_forecast.models.prophet_stan import StanEngine
from turbo_forecast.models.prophet_turbo import TurboEngine
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.turbo_prophet.daily import fit_daily
from turbo_forecast.turbo_prophet.daily_calendar import Calendar

MARGIN = 400


def fits(many: list[Sample], few: list[Sample], settings: ForecastSettings) -> tuple[Times, Times]:
    """Seconds per fit of turbo (all of `many`) and stock (`few`)."""
    calendar = Calendar(int(many[0].days[0]) - MARGIN, int(AHEAD[-1]) + MARGIN, spec_of(settings))
    stan = StanEngine(settings)

    def turbo_fit(sample: Sample) -> None:
        fit_daily(sample.days, sample.y, calendar, cap=settings.cap, floor=settings.floor)

    for sample in many[:20]:
        turbo_fit(sample)
    stan.fit(few[0].days, few[0].y, seed=1)
    turbo, stock = [], []
    for sample in few:  # in turn, so that a drifting machine drifts for both
        stock.append(timed(lambda sample=sample: stan.fit(sample.days, sample.y, seed=1)))
        turbo.append(timed(lambda sample=sample: turbo_fit(sample)))
    turbo += [timed(lambda sample=sample: turbo_fit(sample)) for sample in many]
    return Times(turbo), Times(stock)


def projections(many: list[Sample], few: list[Sample], settings: ForecastSettings) -> tuple[Times, Times]:
    """Seconds per fit, ten months of forecast and intervals, of turbo and stock."""
    turbo, stan = TurboEngine(settings), StanEngine(settings)
    for sample in many[:20]:
        turbo.forecast(sample.window)
    stan.forecast(few[0].window)
    stock_seconds, turbo_seconds = [], []
    for sample in few:
        stock_seconds.append(timed(lambda sample=sample: stan.forecast(sample.window)))
        turbo_seconds.append(timed(lambda sample=sample: turbo.forecast(sample.window)))
    turbo_seconds += [timed(lambda sample=sample: turbo.forecast(sample.window)) for sample in many]
    return Times(turbo_seconds), Times(stock_seconds)


def stock_pool(few: list[Sample], settings: ForecastSettings, workers: int) -> float:
    """Seconds per series of the script this replaces: a ProcessPoolExecutor around stock Prophet."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(_stock, [(few[0], settings)] * workers))  # imports, outside the clock
        return timed(lambda: list(pool.map(_stock, [(sample, settings) for sample in few]))) / len(few)


def _stock(task: tuple[Sample, ForecastSettings]) -> float:
    sample, settings = task
    return float(StanEngine(settings).forecast(sample.window).yhat.sum())


def prophet_batch(group: list[Sample], settings: ForecastSettings) -> float:
    """Seconds per series of prophet-batch, one process, the same model and draws."""
    from prophet_batch import forecast_many

    logging.getLogger("prophet_batch").setLevel(logging.ERROR)
    past = pd.concat([_frame(sample.days, settings).assign(y=sample.y, unique_id=sample.name) for sample in group])
    future = pd.concat([_frame(AHEAD, settings).assign(unique_id=sample.name) for sample in group])
    options = {"growth": settings.growth, "uncertainty_samples": settings.uncertainty_samples}
    return timed(lambda: forecast_many(past, futures=future, seed=1, n_jobs=1, **options)) / len(group)


def _frame(days: np.ndarray, settings: ForecastSettings) -> pd.DataFrame:
    frame = pd.DataFrame({"ds": days.astype("datetime64[D]").astype("datetime64[ns]")})
    return frame.assign(cap=settings.cap, floor=settings.floor) if settings.growth == "logistic" else frame


def statsforecast(group: list[Sample]) -> dict[str, Times]:
    """Seconds per series of fit, ten months and 80 % intervals."""
    from statsforecast.models import AutoETS, DynamicOptimizedTheta

    found = {}
    for model in (DynamicOptimizedTheta(season_length=7), AutoETS(season_length=7)):

        def forecast(y: np.ndarray, model: AutoETS | DynamicOptimizedTheta = model) -> None:
            model.forecast(y, h=AHEAD.size, level=[80])

        forecast(group[0].y)
        found[type(model).__name__] = Times([timed(lambda sample=sample: forecast(sample.y)) for sample in group])
    return found


def report(many: list[Sample], few: list[Sample], workers: int, say: Callable[[str], None]) -> str:
    """The section of RESULTS.md."""
    logistic, linear = ForecastSettings(), ForecastSettings(growth="linear")
    rows = []

    def row(what: str, other: float, ours: float, goal: str) -> None:
        rows.append([what, f"{other * 1000:,.1f}", f"{ours * 1000:,.2f}", f"{other / ours:,.0f} ×", goal])
        say(" · ".join(rows[-1]))

    gappy_fit, stock_gappy_fit = fits(many, few, logistic)
    gappy, stock_gappy = projections(many, few, logistic)
    many, few = [complete(sample) for sample in many], [complete(sample) for sample in few]
    turbo_fit, stock_fit = fits(many, few, logistic)
    turbo, stock = projections(many, few, logistic)
    turbo_linear, _ = projections(many, few[:3], linear)
    thousand = ForecastSettings(uncertainty_samples=1000)
    turbo_thousand, _ = projections(many[:200], few[:3], thousand)
    row("stock `fit`, logistic", stock_fit.median, turbo_fit.median, "250 ×")
    row("stock fit + predict + intervals, 100 draws", stock.median, turbo.median, "120 ×")
    row("stock `fit`, days missing, differently in each series", stock_gappy_fit.median, gappy_fit.median, "")
    row("stock fit + predict + intervals, days missing", stock_gappy.median, gappy.median, "")
    for settings, ours in ((logistic, turbo), (thousand, turbo_thousand)):
        pool = stock_pool(few, settings, workers) * workers
        row(f"stock in a process pool, {settings.uncertainty_samples:,} draws (core time)", pool, ours.median, "")
    row("prophet-batch, linear, 100 draws", prophet_batch(many[:100], linear), turbo_linear.median, "8 ×")
    row("prophet-batch, logistic, 100 draws", prophet_batch(few, logistic), turbo.median, "120 ×")
    for name, times in statsforecast(few).items():
        row(f"statsforecast {name}(7)", times.median, turbo.median, "")
    ordered = np.sort(turbo_fit.seconds)
    slow = [
        ["fit", turbo_fit.milliseconds(), f"{np.mean(ordered) * 1000:.2f}", *_tail(ordered)],
        [
            "fit, days missing",
            gappy_fit.milliseconds(),
            f"{np.mean(gappy_fit.seconds) * 1000:.2f}",
            *_tail(gappy_fit.seconds),
        ],
        [
            "fit + forecast + intervals",
            turbo.milliseconds(),
            f"{np.mean(turbo.seconds) * 1000:.2f}",
            *_tail(turbo.seconds),
        ],
    ]
    return "\n\n".join(
        [
            f"## One core, per series\n\n974 days (missing ones filled, unless said), 10 months ahead; turbo on {len(many):,} series of the demo fleet, the "
            f"others on {len(few)} of them, in turn in one process. Medians; of the process pool and prophet-batch, the "
            "whole time over the number of series.",
            table(["rival", "rival, ms", "turbo, ms", "ratio", "goal"], rows),
            table(
                ["turbo, logistic", "median ms (middle half)", "mean ms", "p99 ms", "p99.9 / median (goal < 25)"], slow
            ),
        ]
    )


def _tail(seconds: np.ndarray | list[float]) -> tuple[str, str]:
    p50, p99, p999 = np.percentile(np.asarray(seconds), [50, 99, 99.9])
    return f"{p99 * 1000:.2f}", f"{p999 / p50:.1f} ×"
