"""The reverting level against its formulas written out as plain loops, and against series whose answer is known."""

import numpy as np
import pytest

from turbo_forecast.models.protocol import Window
from turbo_forecast.models.registry import build_entrant
from turbo_forecast.settings import forecast_settings

ALPHAS, PHIS = (0.01, 0.02, 0.04, 0.08, 0.15, 0.3), (1.0, 0.997, 0.993, 0.985, 0.97)
LEADS = (10, 30, 50, 75, 100, 120)
GAMMAS = {"reverting_level": (0.0,), "reverting_season": (0.0, 0.25, 0.5, 0.75)}
NAMES = list(GAMMAS)
ENTRANTS = {name: build_entrant(name, forecast_settings(interval_width=0.8)) for name in [*NAMES, "recent_quarter"]}


def series(size: int, seed: int, *, missing: float = 0.0, gap: slice = slice(0, 0)) -> tuple[np.ndarray, np.ndarray]:
    """A wandering level, a year, a week and noise; `missing` of the days, and those of `gap`, not observed."""
    rng = np.random.default_rng(seed)
    days = np.arange(19_000, 19_000 + size)
    y = 45 + 8 * np.sin(2 * np.pi * days / 365) + 5 * (days % 7 == 3) + rng.normal(0, 0.4, size).cumsum()
    y = np.clip(y + rng.normal(0, 2, size), 0, 100)
    keep = rng.random(size) >= missing
    keep[[0, -1]], keep[gap] = True, False
    return days[keep], y[keep]


def mean_of(values: np.ndarray) -> float:
    seen = values[~np.isnan(values)]
    return float(seen.mean()) if seen.size else np.nan


class Plain:
    """The formulas of reverting_level.py, one day at a time."""

    def __init__(self, days: np.ndarray, y: np.ndarray, gammas: tuple[float, ...]) -> None:
        recent = days > days[-1] - 364
        weekdays = [y[recent][days[recent] % 7 == k] for k in range(7)]
        profile = np.array([np.median(w) - np.median(y[recent]) if w.size else 0.0 for w in weekdays])
        self.profile = profile - profile.mean()
        self.last, self.size, self.gammas = days[-1], int(days[-1] - days[0]) + 1, gammas
        self.z = np.full(self.size, np.nan)
        self.z[days - days[0]] = y - self.profile[days % 7]
        self.level = {alpha: self.smooth(alpha) for alpha in ALPHAS}
        self.mean = [mean_of(self.z[max(i - 363, 0) : i + 1]) for i in range(self.size)]
        for i in range(self.size):
            if np.isnan(self.mean[i]):
                self.mean[i] = self.mean[i - 1]
        self.seasonal = [self.season(i) if len(gammas) > 1 else 0.0 for i in range(self.size)]
        self.first = 424 if len(gammas) > 1 and self.size > 564 else 60

    def smooth(self, alpha: float) -> list[float]:
        out, level, k = [], 0.0, 0
        for value in self.z:
            if not np.isnan(value):
                k += 1
                level += max(alpha, 1 / k) * (value - level)
            out.append(level)
        return out

    def season(self, i: int) -> float:
        near = mean_of(self.z[max(i - 10, 0) : i + 11])
        return 0.0 if i < 90 or np.isnan(near) else near - mean_of(self.z[max(i - 182, 0) : i + 183])

    def anomaly(self, i: int) -> float:
        return self.seasonal[i] if 0 <= i < self.size else 0.0

    def ahead(self, origin: int, h: int, alpha: float, phi: float, gamma: float) -> float:
        mean, level = self.mean[origin], self.level[alpha][origin]
        reverting = phi**h * (level - mean - gamma * self.anomaly(origin - 364))
        return mean + reverting + gamma * self.anomaly(origin + h - 364)

    def errors(self, lead: int, *combination: float) -> tuple[np.ndarray, np.ndarray]:
        """Signed errors at a lead, and what they weigh."""
        origins = [o for o in range(self.first, self.size - lead, 5) if not np.isnan(self.z[o + lead])]
        found = [self.z[o + lead] - self.ahead(o, lead, *combination) for o in origins]
        return np.array(found), np.array([0.998 ** (self.size - 1 - o) for o in origins])

    def cost(self, *combination: float) -> float:
        pairs = [self.errors(lead, *combination) for lead in LEADS]
        total = sum(weights.sum() for _, weights in pairs)
        return sum((np.abs(errors) * weights).sum() for errors, weights in pairs) / total if total else 0.0

    def costs(self) -> dict[tuple[float, float, float], float]:
        return {(a, p, g): self.cost(a, p, g) for p in PHIS for g in self.gammas for a in ALPHAS}

    def forecast(self, asked: np.ndarray) -> np.ndarray:
        costs = self.costs()
        lowest = min(costs.values())
        weights = {c: float(v <= 1e-9) if lowest <= 1e-9 else (lowest / v) ** 40 for c, v in costs.items()}
        total = sum(weights.values())
        h = asked - self.last
        level = [sum(w * self.ahead(self.size - 1, k, *c) for c, w in weights.items()) / total for k in h]
        return np.array(level) + self.profile[asked % 7]


def ask(name: str, days: np.ndarray, y: np.ndarray, horizon: int = 40, skip: int = 0):
    asked = np.arange(days[-1] + 1 + skip, days[-1] + 1 + skip + horizon)
    return asked, ENTRANTS[name].forecast(Window(days, y, asked, 1))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("size", "options"),
    [
        (700, {}),
        (640, {"missing": 0.2, "gap": slice(300, 360)}),
        (500, {"missing": 0.1}),
        (200, {}),
        (95, {"missing": 0.3}),
        (60, {}),
        (1000, {"gap": slice(200, 650)}),
    ],
)
def test_the_forecast_is_what_plain_loops_over_the_formulas_give(name: str, size: int, options: dict) -> None:
    days, y = series(size, seed=size, **options)
    asked, found = ask(name, days, y)
    np.testing.assert_allclose(found.yhat, Plain(days, y, GAMMAS[name]).forecast(asked), rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_two_years_ahead_a_day_whose_year_before_is_unknown_has_no_anomaly(name: str) -> None:
    days, y = series(700, seed=1)
    asked, found = ask(name, days, y, horizon=730)
    np.testing.assert_allclose(found.yhat, Plain(days, y, GAMMAS[name]).forecast(asked), rtol=1e-9)


def test_days_ahead_count_from_the_last_observation() -> None:
    days, y = series(400, seed=2)
    _, near = ask("reverting_level", days, y, horizon=60)
    _, far = ask("reverting_level", days, y, horizon=20, skip=40)
    np.testing.assert_array_equal(near.yhat[40:], far.yhat)


@pytest.mark.parametrize("name", NAMES)
def test_the_interval_is_the_best_combinations_errors_or_the_levels_walk_whichever_is_wider(name: str) -> None:
    days, y = series(700, seed=3)
    plain = Plain(days, y, GAMMAS[name])
    costs = plain.costs()
    best = min(costs, key=costs.__getitem__)
    asked, found = ask(name, days, y, horizon=150)
    quantiles = []
    for lead in LEADS:
        errors, weights = plain.errors(lead, *best)
        order = np.argsort(errors)
        reached = weights[order].cumsum() / weights.sum()
        quantiles.append(errors[order][np.searchsorted(reached, [0.1, 0.9])])
    low, high = (np.interp(asked - days[-1], LEADS, bound) for bound in np.transpose(quantiles))
    _, walk = ask("recent_quarter", days, y, horizon=150)
    below, above = walk.yhat - walk.lower, walk.upper - walk.yhat
    assert (high > above).any(), "the errors are wider somewhere"
    assert (high < above).any(), "and narrower elsewhere"
    np.testing.assert_allclose(found.yhat - found.lower, np.maximum(-low, below), atol=1e-9)
    np.testing.assert_allclose(found.upper - found.yhat, np.maximum(high, above), atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_narrower_interval_is_asked_of_both(name: str) -> None:
    days, y = series(700, seed=3)
    asked, wide = ask(name, days, y, horizon=150)
    half = forecast_settings(interval_width=0.5)
    narrow, walk = (build_entrant(of, half).forecast(Window(days, y, asked, 1)) for of in (name, "recent_quarter"))
    for inner, outer, walked in (
        (narrow.yhat - narrow.lower, wide.yhat - wide.lower, walk.yhat - walk.lower),
        (narrow.upper - narrow.yhat, wide.upper - wide.yhat, walk.upper - walk.yhat),
    ):
        assert (inner >= walked - 1e-9).all()
        assert (inner < outer).all()


@pytest.mark.parametrize("name", NAMES)
def test_one_observation_says_nothing_of_its_spread(name: str) -> None:
    _, found = ask(name, np.array([19_000]), np.array([12.5]))
    np.testing.assert_array_equal(found.yhat, 12.5)
    np.testing.assert_array_equal(found.lower, 0.0)
    np.testing.assert_array_equal(found.upper, 100.0)


@pytest.mark.parametrize("n", [2, 9, 40, 70])
@pytest.mark.parametrize("name", NAMES)
def test_a_history_too_short_for_origins_has_the_interval_of_a_walking_level(name: str, n: int) -> None:
    days, y = series(n, seed=4)
    _, found = ask(name, days, y, horizon=120)
    _, walk = ask("recent_quarter", days, y, horizon=120)
    assert (found.yhat - found.lower >= walk.yhat - walk.lower - 1e-9).all()
    assert (found.upper - found.yhat >= walk.upper - walk.yhat - 1e-9).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_weekly_pattern_without_noise_is_continued_exactly(name: str) -> None:
    days = np.arange(19_000, 19_800)
    week = np.array([10.0, 20.0, 30.0, 40.0, 30.0, 20.0, 11.0])
    asked, found = ask(name, days, week[days % 7], horizon=200)
    for values in (found.yhat, found.lower, found.upper):
        np.testing.assert_allclose(values, week[asked % 7], atol=1e-6)


def test_a_level_that_always_came_back_is_forecast_to_come_back_and_one_that_stayed_to_stay() -> None:
    days = np.arange(19_000, 19_900)
    bursts = 30.0 + 30.0 * (((days - 19_000) % 90) >= 80)  # ten days of 60 after eighty of 30, the last just ended
    _, back = ask("reverting_level", days, bursts, horizon=60)
    steps = 30.0 + 30.0 * ((days - 19_000) >= 450)
    _, stay = ask("reverting_level", days, steps, horizon=60)
    assert back.yhat[-1] == pytest.approx(33.3, abs=5)
    np.testing.assert_allclose(stay.yhat, 60.0, atol=0.5)


@pytest.mark.parametrize("name", NAMES)
def test_last_years_bump_is_expected_again_by_the_seasonal_one_alone(name: str) -> None:
    days = np.arange(19_000, 19_000 + 364 * 3)
    season = 10.0 * np.sin(2 * np.pi * (days - 19_000) / 364)
    asked, found = ask(name, days, 50.0 + season, horizon=180)
    truth = 50.0 + 10.0 * np.sin(2 * np.pi * (asked - 19_000) / 364)
    error = np.abs(found.yhat - truth).mean()
    assert error < 3.0 if name == "reverting_season" else error > 4.0
