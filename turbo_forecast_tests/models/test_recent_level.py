"""The recent level against hand calculations and NumPy."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import norm

from turbo_forecast.models.protocol import Window
from turbo_forecast.models.registry import build_entrant
from turbo_forecast.settings import forecast_settings

SETTINGS = forecast_settings(interval_width=0.8)
MONTH, QUARTER = build_entrant("recent_level", SETTINGS), build_entrant("recent_quarter", SETTINGS)
Z80 = norm.ppf(0.9)


def window(days: Sequence[int], y: Sequence[float], asked: Sequence[int]) -> Window:
    return Window(np.array(days, dtype=np.int64), np.array(y, dtype=float), np.array(asked, dtype=np.int64), seed=1)


def test_the_forecast_is_the_recent_median_with_its_weekdays() -> None:
    days = np.arange(0, 56)
    y = np.where(days < 28, 90.0, 20.0 + 10.0 * (days % 7 == 5))
    found = MONTH.forecast(window(days, y, range(56, 70)))
    assert found.yhat.tolist() == [20.0, 20.0, 20.0, 20.0, 20.0, 30.0, 20.0] * 2


def test_four_weeks_are_looked_at_or_thirteen() -> None:
    days = np.arange(200)
    y = np.where(days >= 172, 80.0, np.where(days >= 109, 40.0, 10.0))  # 28 days of 80, 63 of 40, before: 10
    assert MONTH.forecast(window(days, y, [200])).yhat.tolist() == [80.0]
    assert QUARTER.forecast(window(days, y, [200])).yhat.tolist() == [40.0]


def test_the_window_counts_calendar_days_before_the_first_day_asked_for() -> None:
    days = np.arange(28)
    y = np.where(days < 20, 10.0, 50.0)
    found = MONTH.forecast(window(days, y, [48]))  # of days 20 … 47, only 20 … 27 are observed
    assert found.yhat.tolist() == [50.0]


def test_with_nothing_recent_the_last_observation_stands() -> None:
    found = MONTH.forecast(window(range(10), [*[10.0] * 9, 33.0], range(100, 107)))
    assert found.yhat.tolist() == [33.0] * 7


def test_a_weekday_not_seen_takes_the_level() -> None:
    days = [day for day in range(28) if day % 7 != 4]
    y = [10.0 + day % 7 for day in days]  # 10, 11, 12, 13, 15, 16: median 12.5
    found = MONTH.forecast(window(days, y, range(28, 35)))
    assert found.yhat.tolist() == [10.0, 11.0, 12.0, 13.0, 12.5, 15.0, 16.0]


@pytest.mark.parametrize(("entrant", "span"), [(MONTH, 28), (QUARTER, 91)])
def test_the_interval_is_the_deviations_quantiles_and_the_levels_walk(entrant, span: int) -> None:
    days = np.arange(1000, 1500)
    y = 50 + np.random.default_rng(1).normal(0, 3, 500).cumsum() / 5 + np.random.default_rng(2).normal(0, 2, 500)
    found = entrant.forecast(window(days, y, range(1500, 1600)))
    recent, weekday = y[-span:], days[-span:] % 7
    fitted = np.array([np.median(recent[weekday == k]) for k in range(7)])[weekday]
    deviations = (recent - fitted) * np.sqrt(span / (span - 7))
    medians = [np.median(y[500 - (k + 1) * span : 500 - k * span]) for k in range(364 // span)]
    walk = Z80**2 * np.mean(np.diff(medians) ** 2) * np.arange(1, 101) / span
    low, high = np.quantile(deviations, [0.1, 0.9])
    np.testing.assert_allclose(found.yhat - found.lower, np.sqrt(low**2 + walk), rtol=1e-9)
    np.testing.assert_allclose(found.upper - found.yhat, np.sqrt(high**2 + walk), rtol=1e-9)


def test_without_a_span_before_the_level_is_taken_to_walk_as_far_as_days_scatter() -> None:
    days = np.arange(14)
    y = np.where(days < 7, 10.0, 14.0)  # each weekday: 10 and 14, fitted 12: deviations -2, 2, times sqrt(14 / 7)
    found = MONTH.forecast(window(days, y, [14, 41]))
    scatter = 2 * 2**0.5
    expected = [np.sqrt(scatter**2 + Z80**2 * scatter**2 * h / 28) for h in (1, 28)]
    np.testing.assert_allclose(found.upper - found.yhat, expected, rtol=1e-9)
    np.testing.assert_allclose(found.yhat - found.lower, expected, rtol=1e-9)


def test_weekdays_seen_once_leave_the_scatter_around_the_level() -> None:
    found = MONTH.forecast(window([0, 1, 2], [10.0, 20.0, 60.0], [3]))  # level 20, deviations -10, 0, 40
    low, high = np.quantile([-10.0, 0.0, 40.0], [0.1, 0.9])
    walk = Z80**2 * (100 + 0 + 1600) / 3 / 28
    assert found.yhat.tolist() == [20.0]
    assert found.lower[0] == pytest.approx(20 - np.sqrt(low**2 + walk))
    assert found.upper[0] == pytest.approx(20 + np.sqrt(high**2 + walk))


def test_one_observation_leaves_everything_possible() -> None:
    found = MONTH.forecast(window([10], [42.0], [11, 300]))
    assert (found.yhat.tolist(), found.lower.tolist(), found.upper.tolist()) == ([42.0] * 2, [0.0] * 2, [100.0] * 2)
