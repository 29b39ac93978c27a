"""How far TurboProphet is from stock Prophet, beside how far stock is from itself, as a page of markdown.

Run from the repository: `python -m benchmarks.is_it_really_prophet > page.md` (two minutes; `--quick` leaves out
stock's grid). The cases are those of reference/cases.py. Stock's jitter: the same fit by stock itself
with its initial growth rate scaled by 1 ± 1e-13, a change in the last digits of one starting value.
"""

import argparse
import dataclasses
import logging
import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from prophet import Prophet
from prophet.models import ModelParams
from prophet.utilities import warm_start_params

from reference.cases import Case, cases
from reference.posterior import log_posterior
from reference.published import (
    AT_37_DAYS,
    CHANGEPOINT_SCALES,
    GRID_RMSE,
    SEASONALITY_SCALES,
    SERIES,
    grid_rmse,
    metrics_at_37_days,
)
from turbo_forecast.turbo_prophet.drop_in import TurboProphet

HORIZON = 120  # rows ahead whose forecasts are compared
NOTES = """\
Turbo − stock, nats: how much more probable our parameters are. Where trends differ by more than stock's jitter, stock
stopped short of the maximum; "Stan from ours gains" is what Stan itself adds when it starts where we stopped. A
regressor that wanders as a trend does can stand in for it: a tenth of a nat moves the trend by a lot and the forecast by little.
Times are whole fits, most of which is Prophet's own preparation in pandas."""


class NudgedProphet(Prophet):
    """Stock Prophet that starts from a growth rate scaled by `nudge`."""

    nudge = 1.0

    def calculate_initial_params(self, num_total_regressors: int) -> ModelParams:
        """Stock's, but for the rate."""
        start = super().calculate_initial_params(num_total_regressors)
        return dataclasses.replace(start, k=start.k * self.nudge)


class NudgedUp(NudgedProphet):
    """1 + 1e-13."""

    nudge = 1 + 1e-13


class NudgedDown(NudgedProphet):
    """1 - 1e-13."""

    nudge = 1 - 1e-13


@dataclasses.dataclass(frozen=True)
class Fit:
    """One model's fit and forecast, in the data's unit as a percentage of its largest value."""

    params: dict[str, Any]
    posterior: float
    trend: np.ndarray  # (T,), in sample
    ahead: np.ndarray  # (HORIZON,), yhat after the history
    milliseconds: float


def fit(of: type[Prophet], case: Case, data: dict[str, Any], **options: Any) -> Fit:
    """Fit one case and look at it; the time is that of `fit` alone."""
    model = case.model(of)
    model.uncertainty_samples = 0
    begun = time.perf_counter()
    model.fit(case.df.copy(), **options)
    milliseconds = 1e3 * (time.perf_counter() - begun)
    history = model.history
    last = case.df.sort_values("ds").tail(1)
    step = history["ds"].diff().median()
    others = last.drop(columns=["ds", "y"]).iloc[0]
    future = pd.DataFrame({"ds": last["ds"].iloc[0] + step * np.arange(1, HORIZON + 1)}).assign(**others)
    share = 100 / float(np.abs(history["y"]).max())
    trend = share * model.predict_trend(model.setup_dataframe(history.drop(columns=["t", "y_scaled"]).copy()))
    ahead = share * model.predict(future)["yhat"].to_numpy()
    return Fit(model.params, log_posterior(data, model.params), trend, ahead, milliseconds)


def stan_data(case: Case) -> dict[str, Any]:
    """The data block that Stan is given."""
    inputs = case.model(Prophet).preprocess(case.df.copy())
    return {field.name: getattr(inputs, field.name) for field in dataclasses.fields(inputs)}


def row(name: str, case: Case) -> dict[str, Any]:
    """One line of the table."""
    data = stan_data(case)
    exact = {"sig_figs": 18}
    turbo = fit(TurboProphet, case, data)
    stock = fit(Prophet, case, data, **exact)
    nudged = [fit(of, case, data, **exact) for of in (NudgedUp, NudgedDown)]
    try:
        further = fit(Prophet, case, data, init=warm_start_params_of(turbo), **exact)
        gained = f"{max(further.posterior - turbo.posterior, 0):.0e}"
    except RuntimeError:
        gained = "no step"
    return {
        "case": name,
        "turbo − stock, nats": f"{turbo.posterior - stock.posterior:.4f}",
        "Stan from ours gains": gained,
        "stock's jitter, nats": f"{np.ptp([f.posterior for f in (stock, *nudged)]):.4f}",
        "stock's jitter, trend %": f"{max(np.abs(f.trend - stock.trend).max() for f in nudged):.3f}",
        "turbo − stock, trend %": f"{np.abs(turbo.trend - stock.trend).max():.3f}",
        "stock's jitter, forecast %": f"{max(np.abs(f.ahead - stock.ahead).max() for f in nudged):.3f}",
        "turbo − stock, forecast %": f"{np.abs(turbo.ahead - stock.ahead).max():.3f}",
        "stock, ms": f"{stock.milliseconds:.0f}",
        "turbo, ms": f"{turbo.milliseconds:.0f}",
    }


def warm_start_params_of(done: Fit) -> dict[str, Any]:
    """Prophet's own warm start from a fit."""
    model = Prophet()
    model.params = done.params
    return warm_start_params(model)


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of equal keys as a table."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(map(str, line.values())) for line in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def table_of_differences(names: Iterable[str] | None = None) -> str:
    """Every case: log posteriors, trends and forecasts, beside stock's own jitter."""
    every = cases()
    chosen = list(every) if names is None else list(names)
    fit(TurboProphet, every["linear"], stan_data(every["linear"]))  # machine code is loaded before anything is timed
    return markdown([row(name, every[name]) for name in chosen])


def table_of_cross_validation() -> str:
    """Prophet's published cross validation at 37 days: published, stock and turbo in the same run."""
    lines: list[dict[str, Any]] = [{"": "published"} | AT_37_DAYS | {"seconds": ""}]
    for name, of in (("stock", Prophet), ("turbo", TurboProphet)):
        begun = time.perf_counter()
        found = {key: f"{value:.4f}" for key, value in metrics_at_37_days(of).items()}
        lines.append({"": name} | found | {"seconds": f"{time.perf_counter() - begun:.1f}"})
    return markdown(lines)


def table_of_grid(with_stock: bool) -> str:
    """Prophet's published tuning grid, cell by cell."""
    found = {"published": np.array(GRID_RMSE), "turbo": grid_rmse(TurboProphet)}
    if with_stock:
        found["stock"] = grid_rmse(Prophet)
    return markdown(
        [
            {"changepoint_prior_scale": change, "seasonality_prior_scale": season}
            | {name: f"{values[i, j]:.4f}" for name, values in found.items()}
            for i, change in enumerate(CHANGEPOINT_SCALES)
            for j, season in enumerate(SEASONALITY_SCALES)
        ]
    )


def main() -> None:
    """Write the page to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out stock's grid (64 fits)")
    arguments = parser.parse_args()
    logging.disable(logging.ERROR)
    print(f"# Is it really Prophet?\n\nTimes on one of {os.cpu_count()} cores; percentages of the largest value.\n")
    print(f"## Every feature\n\n{table_of_differences()}\n\n{NOTES}\n")
    if SERIES.exists():
        print(f"## Published cross validation\n\n{table_of_cross_validation()}\n")
        print(f"## Published tuning grid, rmse\n\n{table_of_grid(not arguments.quick)}")


if __name__ == "__main__":
    main()
