"""The yearly profile against its formulas in NumPy, and against series whose answer is known."""

import numpy as np
import pytest

from turbo_forecast.models.cycle_calendar import days_of_year
from turbo_forecast.models.protocol import Window
from turbo_forecast.models.registry import build_entrant
from turbo_forecast.models.yearly_profile import YearlyProfile
from turbo_forecast.settings import forecast_settings

ENTRANT = YearlyProfile(0.8)
FIRST = 16_500


def weather(days: int, seed: int = 0, noise: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """A level that wanders, a smooth year, a week, autoregressive noise: days and values."""
    rng = np.random.default_rng(seed)
    at = np.arange(FIRST, FIRST + days)
    wander = rng.normal(0, noise, days)
    for i in range(1, days):
        wander[i] += 0.8 * wander[i - 1]
    year = 12 * np.sin(2 * np.pi * at / 365.25) + 4 * np.cos(4 * np.pi * at / 365.25)
    return at, 50 + year + 2 * (at % 7 == 3) + wander


def moving(values: np.ndarray, side: int, *, around: bool = False) -> np.ndarray:
    """Centred means of what is there, up to `side` days away, day by day."""
    size = values.size
    found = np.zeros(size)
    for i in range(size):
        near = np.arange(i - side, i + side + 1)
        part = values[near % size] if around else values[near[(near >= 0) & (near < size)]]
        seen = part[~np.isnan(part)]
        found[i] = seen.mean() if seen.size else 0.0
    return found


def plain(days: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The formulas of yearly_profile.py, array by array."""
    calendar = np.arange(days[0], days[-1] + 1)
    z = np.full(calendar.size, np.nan)
    z[days - days[0]] = y
    from_week = z - moving(z, 3)
    for weekday in range(7):
        same = calendar % 7 == weekday
        z[same] -= np.nanmean(from_week[same])
    of_year, age = days_of_year()[calendar].astype(int), (days[-1] - calendar) // 365
    counts = 0.8 ** np.arange(age.max() + 1)

    def profile(table: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen = ~np.isnan(table)
        total, weight = np.nansum(table * weights[:, None], axis=0), (seen * weights[:, None]).sum(axis=0)
        mean = np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan)
        return moving(moving(mean, 7, around=True), 7, around=True), ~np.isnan(mean)

    found = np.zeros(365)
    for _ in range(3):
        apart = z - moving(z - found[of_year], 182)
        most = 3 * np.nanmean(np.abs(apart))
        table = np.full((counts.size, 365), np.nan)
        for i in range(calendar.size):
            if not np.isnan(apart[i]):
                table[age[i], of_year[i]] = np.clip(apart[i], -most, most)
        found = profile(table, counts)[0]
        found -= found.mean()
    product = square = 0.0
    for year, row in enumerate(table):
        if (~np.isnan(row)).sum() >= 60:
            others, known = profile(table, np.where(np.arange(counts.size) == year, 0.0, counts))
            both = known & ~np.isnan(row)
            product += counts[year] * (row * others)[both].sum()
            square += counts[year] * (others**2)[both].sum()
    weight = counts * (~np.isnan(table)).sum(axis=1) / 365
    slope, years = min(product / square, 1), max(weight.sum() ** 2 / (weight**2).sum(), 1.5)
    return found / (1 + (years - 1) / years * (1 / slope - 1)) if product > 0 else np.zeros(365)


@pytest.mark.parametrize(("size", "missing"), [(1000, 0.0), (800, 0.1), (1500, 0.02)])
def test_the_profile_is_what_numpy_makes_of_the_formulas(size: int, missing: float) -> None:
    days, y = weather(size, seed=size)
    keep = np.random.default_rng(1).random(size) >= missing
    keep[[0, -1]] = True
    np.testing.assert_allclose(ENTRANT.profile(days[keep], y[keep]), plain(days[keep], y[keep]), atol=1e-9)


def test_a_year_that_returns_is_learnt_and_one_of_noise_is_not() -> None:
    days, y = weather(8 * 365, noise=1.0)
    of_year = days_of_year()[days][:365].astype(int)
    year = 12 * np.sin(2 * np.pi * days[:365] / 365.25) + 4 * np.cos(4 * np.pi * days[:365] / 365.25)
    np.testing.assert_allclose(ENTRANT.profile(days, y)[of_year], year, atol=2)
    noise = np.random.default_rng(3).normal(50, 5, days.size)
    assert np.abs(ENTRANT.profile(days, noise)).max() < 0.5


def test_less_than_a_year_and_a_half_has_no_profile_and_is_the_reverting_levels_forecast() -> None:
    days, y = weather(547)
    window = Window(days, y, np.arange(days[-1] + 1, days[-1] + 123), 1)
    run = forecast_settings()
    assert not ENTRANT.profile(days, y).any()
    for name in ("yhat", "lower", "upper"):
        found, expected = (build_entrant(each, run).forecast(window) for each in ("yearly_profile", "reverting_level"))
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_eight_years_tell_more_of_weather_than_the_last_32_months() -> None:
    """By 2 to 5 % of the absolute error, over series and origins."""
    errors = {"all": [], "late": []}
    for seed in range(12):
        days, y = weather(8 * 365, seed=seed)
        for end in (2555, 2676, 2797):
            ahead = slice(end, end + 122)
            for name, first in (("all", 0), ("late", end - 974)):
                found = ENTRANT.forecast(Window(days[first:end], y[first:end], days[ahead], 1)).yhat
                errors[name].append(np.abs(found - y[ahead]).mean())
    assert np.mean(errors["all"]) < 0.98 * np.mean(errors["late"])


def test_one_year_unlike_all_others_moves_the_profile_little() -> None:
    days, y = weather(6 * 365, noise=1.0)
    struck = np.where((days - FIRST) // 365 == 3, np.clip(y - 45, 0, None), y)
    apart = np.abs(ENTRANT.profile(days, struck) - ENTRANT.profile(days, y))
    assert apart.mean() < 3
