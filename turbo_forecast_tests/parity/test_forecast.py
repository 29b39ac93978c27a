"""Forecasts and bounds against stock Prophet's, with the same parameters put into both."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from reference.synthetic import frame, series, stock_inputs
from turbo_forecast.turbo_prophet.daily import fit_daily, forecast_daily
from turbo_forecast.turbo_prophet.daily_calendar import Calendar
from turbo_forecast.turbo_prophet.features import Spec, prepare
from turbo_forecast.turbo_prophet.intervals import Curve, Draws, mixture_quantile, simulate
from turbo_forecast.turbo_prophet.prediction import Interval, forecast, forecast_kernel
from turbo_forecast.turbo_prophet.problem import Growth, MapResult
from turbo_forecast.turbo_prophet.solver import solve_map
from turbo_forecast_tests.kernels import called

call_simulate = called(simulate)
call_mixture_quantile = called(mixture_quantile)

DRAWS = 20_000  # stock's logistic simulation is quadratic in the history's length: a quarter there


def _both(df: pd.DataFrame, future: pd.DataFrame, samples: int, **options: Any) -> tuple[pd.DataFrame, Any, MapResult]:
    """Stock's predict with our parameters in it, and our forecast."""
    model, _, _ = stock_inputs(df, uncertainty_samples=samples, **options)
    floor = df["floor"].to_numpy() if "floor" in df else None
    prepared = prepare(df["ds"].to_numpy(), df["y"].to_numpy(), Spec(**options), cap=df["cap"].to_numpy(), floor=floor)
    result = solve_map(prepared.problem)
    model.params = {n: np.reshape(getattr(result, n), (1, -1)) for n in ("k", "m", "delta", "sigma_obs", "beta")}
    np.random.seed(1)
    stock = model.predict(future)
    ours = forecast(
        result, prepared, future["ds"].to_numpy(), cap=future["cap"].to_numpy(),
        floor=future["floor"].to_numpy() if "floor" in future else None,
        interval=Interval(0.8, samples), seed=11, trend_bounds=True,
    )  # fmt: skip
    return stock, ours, result


def _future(df: pd.DataFrame, rows: int, freq: str = "D") -> pd.DataFrame:
    ahead = pd.date_range(df["ds"].max(), periods=rows + 1, freq=freq)[-rows:]
    both = pd.concat([df[["ds", "cap"]].tail(30), pd.DataFrame({"ds": ahead, "cap": 100.0})], ignore_index=True)
    return both[~both["ds"].duplicated()].reset_index(drop=True)


OPTIONS: list[dict[str, Any]] = [
    {"growth": "linear"},
    {"growth": "logistic"},
    {"growth": "flat"},
    {"growth": "linear", "seasonality_mode": "multiplicative", "scaling": "minmax"},
    {"growth": "logistic", "seasonality_mode": "multiplicative", "changepoint_prior_scale": 0.5},
    {"growth": "linear", "n_changepoints": 0},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_yhat_trend_and_terms_are_stocks(options: dict[str, Any]) -> None:
    df = frame(series("kinks", 2))
    stock, ours, _ = _both(df, _future(df, 304), 0, **options)
    np.testing.assert_allclose(ours.yhat, stock["yhat"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.trend, stock["trend"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.additive_terms, stock["additive_terms"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.multiplicative_terms, stock["multiplicative_terms"], rtol=1e-9, atol=1e-9)
    assert np.isnan(ours.lower).all()
    assert np.isnan(ours.upper).all()


def test_a_floor_that_varies_in_time_moves_the_forecast_as_stocks() -> None:
    df = frame(series("growth", 2))
    df["floor"] = -3.0 - np.arange(len(df)) % 2
    future = _future(df, 100)
    future["floor"] = -2.0
    stock, ours, _ = _both(df, future, 0, growth="logistic")
    np.testing.assert_allclose(ours.yhat, stock["yhat"], rtol=1e-9, atol=1e-9)
    writable = [
        array for signature in forecast_kernel.signatures for array in signature[1] if hasattr(array, "mutable")
    ]
    assert all(array.mutable for array in writable), "whoever forecasts would wait until it is compiled once more"


@pytest.mark.sweep(keep=4)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", ["kinks", "walk"])
def test_bounds_are_those_of_stocks_distribution(kind: str, options: dict[str, Any]) -> None:
    df, draws = frame(series(kind, 6)), DRAWS
    if options["growth"] == "logistic":
        df, draws = df.tail(740), DRAWS // 4  # still long enough for a yearly cycle
    stock, ours, _ = _both(df, _future(df, 120), draws, **options)
    width = (stock["yhat_upper"] - stock["yhat_lower"]).to_numpy()
    # A tenth percentile of 5,000 draws has a standard error of about 1 % of the interval's width; both sides have one.
    np.testing.assert_array_less(np.abs(ours.lower - stock["yhat_lower"]) / width, 0.04)
    np.testing.assert_array_less(np.abs(ours.upper - stock["yhat_upper"]) / width, 0.04)
    assert np.mean((ours.upper - ours.lower) / width) == pytest.approx(1.0, abs=0.01)
    # The trend's bounds are nothing but draws: judged against the widest.
    widest = max((stock["trend_upper"] - stock["trend_lower"]).max(), 1e-9)
    np.testing.assert_array_less(np.abs(ours.trend_lower - stock["trend_lower"]) / widest, 0.05)
    np.testing.assert_array_less(np.abs(ours.trend_upper - stock["trend_upper"]) / widest, 0.05)


@pytest.mark.parametrize(("growth", "scale"), [("linear", 5_000.0), ("logistic", 5.0)])
def test_bounds_without_changepoints_are_stocks_for_the_same_curve(growth: Growth, scale: float) -> None:
    """Stock folds the one dummy change, which a prior as loose as this lets grow, into the rate: no changes to speak of."""
    df, options = frame(series("wandering", 4, 400)), {"n_changepoints": 0, "changepoint_prior_scale": scale}
    future = _future(df, 120)
    spec = Spec(growth=growth, **options)
    prepared = prepare(df["ds"].to_numpy(), df["y"].to_numpy(), spec, cap=100.0)
    result = solve_map(prepared.problem)
    k, delta = result.k, float(result.delta[0])
    assert abs(delta) > 0.2 * abs(k)  # a dummy that counts
    model, _, _ = stock_inputs(df, growth=growth, uncertainty_samples=DRAWS // 4, **options)
    m = k * result.m / (k + delta) if growth == "logistic" else result.m  # the same curve from another rate
    folded = {"k": k + delta, "m": m, "delta": [0.0], "sigma_obs": result.sigma_obs, "beta": result.beta}
    model.params = {name: np.reshape(value, (1, -1)) for name, value in folded.items()}
    np.random.seed(1)
    stock = model.predict(future)
    interval = Interval(0.8, 200)
    ours = forecast(result, prepared, future["ds"].to_numpy(), cap=100.0, interval=interval, seed=3, trend_bounds=True)
    calendar = Calendar(19_358, 19_358 + 600, spec)
    days = (df["ds"].to_numpy() - np.datetime64("1970-01-01")).astype("timedelta64[D]").astype(np.int64)
    ahead = (future["ds"].to_numpy() - np.datetime64("1970-01-01")).astype("timedelta64[D]").astype(np.int64)
    daily = forecast_daily(fit_daily(days, df["y"].to_numpy(), calendar, cap=100.0), ahead, calendar, interval, seed=3)
    width = (stock["yhat_upper"] - stock["yhat_lower"]).to_numpy()
    for found in (ours, daily):
        np.testing.assert_allclose(found.yhat, stock["yhat"], atol=1e-3)
        assert np.mean((found.upper - found.lower) / width) == pytest.approx(1.0, abs=0.01)
        np.testing.assert_array_less(np.abs(found.upper - stock["yhat_upper"]) / width, 0.04)
    np.testing.assert_allclose(ours.trend_upper, stock["trend_upper"], rtol=1e-5)


def test_bounds_of_a_sparse_future_follow_stocks_merging_of_changepoints() -> None:
    df = frame(series("kinks", 6))
    stock, ours, _ = _both(df, _future(df, 10, "30D"), DRAWS // 2, growth="logistic")
    width = (stock["yhat_upper"] - stock["yhat_lower"]).to_numpy()
    np.testing.assert_array_less(np.abs(ours.lower - stock["yhat_lower"]) / width, 0.04)
    np.testing.assert_array_less(np.abs(ours.upper - stock["yhat_upper"]) / width, 0.04)


def test_drawn_trends_have_the_spread_of_stocks() -> None:
    from prophet import Prophet

    rng = np.random.default_rng(0)
    changes, delta = np.linspace(0.03, 0.8, 25), rng.laplace(0, 0.2, 25)
    t = 1 + np.arange(1, 201) / 973
    cap = np.full(200, 1.3)
    for growth, number in (("linear", 0), ("logistic", 1)):
        model = Prophet(growth=growth)  # type: ignore[arg-type]
        model.changepoints_t = changes
        model.params = {"delta": delta[None, :], "k": np.array([0.4]), "m": np.array([0.1])}
        np.random.seed(3)
        theirs = model._sample_uncertainty(pd.DataFrame({"t": t, "cap_scaled": cap}), 4_000)
        ours = np.empty((200, 4_000))
        step = float(np.diff(t).mean())
        draws = Draws(samples=4_000, seed=9, step=step, n_changepoints=25, shares=(0.1, 0.9), normal=(-1.28, 1.28))
        call_simulate(Curve(number, changes, -0.04, 0.4, delta), t, cap, draws, ours)
        np.testing.assert_allclose(ours.std(axis=1)[10:], theirs.std(axis=0)[10:], rtol=0.08)
        shares = [0.05, 0.25, 0.75, 0.95]
        spread = theirs.std(axis=0).max()
        difference = np.quantile(ours, shares, axis=1) - np.quantile(theirs, shares, axis=0)
        assert np.abs(difference).max() < 0.12 * spread


def test_a_mixtures_quantile_has_its_share_of_the_mixture_below_it() -> None:
    from statistics import NormalDist

    rng = np.random.default_rng(2)
    for sigma in (1e-6, 0.01, 1.0, 50.0):
        for share in (0.025, 0.1, 0.5, 0.9, 0.999):
            centres = rng.standard_t(2, 100)
            found = call_mixture_quantile(centres, sigma, share, NormalDist().inv_cdf(share), 0.0)
            below = np.mean([NormalDist(c, sigma).cdf(found) for c in centres])
            assert below == pytest.approx(share, abs=2e-3 if sigma < 1e-3 else 1e-6)


def test_the_daily_path_equals_the_general_path() -> None:
    y = series("kinks", 3)
    days = np.arange(19_358, 19_358 + len(y))[np.random.default_rng(0).random(len(y)) < 0.95]
    y = y[days - 19_358]
    for spec in (
        Spec(growth="logistic"),
        Spec(),
        Spec(scaling="minmax", seasonality_mode="multiplicative"),
        Spec(growth="flat"),
    ):
        calendar = Calendar(19_358, 19_358 + 1_300, spec)
        floor = 0.0 if spec.growth == "logistic" else None
        fit = fit_daily(days, y, calendar, cap=100.0, floor=floor)
        prepared = prepare(days, y, spec, cap=100.0, floor=floor)
        alone = solve_map(prepared.problem)
        assert fit.result.objective == pytest.approx(alone.objective, abs=1e-7)  # nats: one optimum, from two starts
        assert (fit.result.k, fit.result.m) == pytest.approx((alone.k, alone.m), rel=1e-5)
        ahead = np.arange(days[-1] - 20, days[-1] + 280)
        daily = forecast_daily(fit, ahead, calendar, Interval(0.8, 100), seed=4)
        general = forecast(alone, prepared, ahead, cap=100.0, floor=floor, interval=Interval(0.8, 100), seed=4)
        for name in ("yhat", "lower", "upper", "trend", "additive_terms", "multiplicative_terms"):
            np.testing.assert_allclose(getattr(daily, name), getattr(general, name), atol=1e-4)


def test_the_seed_decides_the_bounds_and_nothing_else_does() -> None:
    y = series("kinks", 3)
    days = np.arange(19_358, 19_358 + len(y))
    bounds = []
    for first, seed in ((19_358, 4), (19_000, 4), (19_358, 5)):
        calendar = Calendar(first, 19_358 + 1_300, Spec(growth="logistic"))
        fit = fit_daily(days, y, calendar, cap=100.0, floor=0.0)
        bounds.append(
            forecast_daily(fit, np.arange(days[-1] + 1, days[-1] + 300), calendar, Interval(0.8, 100), seed).lower
        )
    np.testing.assert_array_equal(bounds[0], bounds[1])
    assert not np.array_equal(bounds[0], bounds[2])
