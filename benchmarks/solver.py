"""Speed of one fit and one forecast, stock Prophet beside it in the same process.

    python benchmarks/solver.py [--series 1000] [--stock 10]

974 days, weekly and yearly seasonality, logistic growth with cap 100; forecasts of 304 days with 80 % bounds. Wall
time, and the
thread's own CPU time, which other processes on the machine do not disturb.
"""

import argparse
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from turbo_forecast.turbo_prophet.calendar import Calendar
from turbo_forecast.turbo_prophet.daily import compile_kernels, fit_daily, forecast_daily
from turbo_forecast.turbo_prophet.features import Spec
from turbo_forecast.turbo_prophet.prediction import Interval
from turbo_forecast.turbo_prophet.problem import Settings
from turbo_forecast_tests.parity.synthetic import KINDS, frame, series

FIRST = 19_358  # 2023-01-01
ROWS, AHEAD = 974, 304


class Timer:
    """Wall and CPU milliseconds of repeated calls."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def run(self, call: Callable[[], object]) -> object:
        """Call once, and note how long it took."""
        wall, cpu = time.perf_counter(), time.thread_time()
        found = call()
        self.cpu.append(1e3 * (time.thread_time() - cpu))
        self.wall.append(1e3 * (time.perf_counter() - wall))
        return found


def line(name: str, milliseconds: list[float]) -> None:
    """One line of the table."""
    v = np.array(milliseconds)
    numbers = (np.median(v), v.mean(), np.quantile(v, 0.99), np.quantile(v, 0.999), v.max())
    print(f"{name:<44}" + "".join(f"{x:>10.3f}" for x in numbers) + f"{v.size:>8}")


def turbo(spec: Spec, settings: Settings, share: float, ys: list[np.ndarray]) -> tuple[Timer, Timer, Timer]:
    """Fit, forecast with 100 draws, and both, for every series; share: of days observed, another pattern for each
    series."""
    calendar = Calendar(FIRST, FIRST + ROWS + AHEAD, spec)
    ahead = np.arange(FIRST + ROWS, FIRST + ROWS + AHEAD)
    fits, forecasts, both = Timer(), Timer(), Timer()
    for i, y in enumerate(ys):
        keep = np.random.default_rng(i).random(ROWS) < share if share < 1 else np.ones(ROWS, bool)
        days, values = (FIRST + np.flatnonzero(keep)), y[keep]

        def all_of_it(days: np.ndarray = days, values: np.ndarray = values, i: int = i) -> None:
            fit = fits.run(lambda: fit_daily(days, values, calendar, cap=100.0, floor=0.0, settings=settings))
            forecasts.run(lambda: forecast_daily(fit, ahead, calendar, Interval(0.8, 100), seed=i))  # type: ignore[arg-type]

        both.run(all_of_it)
    return fits, forecasts, both


def stock(ys: list[np.ndarray]) -> tuple[Timer, Timer]:
    """Stock's fit, and its predict with 100 draws. Wall time counts: its search runs in another process."""
    import pandas as pd
    from prophet import Prophet

    logging.getLogger("prophet").setLevel(logging.ERROR)
    logging.getLogger("cmdstanpy").setLevel(logging.CRITICAL)
    fits, predicts = Timer(), Timer()
    future = pd.DataFrame({"ds": pd.date_range("2023-01-01", periods=ROWS + AHEAD)[ROWS:], "cap": 100.0})
    for y in ys:
        model = Prophet(growth="logistic", uncertainty_samples=100)
        df = frame(y)
        fits.run(lambda model=model, df=df: model.fit(df))
        predicts.run(lambda model=model: model.predict(future))
    return fits, predicts


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--stock", type=int, default=10)
    arguments = parser.parse_args()
    print(f"kernels ready after {compile_kernels():.2f} s (loaded from the cache, or compiled)")
    ys = [series(KINDS[i % len(KINDS)], i) for i in range(arguments.series)]
    print(f"\n{'milliseconds':<44}{'median':>10}{'mean':>10}{'p99':>10}{'p99.9':>10}{'max':>10}{'n':>8}")
    ours: dict[str, float] = {}
    for name, spec, settings, share in (
        ("logistic, both signs", Spec(growth="logistic"), Settings(), 1.0),
        ("logistic, stock's start", Spec(growth="logistic"), Settings(starts="stock"), 1.0),
        ("logistic, both signs, 2 % of days missing", Spec(growth="logistic"), Settings(), 0.98),
        (
            "logistic multiplicative, both signs",
            Spec(growth="logistic", seasonality_mode="multiplicative"),
            Settings(),
            1.0,
        ),
        ("linear", Spec(), Settings(), 1.0),
    ):
        turbo(spec, settings, share, ys[:3])
        fits, forecasts, both = turbo(spec, settings, share, ys)
        ours[name] = float(np.mean(fits.cpu))
        ours[name + " both"] = float(np.mean(both.cpu))
        line(name + ": fit, wall", fits.wall)
        line("    fit, CPU", fits.cpu)
        line("    forecast with 100 draws, CPU", forecasts.cpu)
        line("    fit + forecast, CPU", both.cpu)
    if arguments.stock:
        stock(ys[:1])
        fits, predicts = stock(ys[: arguments.stock])
        line("stock, logistic: fit, wall", fits.wall)
        line("    predict with 100 draws, wall", predicts.wall)
        fit, whole = float(np.mean(fits.wall)), float(np.mean(fits.wall) + np.mean(predicts.wall))
        for name in ("logistic, both signs", "logistic, stock's start"):
            print(
                f"{name}: fit {fit / ours[name]:.0f} times stock (means), fit + forecast {whole / ours[name + ' both']:.0f} times"
            )


if __name__ == "__main__":
    main()
