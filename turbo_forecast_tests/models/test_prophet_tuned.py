"""Prophet's variants: the overridden options reach stock Prophet and the solver, the run's others stay."""

import numpy as np
import pandas as pd
import pytest

from turbo_forecast.models.prophet_spec import spec_of
from turbo_forecast.models.prophet_stan import StanEngine
from turbo_forecast.models.prophet_tuned import VARIANTS, tuned
from turbo_forecast.models.protocol import Window
from turbo_forecast.models.registry import ENTRANTS, build_entrant
from turbo_forecast.settings import forecast_settings
from turbo_forecast.types import Solver
from turbo_forecast_tests.conftest import wave

OPTIONS = {
    "prophet_smooth": {"growth": "logistic", "yearly_seasonality": 4},
    "prophet_linear": {"growth": "linear", "seasonality_prior_scale": 0.02, "changepoint_prior_scale": 0.02},
    "prophet_late": {"growth": "logistic", "changepoint_range": 0.95},
    "prophet_flexible": {"growth": "logistic", "changepoint_prior_scale": 0.5},
    "prophet_stiff": {"growth": "logistic", "changepoint_prior_scale": 0.005},
    "prophet_multiplicative": {"growth": "logistic", "seasonality_mode": "multiplicative"},
}
"""The variants in the words of Prophet's own constructor."""
DECISIVE = (
    "growth",
    "n_changepoints",
    "changepoint_range",
    "changepoint_prior_scale",
    "yearly_seasonality",
    "seasonality_mode",
    "seasonality_prior_scale",
)


def stock(name: str):
    from prophet import Prophet

    return Prophet(interval_width=0.8, uncertainty_samples=20, **OPTIONS[name])


def test_every_variant_is_an_entrant_under_its_name() -> None:
    assert {name for name in ENTRANTS if name.startswith("prophet_")} == set(VARIANTS) == set(OPTIONS)
    for name in VARIANTS:
        assert ENTRANTS[name] == f"turbo_forecast.models.prophet_tuned:{name.removeprefix('prophet_')}"


@pytest.mark.parametrize("name", OPTIONS)
def test_stock_prophet_gets_the_variants_options(name: str) -> None:
    found, expected = StanEngine(tuned(name, forecast_settings(uncertainty_samples=20))).model(), stock(name)
    for option in (*DECISIVE, "interval_width", "uncertainty_samples"):
        assert getattr(found, option) == getattr(expected, option), option


@pytest.mark.parametrize("name", OPTIONS)
def test_the_solver_gets_the_variants_options(name: str) -> None:
    found, expected = spec_of(tuned(name, forecast_settings())), stock(name)
    for option in DECISIVE:
        assert getattr(found, option) == getattr(expected, option), option


def test_other_options_of_the_run_stay() -> None:
    found = tuned("prophet_linear", forecast_settings(n_changepoints=7, interval_width=0.5, engine="stan"))
    assert (found.n_changepoints, found.interval_width, found.engine) == (7, 0.5, "stan")


@pytest.mark.parametrize(("order", "expected"), [(0, "auto"), (4, 4), (12, 12)])
def test_the_order_of_the_year_reaches_both_engines(order: int, expected: object) -> None:
    settings = forecast_settings(yearly_order=order)
    assert spec_of(settings).yearly_seasonality == expected
    assert StanEngine(settings).model().yearly_seasonality == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prophet_smooth", "prophet_linear"])
def test_the_variant_forecasts_what_stock_prophet_of_its_options_does(name: str) -> None:
    size, horizon = 800, 60
    days, asked = np.arange(19_000, 19_000 + size), np.arange(19_000 + size, 19_000 + size + horizon)
    y = np.clip(wave(size, seed=4) + 6 * np.sin(2 * np.pi * days / 365.25), 0, 100)
    settings = forecast_settings(uncertainty_samples=20)
    window = Window(days, y, asked, 1)
    turbo = build_entrant(name, settings).forecast(window)
    stan = build_entrant(name, settings.model_copy(update={"engine": "stan"})).forecast(window)

    def frame(of: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame({"ds": pd.to_datetime(of, unit="D"), "cap": 100.0, "floor": 0.0})

    model = stock(name)
    # prophet_linear asks stock for linear growth, which ignores cap and floor only where they are not there
    columns = ["ds", "cap", "floor"] if model.growth == "logistic" else ["ds"]
    model.fit(frame(days)[columns].assign(y=y), seed=1)
    expected = model.predict(frame(asked)[columns])["yhat"].to_numpy()
    np.testing.assert_array_equal(stan.yhat, expected)
    # Stan stops before the optimum, turbo at it
    np.testing.assert_allclose(turbo.yhat, expected, atol=0.5)
    assert turbo.solver == Solver.TURBO
