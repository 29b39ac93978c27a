"""The solver against Stan: the same objective, an optimum at least as high, nothing left to gain."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reference.posterior import log_posterior
from reference.synthetic import KINDS, frame, series, stan_optimum, stock_inputs
from reference.variants import case
from turbo_forecast.turbo_prophet.features import Spec, prepare
from turbo_forecast.turbo_prophet.model import LOGISTIC
from turbo_forecast.turbo_prophet.problem import MapResult, Problem, Settings
from turbo_forecast.turbo_prophet.solver import solve_map

PARKING = Path(__file__).parents[2].parent / "shared" / "data" / "parking_occupancy_daily.parquet"
ALLOWED = 1e-6  # nats


def as_parameters(result: MapResult) -> dict[str, Any]:
    """A result as Prophet's initial values."""
    return {name: getattr(result, name) for name in ("k", "m", "delta", "sigma_obs", "beta")}


def assert_at_least_as_good(df: pd.DataFrame, **options: Any) -> tuple[Any, dict[str, Any], Problem, MapResult]:
    """Both objectives agree at Stan's optimum and at ours, and ours is no worse."""
    regressors = options.pop("regressors", ())
    model, data, init = stock_inputs(df, regressors=regressors, **options)
    problem = Problem.from_stan_data(data)
    stock = stan_optimum(model, data, init)
    assert log_posterior(data, stock) == pytest.approx(stock["lp"], rel=1e-9)
    result = solve_map(problem)
    assert result.ok
    assert result.objective == pytest.approx(log_posterior(data, as_parameters(result)), rel=1e-9)
    assert result.objective >= stock["lp"] - ALLOWED
    return model, data, problem, result


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("growth", ["linear", "logistic", "flat"])
@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_the_optimum_is_at_least_stans(kind: str, growth: str, mode: str) -> None:
    assert_at_least_as_good(frame(series(kind, KINDS.index(kind) + 100)), growth=growth, seasonality_mode=mode)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "options",
    [
        {"growth": "logistic", "scaling": "minmax"},
        {"n_changepoints": 0},
        {"growth": "logistic", "n_changepoints": 0},
        {"n_changepoints": 60, "changepoint_range": 0.95, "changepoint_prior_scale": 0.5},
        {"growth": "logistic", "changepoint_prior_scale": 0.001, "seasonality_prior_scale": 0.1},
        {"yearly_seasonality": 20, "weekly_seasonality": False},
    ],
    ids=str,
)
def test_the_optimum_is_at_least_stans_for_other_options(options: dict[str, Any], seed: int) -> None:
    assert_at_least_as_good(frame(series("kinks", seed)), **options)


@pytest.mark.parametrize("rows", [10, 25, 60, 99, 100, 400])
@pytest.mark.parametrize("growth", ["linear", "logistic"])
def test_the_optimum_is_at_least_stans_on_short_histories(rows: int, growth: str) -> None:
    assert_at_least_as_good(frame(series("smooth", rows, rows)), growth=growth)


def test_holidays_regressors_gaps_and_caps_and_floors_that_vary_in_time_are_solved_too() -> None:
    rng = np.random.default_rng(3)
    df = frame(series("growth", 5))
    df["cap"] = 100 + 20 * np.sin(np.arange(len(df)) / 90)
    df["floor"] = -5 - np.cos(np.arange(len(df)) / 50)
    df["load"] = rng.normal(size=len(df))
    df["y"] += 3 * df["load"]
    df = df[rng.random(len(df)) < 0.9].reset_index(drop=True)
    days = pd.to_datetime(["2023-12-25", "2024-12-25", "2025-05-01", "2024-05-01"])
    holidays = pd.DataFrame(
        {"holiday": ["xmas", "xmas", "may", "may"], "ds": days, "lower_window": -1, "upper_window": 1}
    )
    options = {
        "growth": "logistic",
        "holidays": holidays,
        "seasonality_mode": "multiplicative",
        "holidays_mode": "additive",
    }
    assert_at_least_as_good(df, regressors=["load"], **options)


def test_large_coefficients_on_a_small_trend_are_found() -> None:
    """From Prophet's own start Newton's steps end 10 nats below Stan's, whose first step leaves that basin by chance."""
    _, _, df, options = case(1062, [])
    model, data, init = stock_inputs(df, **options)
    stock = stan_optimum(model, data, init)
    problem = Problem.from_stan_data(data)
    assert solve_map(problem, settings=Settings(starts="stock")).objective < stock["lp"] - 5
    assert solve_map(problem).objective >= stock["lp"] - ALLOWED


def test_a_close_fit_of_few_rows_is_found() -> None:
    """Two outages in twelve days, loose bends: stock ends on the side of little noise, 10 nats above the other."""
    t = np.linspace(0, 1, 12)
    first = [-0.07, 0.39, -0.36, -1.99, -0.79, 1.09, -0.07, 0.56, 0.59, -0.51, -0.71, 1.88]
    second = [-0.64, -0.13, -0.13, -1.25, -1.54, -0.56, -0.36, 0.26, 0.91, 0.80, 0.56, 2.08]
    problem = Problem(
        t=t,
        y=np.where((t > 0.4) & (t < 0.6), 0.0, 1.0),
        cap=np.full(12, 10.0),
        t_change=t[1:9],
        X=np.array([first, second]).T.copy(),
        sigmas=np.full(2, 10.0),
        tau=5.0,
        trend_indicator=LOGISTIC,
        s_a=np.ones(2),
        s_m=np.zeros(2),
    )
    assert solve_map(problem, settings=Settings(starts="stock")).objective < 11
    found = solve_map(problem)
    assert found.ok
    assert found.objective > 19


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("growth", ["linear", "logistic"])
def test_stan_started_at_our_optimum_gains_nothing(kind: str, growth: str) -> None:
    model, data, _ = stock_inputs(frame(series(kind, KINDS.index(kind))), growth=growth)
    result = solve_map(Problem.from_stan_data(data))
    again = stan_optimum(model, data, as_parameters(result), require_converged=False)
    assert again["lp"] - result.objective < ALLOWED


def test_real_occupancies_are_fitted_at_least_as_well_as_stan_does() -> None:
    if not PARKING.exists():
        pytest.skip(f"needs {PARKING.name} in ../shared/data beside the checkout")
    table = pd.read_parquet(PARKING).dropna(subset=["value"])
    for host, group in list(table.groupby("host_id", sort=True))[::28]:
        group = group.sort_values("timestamp").tail(974)
        if len(group) < 100 or group["value"].nunique() < 2:
            continue
        df = frame(group["value"].clip(0, 100).to_numpy(), pd.to_datetime(group["timestamp"]).to_numpy())
        try:
            assert_at_least_as_good(df, growth="logistic")
        except AssertionError as error:
            raise AssertionError(f"car park {host}") from error


def test_the_same_problem_gives_the_same_bytes() -> None:
    y = series("kinks", 4)
    problem = prepare(np.arange(19_000, 19_974), y, Spec(growth="logistic"), cap=100.0).problem
    first, second = solve_map(problem), solve_map(problem)
    assert (first.k, first.m, first.sigma_obs, first.objective) == (
        second.k,
        second.m,
        second.sigma_obs,
        second.objective,
    )
    np.testing.assert_array_equal(first.delta, second.delta)
    np.testing.assert_array_equal(first.beta, second.beta)
