"""The prophet entrant: stock Prophet is stock Prophet, and windows without a finite MAP have their rule."""

import re

import numpy as np
import pandas as pd
import pytest

from turbo_forecast.errors import SettingsError
from turbo_forecast.models.prophet_turbo import HANDED_OVER
from turbo_forecast.models.protocol import Forecast, ForecastError, Window
from turbo_forecast.models.registry import build_entrant, check_entrants
from turbo_forecast.settings import forecast_settings
from turbo_forecast.turbo_prophet.problem import Status
from turbo_forecast.types import Solver
from turbo_forecast_tests.conftest import wave

SEED = 2**40 + 123


def window(size: int = 400, *, gap: slice = slice(0, 0)) -> Window:
    days = np.delete(np.arange(19_000, 19_000 + size), gap)
    y = np.delete(wave(size, seed=3), gap)
    return Window(days, y, np.arange(19_000 + size, 19_000 + size + 60), SEED)


def stock(asked: Window, *, growth: str, seed_draws: bool = True, **options: object) -> pd.DataFrame:
    """Prophet called directly, as its documentation shows."""
    from prophet import Prophet

    def frame(days: np.ndarray) -> pd.DataFrame:
        frame = pd.DataFrame({"ds": pd.to_datetime(days, unit="D")})
        return frame.assign(cap=100.0, floor=0.0) if growth == "logistic" else frame

    model = Prophet(growth=growth, interval_width=0.8, uncertainty_samples=50, **options)
    model.fit(frame(asked.days).assign(y=asked.y), seed=SEED % 2**31)
    np.random.seed(SEED % 2**32)
    return model.predict(frame(asked.horizon))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"growth": "logistic"},
        {
            "growth": "linear",
            "changepoint_prior_scale": 0.2,
            "n_changepoints": 10,
            "seasonality_mode": "multiplicative",
        },
        {"growth": "flat", "seasonality_prior_scale": 1.0},
    ],
)
def test_the_stan_engine_gives_what_stock_prophet_gives(options: dict[str, object]) -> None:
    asked = window(gap=slice(100, 130))
    entrant = build_entrant("prophet", forecast_settings(engine="stan", uncertainty_samples=50, **options))
    found, expected = entrant.forecast(asked), stock(asked, **options)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.yhat, expected["yhat"])
    np.testing.assert_array_equal(found.lower, expected["yhat_lower"])
    np.testing.assert_array_equal(found.upper, expected["yhat_upper"])
    assert found.fits == 1
    assert (found.solver, found.iterations) == (Solver.STAN, None)


@pytest.mark.parametrize("engine", ["stan", "turbo"])
@pytest.mark.parametrize("level", [0.0, 42.5, 100.0])
def test_a_constant_window_is_answered_with_its_constant(engine: str, level: float) -> None:
    entrant = build_entrant("prophet", forecast_settings(engine=engine))
    found = entrant.forecast(Window(np.arange(100), np.full(100, level), np.arange(100, 110), SEED))
    assert isinstance(found, Forecast)
    assert found.yhat.tolist() == found.lower.tolist() == found.upper.tolist() == [level] * 10
    assert (found.fits, found.solver) == (0, Solver.CONSTANT)
    assert (
        found.note
        == f"the value never changes ({level:g} %) in the days given to Prophet, so its forecast is that value"
    )


@pytest.mark.parametrize("engine", ["stan", "turbo"])
def test_one_observation_is_refused_in_words(engine: str) -> None:
    entrant = build_entrant("prophet", forecast_settings(engine=engine))
    with pytest.raises(ForecastError, match="needs 2 observations, the window has 1"):
        entrant.forecast(Window(np.array([5]), np.array([1.0]), np.array([6]), SEED))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("profet", "there is no entrant 'profet'; did you mean prophet?"),
        ("no.such.module:build", "'no.such.module:build'"),
        ("turbo_forecast.models.prophet:no_such_function", "its module has no no_such_function"),
    ],
)
def test_an_entrant_nobody_knows_is_named(name: str, said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        check_entrants(forecast_settings(entrants=[name]))
    with pytest.raises(SettingsError, match=f"fallback: .*{re.escape(name[:12])}"):
        check_entrants(forecast_settings(fallback=name))


def test_an_entrant_of_ones_own_takes_part_under_its_path() -> None:
    name = "turbo_forecast_tests.fleet.entrants:naive"
    settings = forecast_settings(entrants=[name])
    check_entrants(settings)
    found = build_entrant(name, settings).forecast(window())
    assert found.yhat[0] == window().y[-1]


def test_a_fit_of_our_own_tells_the_steps_it_took() -> None:
    asked = window(gap=slice(100, 130))
    found = build_entrant("prophet", forecast_settings(engine="turbo")).forecast(asked)
    assert found.solver is Solver.TURBO
    assert found.note is None
    assert found.iterations is not None
    assert 1 <= found.iterations <= 200 * 4, "at most the limit of each start"


def test_every_way_a_fit_goes_to_stan_has_words() -> None:
    assert set(HANDED_OVER) == set(Status) - {Status.CONVERGED}
    for words in HANDED_OVER.values():
        assert ";" not in words, "a semicolon parts the reasons of a series"
        assert "turbo solver" in words
