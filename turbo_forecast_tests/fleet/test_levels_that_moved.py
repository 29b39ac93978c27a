"""A level that moved shortly before the cutoff: the published interval takes in where the series was, and where it is now."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from turbo_forecast_tests.conftest import CUTOFF, series_rows
from turbo_forecast_tests.fleet.by_hand import ByHand, by_hand

DAYS = 420
UP, DOWN = (20.0, 80.0), (80.0, 20.0)
MOVED = {
    **{f"up {days} days ago": (UP, days, DAYS) for days in (3, 4, 7, 10, 20, 40)},
    **{f"down {days} days ago": (DOWN, days, DAYS) for days in (3, 10, 40)},
    "up 10 days ago, young": (UP, 10, 100),
    "down 5 days ago, young": (DOWN, 5, 80),
    "up 5 days ago, newborn": (UP, 5, 45),
}
"""Levels before and after, days since the change, days of history."""
NEAR = 3.0
"""Percentage points: a young series' weekdays are known by few days each, and its bounds go up and down with them."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ByHand:
    """A run over members that moved, among twenty that stay."""
    rng = np.random.default_rng(11)
    rows = []
    for number in range(20):
        y = rng.uniform(20, 80) + 4 * np.sin(2 * np.pi * np.arange(DAYS) / 7) + rng.normal(0, 2, DAYS)
        rows.append(_rows(f"stays {number:02}", y))
    for name, ((before, after), ago, days) in MOVED.items():
        rows.append(_rows(name, np.where(np.arange(days) < days - ago, before, after) + rng.normal(0, 1, days)))
    spike = 20 + rng.normal(0, 1, DAYS)
    spike[-2] = 95.0
    rows.append(_rows("a spike", spike))
    return by_hand(pl.concat(rows), tmp_path_factory.mktemp("moved")).held()


def _rows(name: str, y: np.ndarray) -> pl.DataFrame:
    return series_rows(name, np.clip(y, 0, 100), start=CUTOFF - timedelta(days=y.size - 1), resource="cpu")


def months_of(run: ByHand, host: str) -> pl.DataFrame:
    """Mean bounds of each month of the host's published forecast."""
    rows = run.published.filter(host_id=host, phase="forecast")
    return rows.group_by_dynamic("ds", every="1mo").agg(pl.col("yhat", "yhat_lower", "yhat_upper").mean())


@pytest.mark.parametrize("name", MOVED)
def test_the_new_level_lies_inside_the_interval_in_every_month(run: ByHand, name: str) -> None:
    levels, _, _ = MOVED[name]
    months = months_of(run, name)
    assert months.height == 3
    assert (months["yhat_lower"] <= levels[1] + NEAR).all(), months
    assert (months["yhat_upper"] >= levels[1] - NEAR).all(), months


@pytest.mark.parametrize("name", ["up 3 days ago", "up 7 days ago", "down 3 days ago"])
def test_the_side_away_from_the_new_level_is_not_widened(run: ByHand, name: str) -> None:
    (before, after), _, _ = MOVED[name]
    yhat, lower, upper = months_of(run, name).row(0)[1:]
    far, near = (upper - yhat, yhat - lower) if after > before else (yhat - lower, upper - yhat)
    assert near < 0.5 * far


def test_a_single_spike_moves_nothing(run: ByHand) -> None:
    months = months_of(run, "a spike")
    assert (months["yhat_upper"] < 45).all(), months
