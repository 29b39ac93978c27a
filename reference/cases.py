"""What Prophet can be asked, one case a feature: data, the constructor's options, what is added before the fit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from prophet import Prophet

from reference.synthetic import frame, series


def _nothing(model: Prophet) -> None:
    """Add nothing."""


@dataclass(frozen=True)
class Case:
    """A data frame and how a model for it is made."""

    df: pd.DataFrame
    options: dict[str, Any] = field(default_factory=dict)
    add: Callable[[Prophet], None] = _nothing

    def model(self, of: type[Prophet]) -> Prophet:
        """An unfitted model of the class given."""
        made = of(**self.options)
        self.add(made)
        return made


def _holidays() -> pd.DataFrame:
    days = pd.to_datetime(["2023-03-05", "2023-08-20", "2024-03-02", "2024-08-19", "2025-03-01", "2025-08-18"])
    names = ["release", "audit"] * 3
    return pd.DataFrame(
        {"holiday": names, "ds": days, "lower_window": -1, "upper_window": 2, "prior_scale": [10.0, 0.5] * 3}
    )


def _with_columns(df: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    i = np.arange(len(df))
    return df.assign(
        load=rng.normal(50, 12, len(df)).cumsum() / 50,
        campaign=(rng.random(len(df)) < 0.1).astype(float),
        on_call=(i // 7) % 2 == 0,
        off_call=(i // 7) % 2 == 1,
    )


def _regressors(model: Prophet) -> None:
    model.add_regressor("load")
    model.add_regressor("campaign", prior_scale=0.5, mode="multiplicative")


def _conditional(model: Prophet) -> None:
    model.add_seasonality("on", 7, 3, condition_name="on_call")
    model.add_seasonality("off", 7, 3, prior_scale=0.3, condition_name="off_call")
    model.add_seasonality("monthly", 30.5, 5, mode="multiplicative")


def _gaps(df: pd.DataFrame) -> pd.DataFrame:
    keep = np.random.default_rng(3).random(len(df)) > 0.3
    keep[300:420] = False
    return df[keep].reset_index(drop=True)


def cases() -> dict[str, Case]:
    """Every case by name. 974 daily rows unless the name says otherwise."""
    growth, kinks, step = frame(series("growth", 1)), frame(series("kinks", 2)), frame(series("step", 3))
    smooth = frame(series("smooth", 4))
    walk = frame(series("walk", 5))
    i = np.arange(len(growth))
    hours = pd.date_range("2024-01-01", periods=1500, freq="h")
    daily_wave = 30 + 10 * np.sin(2 * np.pi * np.arange(1500) / 24) + np.random.default_rng(1).normal(0, 3, 1500)
    moving_cap = kinks.assign(cap=95 + 30 * i / len(i))
    moving_floor = moving_cap.assign(floor=-5 + 3 * np.sin(i / 200))
    logistic, times = {"growth": "logistic"}, {"seasonality_mode": "multiplicative"}
    return {
        "linear": Case(growth),
        "linear, multiplicative": Case(growth, times),
        "linear, many bends": Case(kinks),
        "linear, steps": Case(step),
        "linear, random walk": Case(walk),
        "logistic": Case(growth, logistic),
        "logistic, multiplicative": Case(growth, logistic | times),
        "logistic, steps": Case(step, logistic),
        "logistic, random walk": Case(walk, logistic),
        "logistic, saturated": Case(frame(series("saturated", 6)), logistic),
        "logistic, idle": Case(frame(series("idle", 7)), logistic),
        "logistic, cap that varies": Case(moving_cap, logistic),
        "logistic, floor": Case(smooth.assign(floor=-20.0), logistic),
        "logistic, cap and floor that vary": Case(moving_floor, logistic),
        "logistic, minmax, floor": Case(moving_floor, logistic | {"scaling": "minmax"}),
        "flat": Case(smooth, {"growth": "flat"}),
        "flat, multiplicative": Case(smooth, {"growth": "flat"} | times),
        "flat, multiplicative, stiff": Case(
            frame(series("growth", 388, 99)), {"growth": "flat", "seasonality_prior_scale": 0.01} | times
        ),
        "flat, multiplicative, minmax, idle": Case(
            frame(series("idle", 381)), {"growth": "flat", "scaling": "minmax", "seasonality_prior_scale": 0.01} | times
        ),
        "minmax": Case(growth, {"scaling": "minmax"}),
        "minmax, multiplicative": Case(growth, {"scaling": "minmax"} | times),
        "holidays": Case(growth, {"holidays": _holidays()}),
        "holidays that multiply": Case(growth, {"holidays": _holidays(), "holidays_mode": "multiplicative"}),
        "holidays of a country": Case(growth, {}, lambda model: model.add_country_holidays("US")),
        "regressors of both modes": Case(_with_columns(growth), {}, _regressors),
        "logistic, regressors of both modes": Case(_with_columns(growth), logistic, _regressors),
        "conditional and custom seasonalities": Case(_with_columns(kinks), {"weekly_seasonality": False}, _conditional),
        "gaps": Case(_gaps(kinks)),
        "logistic, gaps": Case(_gaps(kinks), logistic),
        "rows without a value": Case(growth.assign(y=growth["y"].where(i % 5 > 0))),
        "days that occur twice": Case(pd.concat([growth, growth.iloc[::3].assign(y=growth["y"] + 2)])),
        "changepoints given": Case(kinks, {"changepoints": ["2023-06-01", "2024-01-01", "2025-05-01"]}),
        "no changepoints": Case(kinks, {"n_changepoints": 0}),
        "100 changepoints, wide range": Case(walk, {"n_changepoints": 100, "changepoint_range": 0.95}),
        "stiff trend": Case(kinks, {"changepoint_prior_scale": 0.001, "seasonality_prior_scale": 0.01}),
        "loose trend": Case(kinks, {"changepoint_prior_scale": 10.0}),
        "no seasonality": Case(kinks, {"weekly_seasonality": False, "yearly_seasonality": False}),
        "negative values": Case(growth.assign(y=growth["y"] - 200)),
        "large values": Case(growth.assign(y=growth["y"] * 1e9)),
        "1,500 hours": Case(pd.DataFrame({"ds": hours, "y": daily_wave})),
        "99 days": Case(frame(series("growth", 8, 99))),
        "30 days, logistic": Case(frame(series("growth", 9, 30)), logistic),
        "10 days": Case(frame(series("walk", 10, 10))),
    }
