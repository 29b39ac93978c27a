"""The seasonal naive forecaster against hand calculations."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import norm

from turbo_forecast.models.protocol import Window
from turbo_forecast.models.seasonal_naive import MEMORY_DAYS, build, seasonal_differences
from turbo_forecast.settings import forecast_settings

ENTRANT = build(forecast_settings(interval_width=0.8))
Z80 = norm.ppf(0.9)


def window(days: Sequence[int], y: Sequence[float], asked: Sequence[int]) -> Window:
    return Window(np.array(days, dtype=np.int64), np.array(y, dtype=float), np.array(asked, dtype=np.int64), seed=1)


def test_each_day_repeats_the_last_week() -> None:
    days = list(range(100, 121))
    y = [float(day) for day in days]
    found = ENTRANT.forecast(window(days, y, range(121, 121 + 15)))
    last_week = [114.0, 115.0, 116.0, 117.0, 118.0, 119.0, 120.0]
    assert found.yhat.tolist() == [*last_week, *last_week, 114.0]


def test_the_interval_grows_with_the_root_of_the_seasons_ahead() -> None:
    days = list(range(21))
    y = [10.0] * 7 + [13.0] * 7 + [9.0] * 7  # seasonal differences: seven of +3, seven of -4
    found = ENTRANT.forecast(window(days, y, range(21, 21 + 21)))
    sigma = ((9 + 16) / 2) ** 0.5
    half = [Z80 * sigma * (k + 1) ** 0.5 for k in (0, 1, 2) for _ in range(7)]
    np.testing.assert_allclose(found.upper - found.yhat, half, rtol=1e-9)
    np.testing.assert_allclose(found.yhat - found.lower, half, rtol=1e-9)


@pytest.mark.parametrize("width", [0.5, 0.8, 0.95])
def test_the_interval_has_the_width_asked_for(width: float) -> None:
    days = list(range(14))
    found = build(forecast_settings(interval_width=width)).forecast(window(days, [0.0] * 7 + [2.0] * 7, [14]))
    assert found.upper[0] - 2.0 == pytest.approx(norm.ppf(0.5 + width / 2) * 2.0)


def test_a_missing_weekday_takes_its_value_from_the_week_before() -> None:
    days = [day for day in range(21) if day != 17]
    found = ENTRANT.forecast(window(days, [float(day) for day in days], range(21, 28)))
    assert found.yhat.tolist() == [14.0, 15.0, 16.0, 10.0, 18.0, 19.0, 20.0]


def test_a_weekday_not_seen_for_eight_weeks_takes_the_last_value() -> None:
    assert MEMORY_DAYS == 56
    days = [0, 1, 2, 3, 4, 5, 6, 62]  # the last day is a 6: 62 = 8 * 7 + 6; day 6 lies 56 days before it
    found = ENTRANT.forecast(window(days, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 50.0], range(63, 70)))
    assert found.yhat.tolist() == [50.0] * 7
    days = [0, 1, 2, 3, 4, 5, 6, 59]  # seen from 59, days 4, 5 and 6 are within 56 days
    found = ENTRANT.forecast(window(days, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 50.0], range(63, 70)))
    assert found.yhat.tolist() == [50.0, 50.0, 50.0, 50.0, 4.0, 5.0, 6.0]


def test_one_observation_leaves_everything_possible() -> None:
    found = ENTRANT.forecast(window([10], [42.0], [11, 12, 200]))
    assert found.yhat.tolist() == [42.0] * 3
    assert found.lower.tolist() == [-np.inf] * 3
    assert found.upper.tolist() == [np.inf] * 3


def test_without_a_pair_a_week_apart_the_values_own_spread_is_taken() -> None:
    found = ENTRANT.forecast(window([10, 11, 12], [1.0, 2.0, 6.0], [13]))
    assert found.upper[0] - found.yhat[0] == pytest.approx(Z80 * np.std([1.0, 2.0, 6.0]))


def test_a_constant_series_is_certain() -> None:
    found = ENTRANT.forecast(window(range(30), [0.0] * 30, range(30, 40)))
    assert found.yhat.tolist() == found.lower.tolist() == found.upper.tolist() == [0.0] * 10


def test_seasons_are_counted_from_the_last_observation_not_from_the_first_day_asked() -> None:
    days = list(range(14))
    found = ENTRANT.forecast(window(days, [0.0] * 7 + [2.0] * 7, [14, 21, 28]))
    np.testing.assert_allclose(found.upper - 2.0, Z80 * 2.0 * np.sqrt([1, 2, 3]))


def test_differences_pair_only_days_exactly_a_week_apart() -> None:
    asked = window([0, 1, 7, 9, 14, 16], [1.0, 2.0, 4.0, 8.0, 16.0, 32.0], [17])
    assert seasonal_differences(asked).tolist() == [3.0, 12.0, 24.0]


def test_before_1970_weekdays_are_weekdays_too() -> None:
    found = ENTRANT.forecast(window(range(-21, 0), [float(day % 7) for day in range(-21, 0)], range(7)))
    assert found.yhat.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
