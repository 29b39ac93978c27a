"""Series of every kind that a fleet may hold, made up at random: what whole runs are tried on."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
from hypothesis import strategies as st

from turbo_forecast_tests.conftest import CUTOFF, series_rows
from turbo_forecast_tests.fleet.entrants import MARKED

DAYS = 420
"""Days up to the cutoff: more than the history window of `by_hand.SHORT`."""
START = CUTOFF - timedelta(days=DAYS - 1)
Made = tuple[np.ndarray, np.ndarray]
"""Values of all the days, and which of them were observed."""


def restless(rng: np.random.Generator, step: float = 1.0) -> np.ndarray:
    """A level that wanders, with a week in it: entrants differ on it."""
    weekly = 6 * np.sin(2 * np.pi * np.arange(DAYS) / 7)
    return np.clip(rng.uniform(10, 70) + weekly + np.cumsum(rng.normal(0, step, DAYS)) + rng.normal(0, 2, DAYS), 0, 100)


def _since(days: int, rng: np.random.Generator) -> Made:
    return restless(rng), np.arange(DAYS) >= DAYS - days


def _until(day: date, rng: np.random.Generator) -> Made:
    return restless(rng), np.arange(DAYS) <= (day - START).days


def _with_gaps(rng: np.random.Generator) -> Made:
    keep = rng.random(DAYS) < 0.8
    first = int(rng.integers(0, DAYS - 90))
    keep[first : first + int(rng.integers(1, 90))] = False  # a whole fold, sometimes
    return restless(rng), keep


def _without_weekends(rng: np.random.Generator) -> Made:
    weekday = (np.arange(DAYS) + START.weekday()) % 7
    return restless(rng), weekday < 5


def _marked(rng: np.random.Generator) -> Made:
    y = restless(rng)
    y[:] = np.where(np.arange(DAYS) < DAYS - 366, y, np.where(y == MARKED, 76.0, y))
    return np.where(np.arange(DAYS) < DAYS - 320, MARKED, y), np.ones(DAYS, dtype=bool)


EVERY_DAY = np.ones(DAYS, dtype=bool)
KINDS: dict[str, Callable[[np.random.Generator], Made]] = {
    "steady": lambda rng: (restless(rng, 0.0), EVERY_DAY),
    "restless": lambda rng: (restless(rng), EVERY_DAY),
    "newborn": lambda rng: _since(20, rng),
    "young": lambda rng: _since(int(rng.integers(70, 300)), rng),
    "retired": lambda rng: _until(date(2025, 8, 15), rng),
    "ends in the backtest": lambda rng: _until(date(2025, 11, 20), rng),
    "gaps": _with_gaps,
    "no weekends": _without_weekends,
    "constant": lambda rng: (np.full(DAYS, rng.choice([0.0, 37.5, 100.0])), EVERY_DAY),
    "idle": lambda rng: (rng.uniform(0, 0.04, DAYS), EVERY_DAY),
    "fades away": lambda rng: (np.where(np.arange(DAYS) < DAYS - 70, restless(rng), 5e-324), EVERY_DAY),
    "marked": _marked,
    "one day": lambda rng: (np.full(DAYS, 42.0), np.arange(DAYS) == DAYS - 1),
}
RESOURCES = ("cpu", "disk", "memory")


def fleet_of(kinds: Sequence[str], seed: int = 0) -> pl.DataFrame:
    """Rows of BASE_TABLE: a series of each kind, in their order, of three resources in turn."""
    parts = []
    for number, kind in enumerate(kinds):
        y, keep = KINDS[kind](np.random.default_rng([seed, number]))
        name, resource = f"host-{number:03}", RESOURCES[number % len(RESOURCES)]
        parts.append(series_rows(name, y, start=START, resource=resource, keep=keep))
    return pl.concat(parts)


FLEETS = st.builds(
    fleet_of, st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=9), seed=st.integers(0, 2**32 - 1)
)
"""Fleets of any kinds."""
