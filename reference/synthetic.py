"""Synthetic series of many kinds, and stock Prophet's view of them. Reference side only: pandas and prophet are used
here."""

import dataclasses
import logging
from typing import Any

import numpy as np
import pandas as pd

KINDS = ("smooth", "growth", "step", "kinks", "walk", "saturated", "idle", "wandering")


def series(kind: str, seed: int, rows: int = 974) -> np.ndarray:
    """(rows,) a utilisation-like series in [0, 100]."""
    rng = np.random.default_rng(seed)
    i = np.arange(rows)
    base = rng.uniform(10, 70)
    weekly = rng.uniform(0, 10) * np.sin(2 * np.pi * i / 7 + rng.uniform(0, 6))
    yearly = rng.uniform(0, 12) * np.sin(2 * np.pi * i / 365.25 + rng.uniform(0, 6))
    noise = rng.normal(0, rng.uniform(0.5, 6), rows)
    if kind == "smooth":
        y = base + weekly + yearly + noise
    elif kind == "growth":
        y = base + rng.uniform(-30, 40) * i / rows + weekly + yearly + noise
    elif kind == "step":
        y = base + weekly + noise
        for _ in range(3):
            y = y + np.where(i > rng.integers(rows // 20, rows - rows // 20), rng.uniform(-30, 30), 0)
    elif kind == "kinks":
        bends = np.zeros(rows)
        for _ in range(6):
            bends[rng.integers(1, rows)] += rng.normal(0, 50 / rows)
        y = base + np.cumsum(np.cumsum(bends)) + weekly + yearly + noise
    elif kind == "walk":
        y = base + np.cumsum(rng.normal(0, 1, rows)) + weekly
    elif kind == "saturated":
        y = 100 - np.abs(rng.normal(0, 5, rows)) - np.where(rng.random(rows) < 0.1, 30, 0)
    elif kind == "idle":
        y = np.abs(rng.normal(0, 2, rows)) + np.where(rng.random(rows) < 0.02, 60, 0)
    else:
        y = np.empty(rows)
        level = 0.0
        for t in range(rows):
            level = 0.95 * level + rng.normal(0, 2)
            y[t] = base + level
    return np.clip(y, 0, 100)


def frame(y: np.ndarray, ds: Any = None) -> pd.DataFrame:
    """Prophet's input for a series, daily from 2023-01-01 unless dates are given."""
    dates = pd.date_range("2023-01-01", periods=len(y)) if ds is None else ds
    return pd.DataFrame({"ds": dates, "y": y, "cap": 100.0})


def stock_inputs(df: pd.DataFrame, regressors: Any = (), **options: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """A stock Prophet, its Stan data and its initial values, before any fit."""
    logging.getLogger("prophet").setLevel(logging.ERROR)
    logging.getLogger("cmdstanpy").setLevel(logging.CRITICAL)
    from prophet import Prophet

    model = Prophet(**options)
    for name in regressors:
        model.add_regressor(name)
    inputs = model.preprocess(df.copy())
    data = {f.name: getattr(inputs, f.name) for f in dataclasses.fields(inputs)}
    return model, data, dataclasses.asdict(model.calculate_initial_params(inputs.K))


def stan_optimum(model: Any, data: dict[str, Any], init: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Stan's MAP from init with all digits: its parameters by name, with `lp__`; 'newton' as stock falls back to it."""
    start, inputs = model.stan_backend.prepare_data(init, data)
    arguments = {"algorithm": "Newton" if data["T"] < 100 else "LBFGS", "iter": 10_000, "sig_figs": 18}
    arguments |= {"timeout": 60, **options}  # stock's Newton fallback can go on for many minutes
    try:
        fit = model.stan_backend.model.optimize(data=inputs, inits=start, **arguments)
    except RuntimeError:
        if options.get("require_converged") is False:
            raise
        arguments["algorithm"] = "Newton"
        fit = model.stan_backend.model.optimize(data=inputs, inits=start, **arguments)
    row = dict(zip(fit.column_names, np.asarray(fit.optimized_params_np, dtype=float), strict=True))
    return {
        "lp": row["lp__"],
        "k": row["k"],
        "m": row["m"],
        "sigma_obs": row["sigma_obs"],
        "delta": np.array([row[f"delta[{i + 1}]"] for i in range(data["S"])]),
        "beta": np.array([row[f"beta[{i + 1}]"] for i in range(data["K"])]),
    }
