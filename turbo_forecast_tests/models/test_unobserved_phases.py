"""On weekdays and in seasons that were never observed, Prophet's entrants forecast the series' own level."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.models.agreement import compare
from turbo_forecast.models.prophet_stan import StanEngine
from turbo_forecast.models.prophet_tuned import tuned
from turbo_forecast.models.protocol import Window
from turbo_forecast.models.registry import build_entrant
from turbo_forecast.seasonal_gaps import month, slot_of_year, weekday
from turbo_forecast.settings import forecast_settings
from turbo_forecast.turbo_prophet.daily import fit_daily, forecast_daily
from turbo_forecast.turbo_prophet.daily_calendar import Calendar
from turbo_forecast.turbo_prophet.features import Spec
from turbo_forecast.turbo_prophet.problem import Status

FIRST = (date(2023, 1, 1) - date(1970, 1, 1)).days
DAYS = np.arange(FIRST, FIRST + 1096)
ASKED = np.arange(FIRST + 1096, FIRST + 1096 + 181)
PROPHETS = ("prophet", "prophet_smooth", "prophet_linear", "prophet_multiplicative", "prophet_flexible")
MARGIN = 10


def level(keep: np.ndarray, *, mean: float = 15.0, growth: float = 0.0, seed: int = 0, year: float = 2.0) -> Window:
    """A level with a week's and a year's wave and noise, growing by `growth` points in the three years."""
    wave = 2 * np.sin(2 * np.pi * DAYS / 7) + year * np.cos(2 * np.pi * DAYS / 365.25)
    noise = np.random.default_rng(seed).normal(0, 1.5, DAYS.size)
    y = np.clip(mean + growth * np.arange(DAYS.size) / DAYS.size + wave + noise, 0, 100)
    return Window(DAYS[keep], y[keep], ASKED, seed=1)


WEEK, YEAR = weekday(DAYS), month(DAYS)
PATTERNS = {
    "Monday to Friday": WEEK < 5,
    "no Sunday": WEEK != 6,
    "weekends": WEEK > 4,
    "Monday and Thursday": np.isin(WEEK, (0, 3)),
    "two Saturdays": (WEEK < 5) | np.isin(np.arange(DAYS.size), (6, 13)),
    "July to December": YEAR > 5,
    "no February": YEAR != 1,
    "working days of July to December": (WEEK < 5) & (YEAR > 5),
    "first day of the month": np.isin(slot_of_year(DAYS), (0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335)),
}


@pytest.mark.parametrize("name", PROPHETS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_day_like_none_observed_is_forecast_near_the_level(name: str, pattern: str) -> None:
    entrant = build_entrant(name, forecast_settings(uncertainty_samples=10))
    for mean in (15.0, 60.0, 95.0):
        window = level(PATTERNS[pattern], mean=mean)
        yhat = entrant.forecast(window).yhat
        assert window.y.min() - MARGIN < yhat.min()
        assert yhat.max() < window.y.max() + MARGIN


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    kept=st.sets(st.integers(0, 6), min_size=1),
    gaps=st.lists(st.tuples(st.integers(0, 365), st.integers(0, 200)), max_size=2),
    strays=st.lists(st.integers(0, 1095), max_size=3),
    span=st.integers(250, 1096),
    name=st.sampled_from(PROPHETS),
    yearly_order=st.sampled_from((0, 4, 10, 20)),
    mean=st.floats(5, 95),
)
def test_no_calendar_of_observed_days_lets_a_level_run_away(kept, gaps, strays, span, name, yearly_order, mean) -> None:
    keep = np.isin(WEEK, list(kept))
    for start, length in gaps:
        keep &= (slot_of_year(DAYS) - start) % 366 >= length
    keep[strays] = True
    keep[: DAYS.size - span] = False
    # a part of a year's wave is a trend, which may lead anywhere: it is no matter of phases
    window = level(keep, mean=mean, year=2.0 if span >= 760 else 0.0)
    if window.days.size < 60:
        return
    options = forecast_settings(uncertainty_samples=10, yearly_order=yearly_order)
    yhat = build_entrant(name, options).forecast(window).yhat
    assert window.y.min() - MARGIN < yhat.min()
    assert yhat.max() < window.y.max() + MARGIN


@pytest.mark.parametrize("name", ["prophet", "prophet_smooth", "prophet_multiplicative"])
@pytest.mark.parametrize("gap", [70, 150, 240])
def test_a_part_of_the_year_seen_once_is_taken_for_neither_season_nor_trend(name: str, gap: int) -> None:
    for seed, start in enumerate(range(0, 360, 40)):
        keep = ((slot_of_year(DAYS) - start) % 366 >= gap) & (np.arange(DAYS.size) >= DAYS.size - 400 - 10 * seed)
        window = level(keep, mean=50, year=0, seed=seed)
        yhat = build_entrant(name, forecast_settings(uncertainty_samples=10, yearly_order=10)).forecast(window).yhat
        assert window.y.min() - MARGIN < yhat.min()
        assert yhat.max() < window.y.max() + MARGIN


def test_a_trend_that_the_observed_days_carry_is_followed_on_days_never_observed() -> None:
    window = level(PATTERNS["Monday to Friday"], mean=20, growth=40)
    yhat = build_entrant("prophet_linear", forecast_settings(uncertainty_samples=10)).forecast(window).yhat
    days = np.arange(DAYS.size, DAYS.size + ASKED.size)
    straight = 20 + 40 * days / DAYS.size
    weekend = weekday(ASKED) > 4
    assert np.abs(yhat - straight)[weekend].max() < 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prophet", "prophet_smooth", "prophet_multiplicative"])
@pytest.mark.parametrize("pattern", ["Monday to Friday", "July to December"])
def test_both_engines_fit_the_same_model_and_turbo_finds_the_higher_posterior(name: str, pattern: str) -> None:
    options = tuned(name, forecast_settings(uncertainty_samples=10))
    window = level(PATTERNS[pattern])
    assert compare(window.days, window.y, options).holds
    stan = StanEngine(options).forecast(window).yhat
    turbo = build_entrant(name, forecast_settings(uncertainty_samples=10)).forecast(window).yhat
    assert np.abs(stan - turbo).max() < 0.5


def test_fits_of_such_series_converge_where_free_seasons_did_not() -> None:
    ended = {False: [], True: []}
    for known in ended:
        calendar = Calendar(FIRST, int(ASKED[-1]), Spec(growth="logistic", known_phases_only=known))
        for seed in range(12):
            window = level(PATTERNS["Monday to Friday"], seed=seed)
            ended[known].append(fit_daily(window.days, np.round(window.y * 0.02, 3) + 15, calendar, cap=100.0).status)
    assert set(ended[True]) == {Status.CONVERGED}
    assert set(ended[False]) != {Status.CONVERGED}


def test_without_the_rule_the_same_days_run_away_as_in_stock_prophet() -> None:
    window = level(PATTERNS["July to December"])
    calendar = Calendar(FIRST, int(ASKED[-1]), Spec(growth="logistic"))
    fit = fit_daily(window.days, window.y, calendar, cap=100.0, floor=0.0)
    yhat = forecast_daily(fit, ASKED, calendar).yhat
    assert np.abs(yhat - 15).max() > 2 * MARGIN


def test_where_everything_was_observed_the_forecast_is_prophets_to_the_last_bit() -> None:
    window = level(np.ones(DAYS.size, dtype=bool))
    yhat = build_entrant("prophet", forecast_settings(uncertainty_samples=10)).forecast(window).yhat
    calendar = Calendar(FIRST - 400, int(ASKED[-1]) + 400, Spec(growth="logistic"))
    fit = fit_daily(window.days, window.y, calendar, cap=100.0, floor=0.0)
    assert np.array_equal(yhat, forecast_daily(fit, ASKED, calendar).yhat)
