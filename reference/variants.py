"""Series numbered from 0 on, each of another kind and with other options of Prophet: what the solver is held against Stan on.

Belongs here: which series, and Prophet's options for it. Does not belong here: what must hold of it (`benchmarks/proof.py`, the tests).
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reference.synthetic import KINDS, frame, series

PARKING = Path(__file__).parents[1].parent / "shared" / "data" / "parking_occupancy_daily.parquet"
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("logistic", {"growth": "logistic"}),
    ("linear", {}),
    ("logistic", {"growth": "logistic"}),
    ("logistic multiplicative", {"growth": "logistic", "seasonality_mode": "multiplicative"}),
    ("linear multiplicative", {"seasonality_mode": "multiplicative"}),
    ("flat", {"growth": "flat"}),
    ("linear, flexible", {"changepoint_prior_scale": 0.5, "n_changepoints": 40}),
    ("logistic, stiff", {"growth": "logistic", "changepoint_prior_scale": 0.005, "seasonality_prior_scale": 1.0}),
]


def parking() -> list[np.ndarray]:
    """Real car parks: rows of (day stamp, value), 974 at most."""
    if not PARKING.exists():
        return []
    table = pd.read_parquet(PARKING).dropna(subset=["value"]).sort_values(["host_id", "timestamp"])
    groups = [g.tail(974) for _, g in table.groupby("host_id", sort=True)]
    return [g for g in groups if len(g) > 100 and g["value"].nunique() > 1]


def case(i: int, real: list[Any]) -> tuple[str, str, pd.DataFrame, dict[str, Any]]:
    """The i-th series: its kind, its variant's name, its frame and Prophet's options."""
    rng = np.random.default_rng(i)
    parked = bool(real) and i % 4 == 3
    # car parks take no kind's turn: each variant meets every kind
    turn = i if parked or not real else i - i // 4
    name, options = VARIANTS[(turn // len(KINDS)) % len(VARIANTS)]
    if parked:
        group = real[(i // 4) % len(real)]
        df = frame(group["value"].clip(0, 100).to_numpy(), pd.to_datetime(group["timestamp"]).to_numpy())
        return "parking", name, df, options
    kind = KINDS[turn % len(KINDS)]
    rows = int(rng.choice([974, 974, 974, 1096, 300, 100]))
    df = frame(series(kind, i, rows))
    if rng.random() < 0.3:
        df = df[rng.random(rows) < rng.uniform(0.5, 0.98)].reset_index(drop=True)
    return kind, name, df, options
