"""The numbers that Prophet's documentation publishes for its Peyton Manning series, and how it computes them.

Source: the documentation's page "Diagnostics" (cross validation, hyperparameter tuning).
"""

import contextlib
import io
import itertools
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from prophet import Prophet
from prophet.diagnostics import cross_validation, performance_metrics

SERIES = Path(__file__).parents[1].parent / "shared" / "data" / "prophet" / "example_wp_log_peyton_manning.csv"

# The first row of the metrics table. Editions of the documentation differ in the coverage, a matter of random draws:
# from 0.674 to 0.680.
AT_37_DAYS = {"rmse": 0.702683, "mape": 0.058485, "coverage": 0.677}

CHANGEPOINT_SCALES = (0.001, 0.01, 0.1, 0.5)
SEASONALITY_SCALES = (0.01, 0.1, 1.0, 10.0)
GRID_RMSE = (
    (0.757694, 0.743399, 0.753387, 0.762890),
    (0.542315, 0.535546, 0.527008, 0.541544),
    (0.524835, 0.516061, 0.521406, 0.518580),
    (0.532140, 0.524668, 0.521130, 0.522980),
)
GRID_CUTOFFS = ("2013-02-15", "2013-08-15", "2014-02-15")


def series() -> pd.DataFrame:
    """The log of daily page views, 2905 rows: ds, y."""
    return pd.read_csv(SERIES, parse_dates=["ds"])


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    level = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(level)


def metrics_at_37_days(of: type[Prophet]) -> dict[str, float]:
    """Cross validation from 730 days on, every 180 days, 365 days ahead: the first row of the metrics table."""
    with _quietly():
        np.random.seed(1)
        folds = cross_validation(
            of().fit(series()), initial="730 days", period="180 days", horizon="365 days", disable_tqdm=True
        )
    row = performance_metrics(folds).iloc[0]
    assert row["horizon"] == pd.Timedelta("37 days")
    return {name: float(row[name]) for name in AT_37_DAYS}


def grid_rmse(of: type[Prophet], changepoint_scales: Sequence[float] = CHANGEPOINT_SCALES) -> np.ndarray:
    """(n, 4): rmse over 30 days by changepoint_prior_scale (the rows asked) and seasonality_prior_scale (columns)."""
    out = np.empty((len(changepoint_scales), len(SEASONALITY_SCALES)))
    for (i, changepoint), (j, season) in itertools.product(
        enumerate(changepoint_scales), enumerate(SEASONALITY_SCALES)
    ):
        # No draws: the rmse does not depend on them.
        options = {"changepoint_prior_scale": changepoint, "seasonality_prior_scale": season, "uncertainty_samples": 0}
        with _quietly():
            model = of(**options).fit(series())
            folds = cross_validation(
                model, cutoffs=list(pd.to_datetime(GRID_CUTOFFS)), horizon="30 days", disable_tqdm=True
            )
        out[i, j] = performance_metrics(folds, metrics=["rmse"], rolling_window=1)["rmse"].iloc[0]
    return out
