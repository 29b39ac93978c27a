"""The same input gives the same bytes, whatever the number of threads."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import hashlib
from datetime import date
import numpy as np
import polars as pl
from reference.product_calibration import product_calibrate
from turbo_forecast.schemas import TOURNAMENT_SCORES
from turbo_forecast.tournament.champions import choose
from turbo_forecast.tournament.combination import learn_weights, weighted_median
from turbo_forecast.tournament.scores import error_sums, mase_scales, scores
from turbo_forecast.tournament.standings import standings

rng = np.random.default_rng(0)
last, models, windows = date(2025, 4, 30), ["champion", "ets", "naive"], ["backtest", "fold 1", "fold 2"]
hosts, resources = [f"h{i:03d}" for i in range(300)], ["cpu", "disk"] * 150
y, days = rng.uniform(0, 100, (300, 120)), np.arange(120)
yhat = rng.uniform(0, 100, (300, 3, 120))
starts = np.array([0, 40, 80])

def named(series, model, values, **more):
    keys = {"host_id": [hosts[i] for i in series], "resource": [resources[i] for i in series], "model": model}
    return pl.DataFrame({**keys, **values, **more}).with_columns(cutoff=last)

parts, scales = [], np.array([mase_scales(days, y[i], [39, 79, 119]) for i in range(300)])
for i in range(300):
    sums = error_sums(y[i], yhat[i], yhat[i] - 9, yhat[i] + 9, starts, 0.8)
    found = {name: values.ravel() for name, values in scores(sums, scales[i], 0.8).items()}
    parts.append(named([i] * 9, np.repeat(models, 3).tolist(), found, window_name=windows * 3, horizon_month=[1, 2, 3] * 3))
table = pl.concat(parts)
own = table.filter(pl.col("model") != "champion")
rows = named(np.repeat(np.arange(300), 120).tolist(), ["champion"] * 36000, {"yhat": yhat[:, 0].ravel()}).with_columns(
    y=pl.Series(y.ravel()), yhat_lower=pl.col("yhat") - 9, yhat_upper=pl.col("yhat") + 9,
    apart=pl.Series(np.abs(yhat[:, 1] - yhat[:, 0]).ravel()), jump=pl.Series(np.repeat(y[:, 0] - yhat[:, 0, 0], 120)),
    fold=pl.Series(np.tile(np.repeat([0, 1, 2], 40), 300)), horizon_month=pl.Series(np.tile(np.repeat([1, 2, 3], 40), 300)),
)
known = pl.DataFrame({"host_id": hosts, "resource": resources, "scale": scales[:, 2]})
found = [
    TOURNAMENT_SCORES.conform(table),
    choose(own.select("cutoff", "host_id", "resource", "model").unique(), own, ["ets", "naive"], "naive"),
    product_calibrate(rows, rows, known, cutoff=last, phase="forecast", interval_width=0.8),
    standings(table, cutoff=last, fallback="naive", seasonal_naive="naive", interval_width=0.8),
]
digest = hashlib.sha256(b"".join(frame.write_csv(float_precision=None).encode() for frame in found))
errors = rng.exponential(3, (300, 5, 3))
weights = learn_weights(errors, np.arange(300) % 2, list("abcde"), "e", np.ones(300, dtype=bool)).by_window[-1]
digest.update(weights.tobytes())
digest.update(weighted_median(weights.T, rng.uniform(0, 100, (5, 300))).tobytes())
print([frame.height for frame in found], digest.hexdigest())
"""


@pytest.mark.slow
def test_no_number_depends_on_threads() -> None:
    said = set()
    for threads in ("1", "2", "5"):
        environment = {**os.environ, "POLARS_MAX_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
        )
        said.add(done.stdout)
    assert len(said) == 1
    assert said.pop().startswith("[2700, 300, 900, 27]")
