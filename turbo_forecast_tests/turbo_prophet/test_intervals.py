"""Bounds where futures are drawn from nearly nothing: equal times, tiny steps, no changepoints, no noise."""

from statistics import NormalDist

import numpy as np
import pytest

from turbo_forecast.turbo_prophet.daily import fit_daily, forecast_daily
from turbo_forecast.turbo_prophet.daily_calendar import Calendar
from turbo_forecast.turbo_prophet.features import Spec, prepare
from turbo_forecast.turbo_prophet.intervals import Curve, Draws, mixture_quantile, simulate
from turbo_forecast.turbo_prophet.prediction import Interval, forecast
from turbo_forecast.turbo_prophet.solver import solve_map
from turbo_forecast_tests.kernels import called

call_simulate = called(simulate)
call_mixture_quantile = called(mixture_quantile)

FIRST, ROWS = 19_000, 60
DAYS = np.arange(FIRST, FIRST + ROWS)
Y = 40 + np.random.default_rng(1).normal(0, 5, ROWS)
LINEAR, LOGISTIC = 0, 1


def _both_paths(growth: str, days: np.ndarray, interval: Interval) -> list:
    """Forecasts of the daily path and of the general one, as functions yet to be called."""
    spec = Spec(growth=growth)  # type: ignore[arg-type]
    calendar = Calendar(FIRST, FIRST + 200, spec)
    prepared = prepare(DAYS, Y, spec, cap=100.0)
    fit, alone = fit_daily(DAYS, Y, calendar, cap=100.0), solve_map(prepared.problem)
    return [
        lambda: forecast_daily(fit, days, calendar, interval, seed=1),
        lambda: forecast(alone, prepared, days, cap=100.0, interval=interval, seed=1),
    ]


@pytest.mark.parametrize("copies", [2, 5])
def test_bounds_of_logistic_growth_at_one_time_asked_for_twice_are_refused(copies: int) -> None:
    for make in _both_paths("logistic", np.full(copies, FIRST + ROWS), Interval(0.8, 100)):
        with pytest.raises(ValueError, match="after the history are all the same"):
            make()


@pytest.mark.parametrize(
    ("days", "samples"),
    [([ROWS], 100), ([ROWS, ROWS], 0), ([ROWS, ROWS, ROWS + 1], 100), ([ROWS - 1, ROWS - 1], 100), ([3, 3, ROWS], 100)],
)
def test_other_days_of_logistic_growth_have_bounds(days: list[int], samples: int) -> None:
    for make in _both_paths("logistic", FIRST + np.array(days), Interval(0.8, samples)):
        found = make()
        assert np.isfinite(found.yhat).all()
        assert np.isfinite(found.lower).all() == (samples > 0)


def test_bounds_of_linear_growth_at_one_time_asked_for_twice_are_those_of_the_noise() -> None:
    prepared = prepare(DAYS, Y, Spec())
    noise = solve_map(prepared.problem).sigma_obs * prepared.scale.y_scale
    for make in _both_paths("linear", np.full(2, FIRST + ROWS), Interval(0.8, 100)):
        found = make()  # as stock's: steps of no length have no rate changes
        np.testing.assert_allclose(found.upper - found.yhat, NormalDist().inv_cdf(0.9) * noise, rtol=1e-4)
        np.testing.assert_allclose(found.lower - found.yhat, NormalDist().inv_cdf(0.1) * noise, rtol=1e-4)


@pytest.mark.parametrize("growth", [LINEAR, LOGISTIC])
@pytest.mark.parametrize("step", [1e-12, 1e-17, 1e-20, 1e-200, 5e-324, 0.0])
def test_steps_of_next_to_no_length_have_no_rate_changes(growth: int, step: float) -> None:
    changes = np.array([0.0, 0.25, 0.5, 0.75])
    curve = Curve(growth, changes, -0.2, 0.4, np.array([0.1, -0.3, 0.2, 1.0]))
    draws = Draws(50, 7, step, 4, (0.1, 0.9), (-1.28, 1.28))
    out = np.full((3, 50), np.nan)
    call_simulate(curve, np.full(3, 1.25), np.full(3, 1.5), draws, out)
    np.testing.assert_allclose(out, 0.0, atol=1e-15)


def test_without_noise_a_bound_is_the_quantile_of_the_drawn_trends() -> None:
    centres = np.random.default_rng(4).exponential(size=37)
    for share in (0.025, 0.1, 0.5, 0.9):
        found = call_mixture_quantile(centres, 0.0, share, NormalDist().inv_cdf(share), 0.0)
        assert found == pytest.approx(np.quantile(centres, share), rel=1e-12)
    assert call_mixture_quantile(np.full(3, 2.5), 0.0, 0.9, 1.28, 0.0) == 2.5
