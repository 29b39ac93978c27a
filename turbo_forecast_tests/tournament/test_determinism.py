"""The same input gives the same bytes, whatever the number of threads."""

import os
import subprocess
import sys

SCRIPT = """
import hashlib
from datetime import date
import numpy as np
import polars as pl
from turbo_forecast.tournament.calibration import calibrate
from turbo_forecast.tournament.champions import choose
from turbo_forecast.tournament.scores import mase_scales, scales_by_window, score, score_by_month
from turbo_forecast.tournament.standings import standings
from turbo_forecast.tournament.weights import combination_weights

rng = np.random.default_rng(0)
first, last = date(2025, 1, 1), date(2025, 4, 30)
series = pl.DataFrame({"host_id": [f"h{i:03d}" for i in range(300)], "resource": ["cpu", "disk"] * 150})
days = pl.DataFrame({"ds": pl.date_range(first, last, eager=True)})
known = series.join(days, how="cross").with_columns(y=rng.uniform(0, 100, 300 * 120))
rows = known.join(pl.DataFrame({"model": ["champion", "ets", "naive"]}), how="cross", maintain_order="left")
rows = rows.join(pl.DataFrame({"fold": pl.Series([0, 1, 2], dtype=pl.Int32)}), how="cross", maintain_order="left")
yhat = rng.uniform(0, 100, rows.height)
rows = rows.with_columns(
    cutoff=last, yhat=yhat, yhat_lower=yhat - 9, yhat_upper=yhat + 9, horizon_month=pl.col("ds").dt.month().cast(pl.Int32)
)
scores = score(rows, scales_by_window(known, {0: last, 1: date(2025, 3, 31), 2: date(2025, 2, 28)}), 0.8)
backtest = rows.filter(fold=0)
found = [
    scores,
    choose(backtest.select("cutoff", "host_id", "resource", "model").unique(), scores, ["ets", "naive"], "naive"),
    calibrate(rows.filter(model="champion"), backtest.filter(model="champion"), mase_scales(known),
              cutoff=last, phase="forecast", interval_width=0.8),
    standings(score_by_month(backtest, mase_scales(known), 0.8),
              cutoff=last, fallback="naive", seasonal_naive="naive"),
]
digest = hashlib.sha256(b"".join(frame.write_csv(float_precision=None).encode() for frame in found))
errors = rng.exponential(3, (300, 5, 3))
digest.update(combination_weights(errors, np.arange(300) % 2, 4, np.ones((300, 5), dtype=bool)).tobytes())
print([frame.height for frame in found], digest.hexdigest())
"""


def test_no_number_depends_on_threads() -> None:
    said = set()
    for threads in ("1", "2", "5"):
        environment = {**os.environ, "POLARS_MAX_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
        )
        said.add(done.stdout)
    assert len(said) == 1
    assert said.pop().startswith("[2700, 300, 1200, 45]")
