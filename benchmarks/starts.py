"""Which optimum forecasts better: the one stock's start leads to, or the higher of both signs of k? Backtest on real
series.

    python benchmarks/starts.py [--horizon 122]

Car parks of ../shared/data: fit on up to 974 days, score the days after. Mean absolute errors in points of percent.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from turbo_forecast.turbo_prophet.daily import fit_daily, forecast_daily
from turbo_forecast.turbo_prophet.daily_calendar import Calendar
from turbo_forecast.turbo_prophet.features import Spec
from turbo_forecast.turbo_prophet.problem import Settings

PARKING = Path(__file__).parents[1].parent / "shared" / "data" / "parking_occupancy_daily.parquet"


def main() -> None:
    """Print errors of both policies, over all windows and over those where the optima differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--horizon", type=int, default=122)
    horizon = parser.parse_args().horizon
    table = pl.read_parquet(PARKING).drop_nulls("value").sort("host_id", "timestamp")
    errors: list[tuple[float, float, float]] = []
    for _, group in table.group_by("host_id", maintain_order=True):
        days = group["timestamp"].cast(pl.Date).to_physical().to_numpy().astype(np.int64)
        values = group["value"].to_numpy().clip(0, 100)
        calendar = Calendar(int(days[0]), int(days[-1]), Spec(growth="logistic"))
        for back in range(4):
            cutoff = days[-1] - horizon * (1 + 2 * back)
            train = (days <= cutoff) & (days > cutoff - 974)
            test = (days > cutoff) & (days <= cutoff + horizon)
            if train.sum() < 365 or test.sum() < horizon // 2 or np.ptp(values[train]) == 0:
                continue
            found = []
            for policy in ("stock", "both"):
                settings = Settings(starts=policy)  # type: ignore[arg-type]
                fit = fit_daily(days[train], values[train], calendar, cap=100.0, floor=0.0, settings=settings)
                yhat = forecast_daily(fit, days[test], calendar).yhat.clip(0, 100)
                found.append((fit.result.objective, float(np.abs(yhat - values[test]).mean())))
            errors.append((found[1][0] - found[0][0], found[0][1], found[1][1]))
    e = np.array(errors)
    differ = e[:, 0] > 1e-6
    for name, rows in (
        ("all windows", np.ones(len(e), bool)),
        ("optima differ", differ),
        ("by more than 2 nats", e[:, 0] > 2),
    ):
        stock, both = e[rows, 1], e[rows, 2]
        print(
            f"{name:<22} n {rows.sum():>5}   stock's start {stock.mean():.3f}   both signs {both.mean():.3f}   "
            f"both better in {(both < stock).mean():.1%}, worse in {(both > stock).mean():.1%}"
        )


if __name__ == "__main__":
    main()
