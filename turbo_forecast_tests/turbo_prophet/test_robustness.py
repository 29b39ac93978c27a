"""Whatever the series, a fit ends with a status and numbers, or with a sentence saying what is wrong."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turbo_forecast.turbo_prophet.daily import DailyFit, fit_daily, forecast_daily
from turbo_forecast.turbo_prophet.daily_calendar import Calendar
from turbo_forecast.turbo_prophet.features import Spec, prepare
from turbo_forecast.turbo_prophet.prediction import Forecast, Interval, forecast
from turbo_forecast.turbo_prophet.problem import MapResult, Settings, Status
from turbo_forecast.turbo_prophet.solver import solve_map

FIRST = 19_000
SLOW = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def _assert_sound(result: MapResult) -> None:
    numbers = np.concatenate(([result.k, result.m, result.sigma_obs], result.delta, result.beta))
    assert np.isfinite(numbers).all(), result
    assert result.sigma_obs > 0
    if result.ok:
        assert math.isfinite(result.objective)
        assert math.isfinite(result.kkt_violation)


def _assert_usable(found: Forecast) -> None:
    for column in (found.yhat, found.lower, found.upper, found.trend):
        assert np.isfinite(column).all()
    assert (found.lower <= found.upper).all()


def _fit(days: np.ndarray, y: np.ndarray, spec: Spec, cap: float = math.nan, floor: float | None = None) -> DailyFit:
    calendar = Calendar(int(days[0]), int(days[-1]) + 400, spec)
    fit = fit_daily(days, y, calendar, cap=cap, floor=floor)
    _assert_sound(fit.result)
    ahead = np.arange(days[-1] - 5, days[-1] + 300)
    _assert_usable(forecast_daily(fit, ahead[ahead >= days[0]], calendar, Interval(0.8, 20), seed=5))
    return fit


@st.composite
def histories(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    rows = draw(st.sampled_from([2, 3, 5, 10, 30, 60, 200, 800, 1100]))
    share = draw(st.floats(0.1, 1.0))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    span = max(rows, int(rows / share))
    days = FIRST + np.sort(rng.choice(span, rows, replace=draw(st.booleans()) and rows > 20))
    if days[0] == days[-1]:
        days[-1] += 1
    shape = draw(
        st.sampled_from(
            ["noise", "walk", "steps", "spikes", "binary", "line", "ramp then flat", "tiny wobble", "cauchy"]
        )
    )
    i = np.arange(rows)
    y = {
        "noise": rng.normal(50, 10, rows),
        "walk": np.cumsum(rng.normal(0, 1, rows)),
        "steps": np.repeat(rng.normal(0, 30, rows // 40 + 1), 40)[:rows],
        "spikes": np.where(rng.random(rows) < 0.05, 80.0, 1.0),
        "binary": rng.integers(0, 2, rows).astype(float),
        "line": 3.0 * i + 7.0,
        "ramp then flat": np.minimum(i, rows // 2).astype(float),
        "tiny wobble": 40.0 + 1e-9 * rng.normal(size=rows),
        "cauchy": rng.standard_cauchy(rows),
    }[shape]
    scale = 10.0 ** draw(st.integers(-6, 6))
    return days, y * scale


@SLOW
@given(
    histories(),
    st.sampled_from(["linear", "logistic", "flat"]),
    st.booleans(),
    st.sampled_from([1.0001, 1.01, 1.5, 100.0]),
)
def test_any_history_ends_with_a_status_and_finite_numbers(history, growth, multiplicative, headroom) -> None:  # type: ignore[no-untyped-def]
    days, y = history
    mode = "multiplicative" if multiplicative else "additive"
    floor = float(y.min() - 0.1 * (abs(y.min()) + 1e-9))
    cap = floor + (float(y.max()) - floor) * headroom + 1e-12
    _fit(days, y, Spec(growth=growth, seasonality_mode=mode), cap=cap, floor=floor)


@SLOW
@given(histories(), st.integers(0, 60), st.floats(0.0, 1.0), st.sampled_from([0.001, 0.05, 0.5, 10.0]))
def test_any_number_of_changepoints_and_any_flexibility_is_solved(history, n, share, tau) -> None:  # type: ignore[no-untyped-def]
    days, y = history
    _fit(days, y, Spec(n_changepoints=n, changepoint_range=share, changepoint_prior_scale=tau))


@pytest.mark.parametrize("growth", ["linear", "logistic", "flat"])
@pytest.mark.parametrize("value", [0.0, 1e-300, 42.0, 100.0, -5.0])
def test_a_constant_series_has_no_finite_map_and_is_forecast_as_its_constant(growth: str, value: float) -> None:
    days = np.arange(FIRST, FIRST + 900)
    spec = Spec(growth=growth)  # type: ignore[arg-type]
    calendar = Calendar(FIRST, FIRST + 1_300, spec)
    fit = fit_daily(days, np.full(900, value), calendar, cap=100.0 if value < 100 else 101.0, floor=-10.0)
    assert fit.status is Status.NO_FINITE_MAP
    assert math.isnan(fit.result.objective)
    found = forecast_daily(fit, np.arange(FIRST + 900, FIRST + 1_200), calendar, Interval(0.8, 100))
    assert (found.yhat == value).all()
    assert (found.lower == value).all()
    assert (found.upper == value).all()


@pytest.mark.parametrize("growth", ["linear", "logistic", "flat"])
def test_a_constant_problem_is_answered_with_the_constant(growth: str) -> None:
    # Logistic growth has a finite MAP even here: a flat curve needs k = 0, and the prior on m = -b / k forbids that unless b = 0.
    days = np.arange(FIRST, FIRST + 400)
    prepared = prepare(days, np.full(400, 42.0), Spec(growth=growth), cap=100.0)  # type: ignore[arg-type]
    result = solve_map(prepared.problem)
    _assert_sound(result)
    assert result.ok == (growth == "logistic")
    found = forecast(result, prepared, np.arange(FIRST, FIRST + 500), cap=100.0, interval=Interval(0.8, 50))
    _assert_usable(found)
    np.testing.assert_allclose(found.yhat, 42.0, rtol=1e-3)


def test_a_series_that_stays_at_half_of_its_cap_has_no_finite_map() -> None:
    # The one flat logistic curve that the prior on m = -b / k does not forbid: b = 0, and k as small as one likes.
    prepared = prepare(np.arange(FIRST, FIRST + 400), np.full(400, 50.0), Spec(growth="logistic"), cap=100.0)
    result = solve_map(prepared.problem)
    _assert_sound(result)
    assert result.status is Status.NO_FINITE_MAP
    found = forecast(result, prepared, np.arange(FIRST, FIRST + 500), cap=100.0, interval=Interval(0.8, 50))
    np.testing.assert_allclose(found.yhat, 50.0, rtol=1e-3)


@pytest.mark.parametrize("offset", [0.0, -1e3, 1e5, 1e7])
def test_the_noise_of_a_series_far_from_zero_is_what_least_squares_leave(offset: float) -> None:
    days = np.arange(FIRST, FIRST + 1_000)
    y = offset + np.random.default_rng(2).normal(0, 0.5, 1_000)
    calendar = Calendar(FIRST, FIRST + 1_100, Spec(n_changepoints=0))
    fit = fit_daily(days, y, calendar)
    assert fit.result.ok
    features = calendar.history(days).X[:, :26]
    columns = np.column_stack([np.ones(1_000), np.linspace(-1, 1, 1_000), features])
    left = y - offset - columns @ np.linalg.lstsq(columns, y - offset, rcond=None)[0]
    expected = math.sqrt(left @ left / 1_000)
    assert fit.result.sigma_obs * fit.scale.y_scale == pytest.approx(expected, rel=0.02 if offset == 0 else 1e-4)


def test_noise_below_a_billionth_of_the_values_is_not_judged() -> None:
    days = np.arange(FIRST, FIRST + 1_000)
    y = 1e9 + np.random.default_rng(2).normal(0, 0.5, 1_000)
    fit = fit_daily(days, y, Calendar(FIRST, FIRST + 1_100, Spec()))
    assert fit.status is Status.NO_FINITE_MAP  # although a finite one exists: double precision would not find it
    _assert_sound(fit.result)


@pytest.mark.parametrize("level", [99.999, 100.0, 100.5])
def test_a_series_at_or_above_its_cap_is_solved(level: float) -> None:
    rng = np.random.default_rng(0)
    y = np.where(rng.random(974) < 0.02, level - 3, level)
    fit = _fit(np.arange(FIRST, FIRST + 974), y, Spec(growth="logistic"), cap=100.0, floor=0.0)
    assert fit.result.ok


def test_ten_thousand_rows_are_solved() -> None:
    rng = np.random.default_rng(0)
    y = 50 + np.cumsum(rng.normal(0, 0.1, 10_000))
    fit = _fit(np.arange(FIRST, FIRST + 10_000), y, Spec(), cap=math.nan)
    assert fit.result.ok


def test_an_iteration_limit_is_reported_and_still_gives_numbers() -> None:
    rng = np.random.default_rng(0)
    prepared = prepare(np.arange(FIRST, FIRST + 500), rng.normal(50, 9, 500), Spec(growth="logistic"), cap=100.0)
    result = solve_map(prepared.problem, settings=Settings(max_iterations=1))
    _assert_sound(result)
    assert result.status is Status.ITERATION_LIMIT


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused_with_a_sentence(bad: float) -> None:
    days = np.arange(FIRST, FIRST + 50)
    y = np.ones(50)
    y[7] = bad
    with pytest.raises(ValueError, match="not finite"):
        fit_daily(days, y, Calendar(FIRST, FIRST + 60, Spec()))


LOGISTIC_HISTORIES = [
    (lowest, scaling, floor)
    for lowest in (50.0, 0.0, -10.0)
    for scaling in ("absmax", "minmax")
    for floor in (None, lowest - 3.0, lowest)
]
"""Series between the lowest value and 10 more, and the floors that they are given."""


def _logistic(lowest: float, scaling: str, floor: float | None) -> tuple:
    """Of such a series: fit_daily and prepare, given how far the cap is over the floor in use; and that floor."""
    days, y = np.arange(FIRST, FIRST + 50), lowest + 10 * np.random.default_rng(6).random(50)
    y[7] = lowest
    spec = Spec(growth="logistic", scaling=scaling)  # type: ignore[arg-type]
    in_use = floor if floor is not None else lowest if scaling == "minmax" else 0.0
    calendar = Calendar(FIRST, FIRST + 60, spec)
    return (
        lambda over: fit_daily(days, y, calendar, cap=in_use + over, floor=floor),
        lambda over: prepare(days, y, spec, cap=in_use + over, floor=floor),
        in_use,
    )


@pytest.mark.parametrize(("lowest", "scaling", "floor"), LOGISTIC_HISTORIES)
@pytest.mark.parametrize(
    ("over", "why"),
    [(0.0, "cap must be greater than floor"), (-1.0, "cap must be greater"), (math.inf, "cap .* not finite")],
)
def test_a_cap_that_is_infinite_or_not_above_the_floor_is_refused(
    lowest: float, scaling: str, floor: float | None, over: float, why: str
) -> None:
    daily, general, _ = _logistic(lowest, scaling, floor)
    with pytest.raises(ValueError, match=why) as of_daily:
        daily(over)
    with pytest.raises(ValueError, match=why) as of_general:
        general(over)
    assert str(of_daily.value) == str(of_general.value)


@pytest.mark.parametrize(("lowest", "scaling", "floor"), LOGISTIC_HISTORIES)
@pytest.mark.parametrize("over", [2.0, 30.0])
def test_a_cap_above_the_floor_is_fitted_as_stock_would_scale_it(
    lowest: float, scaling: str, floor: float | None, over: float
) -> None:
    daily, general, in_use = _logistic(lowest, scaling, floor)
    fit, problem = daily(over), general(over).problem
    assert fit.result.ok
    assert fit.result.objective == pytest.approx(solve_map(problem).objective, abs=1e-6)
    of_scaled_cap = over / fit.scale.y_scale
    np.testing.assert_allclose(problem.cap, of_scaled_cap, rtol=1e-12)
    assert fit.cap == in_use + over


@pytest.mark.parametrize("floor", [math.nan, math.inf, -math.inf])
def test_a_floor_that_is_not_finite_and_a_cap_that_is_missing_are_refused(floor: float) -> None:
    days, y = np.arange(FIRST, FIRST + 50), np.arange(50.0)
    calendar = Calendar(FIRST, FIRST + 60, Spec(growth="logistic"))
    with pytest.raises(ValueError, match="floor has values that are not finite"):
        fit_daily(days, y, calendar, cap=100.0, floor=floor)
    with pytest.raises(ValueError, match="logistic growth needs a cap"):
        fit_daily(days, y, calendar)


def test_days_outside_the_calendar_or_out_of_order_are_refused() -> None:
    calendar = Calendar(FIRST, FIRST + 60, Spec())
    for days in (np.arange(FIRST - 1, FIRST + 49), np.arange(FIRST, FIRST + 50)[::-1].copy()):
        with pytest.raises(ValueError, match="sorted and within"):
            fit_daily(days, np.arange(50.0), calendar)
