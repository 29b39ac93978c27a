"""Our preparation of a series equals Prophet's preprocess to the last bit."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from reference.synthetic import stock_inputs
from turbo_forecast.turbo_prophet.daily_calendar import Calendar
from turbo_forecast.turbo_prophet.features import Spec, epoch_days, from_days, prepare, scaled_time, season_features
from turbo_forecast.turbo_prophet.solver import initial_rate
from turbo_forecast_tests.kernels import called

call_initial_rate = called(initial_rate)

RNG = np.random.default_rng(7)


def _gappy(rows: int, share: float) -> pd.DatetimeIndex:
    days = pd.date_range("2020-02-01", periods=rows)
    return days[np.sort(RNG.choice(rows, int(rows * share), replace=False))]


CALENDARS: dict[str, Any] = {
    "regular": pd.date_range("2023-01-01", periods=974),
    "three years": pd.date_range("2021-06-17", periods=1096),
    "gappy": _gappy(974, 0.9),
    "very gappy": _gappy(1500, 0.2),
    "leap year": pd.date_range("2024-02-20", periods=800),
    "before 1970": pd.date_range("1968-01-01", periods=900),
    "one day short of yearly": pd.date_range("2023-01-01", periods=730),
    "exactly yearly": pd.date_range("2023-01-01", periods=731),
    "short": pd.date_range("2023-01-01", periods=20),
    "very short": pd.date_range("2023-01-01", periods=5),
    "two rows": pd.date_range("2023-01-01", periods=2),
    "weekly rows": pd.date_range("2020-01-05", periods=150, freq="7D"),
    "monthly rows": pd.date_range("2015-01-01", periods=80, freq="MS"),
    "hourly": pd.date_range("2024-01-01 00:30", periods=600, freq="h"),
    "five minutes": pd.date_range("2024-01-01", periods=2000, freq="5min"),
    "irregular": pd.to_datetime(np.sort(RNG.integers(1_600_000_000_000_000_000, 1_700_000_000_000_000_000, 700))),
    "duplicated": pd.to_datetime(np.repeat(pd.date_range("2022-01-01", periods=400), RNG.integers(1, 4, 400))),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "linear": {},
    "logistic": {"growth": "logistic"},
    "flat": {"growth": "flat"},
    "minmax": {"scaling": "minmax"},
    "logistic minmax": {"growth": "logistic", "scaling": "minmax"},
    "multiplicative": {"seasonality_mode": "multiplicative", "seasonality_prior_scale": 3.0},
    "few changepoints": {"n_changepoints": 3, "changepoint_range": 0.55},
    "no changepoints": {"n_changepoints": 0},
    "fixed orders": {"yearly_seasonality": 4, "weekly_seasonality": False, "daily_seasonality": True},
}


def _assert_same(calendar: str, option: str, floor: bool = False) -> None:
    ds = CALENDARS[calendar]
    y = RNG.normal(40, 13, len(ds)).clip(1, 99)
    df = pd.DataFrame({"ds": ds, "y": y, "cap": 100.0 + np.arange(len(ds)) % 3})
    if floor:
        df["floor"] = np.where(np.arange(len(ds)) % 2, 0.5, -1.25)
    options = OPTIONS[option]
    model, data, init = stock_inputs(df, **options)
    given = df["floor"].to_numpy() if floor else None
    ours = prepare(df["ds"].to_numpy(), y, Spec(**options), cap=df["cap"].to_numpy(), floor=given)
    problem = ours.problem
    for name in ("t", "y", "cap", "t_change", "sigmas", "s_a", "s_m"):
        np.testing.assert_array_equal(getattr(problem, name), np.asarray(data[name], float), err_msg=name)
    np.testing.assert_array_equal(problem.X, data["X"].to_numpy())
    assert (ours.scale.y_scale, ours.scale.y_min) == (model.y_scale, model.y_min)
    assert problem.tau == data["tau"]
    assert problem.trend_indicator == data["trend_indicator"]
    k, m = call_initial_rate(problem.t, problem.y, problem.cap, problem.trend_indicator)
    np.testing.assert_allclose([k, m], [init["k"], init["m"]], rtol=1e-12)


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize("option", OPTIONS)
def test_features_equal_prophets_to_the_last_bit(calendar: str, option: str) -> None:
    _assert_same(calendar, option)


@pytest.mark.parametrize("option", ["logistic", "logistic minmax"])
def test_a_floor_that_varies_in_time_is_scaled_as_prophet_scales_it(option: str) -> None:
    _assert_same("gappy", option, floor=True)


def test_rows_without_a_value_are_left_out_as_prophet_leaves_them_out() -> None:
    ds = CALENDARS["regular"]
    y = RNG.normal(40, 13, len(ds))
    y[[0, 5, 600, 973]] = np.nan
    _, data, _ = stock_inputs(pd.DataFrame({"ds": ds, "y": y}))
    problem = prepare(ds.to_numpy(), y, Spec()).problem
    np.testing.assert_array_equal(problem.t, np.asarray(data["t"]))
    np.testing.assert_array_equal(problem.t_change, np.asarray(data["t_change"]))
    np.testing.assert_array_equal(problem.y, np.asarray(data["y"]))


def test_rows_in_any_order_are_sorted_as_prophet_sorts_them() -> None:
    ds = CALENDARS["duplicated"]
    mixed = RNG.permutation(len(ds))
    y = RNG.normal(40, 13, len(ds))
    _, data, _ = stock_inputs(pd.DataFrame({"ds": ds[mixed], "y": y}))
    problem = prepare(ds[mixed].to_numpy(), y, Spec()).problem
    np.testing.assert_array_equal(problem.y, np.asarray(data["y"]))


@pytest.mark.parametrize("share", [1.0, 0.95, 0.3])
def test_a_calendars_gathered_rows_equal_features_made_for_the_days_alone(share: float) -> None:
    first = 19_000
    calendar = Calendar(first, first + 1_400, Spec())
    days = first + 3 + np.sort(RNG.choice(1_000, int(1_000 * share), replace=False))
    history = calendar.history(days)
    alone = prepare(days, RNG.normal(size=days.size), Spec()).problem
    np.testing.assert_array_equal(history.X[:, :26], alone.X)
    assert not history.X[:, 26:].any()
    np.testing.assert_array_equal(history.t, alone.t)
    np.testing.assert_array_equal(history.t_change, alone.t_change)
    np.testing.assert_allclose(history.XtX, alone.X.T @ alone.X, rtol=1e-12, atol=1e-10)
    ahead = np.arange(days[-1] - 10, days[-1] + 300)
    future = calendar.future(history, ahead)
    stamps = from_days(ahead)
    np.testing.assert_array_equal(future.X[:, :26], season_features(epoch_days(stamps), history.orders))
    np.testing.assert_array_equal(
        future.t, scaled_time(stamps, from_days(days)[0], from_days(days)[-1] - from_days(days)[0])
    )
