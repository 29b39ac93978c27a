"""The evaluation's own judge of statements about thresholds: by hand, and by another library."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from benchmarks.track_record import OUTLOOK, POINT, reached, record_report, records, reliability, share_reaching
from turbo_forecast.settings import forecast_settings
from turbo_forecast.windows import run_windows

CUTOFF = date(2025, 12, 31)
WINDOWS = run_windows(CUTOFF, forecast_settings())
"""The backtest is 2025-09-01 to 2025-12-31."""


def days(values: dict[date, float | None], host: str = "a") -> pl.DataFrame:
    return pl.DataFrame(
        {"host_id": host, "resource": "cpu", "ds": list(values), "value": list(values.values())},
        schema_overrides={"value": pl.Float64},
    )


def from_first(values: list[float | None], before: int = 0) -> dict[date, float | None]:
    """Values day by day, the first of them so many days before the backtest."""
    first = date(2025, 9, 1) - timedelta(days=before)
    return {first + timedelta(days=i): value for i, value in enumerate(values)}


def said(values: list[float | None], threshold: float, before: int = 0) -> float:
    return float(reached(days(from_first(values, before)), [threshold], WINDOWS)["happened"][0])


def test_seven_days_at_the_threshold_reach_it_and_their_mean_is_what_counts() -> None:
    assert said([70.0] * 7, 70.0) == 1
    assert said([10.0] * 7 + [0.0] * 3 + [100.0] * 4, 57.0) == 1  # 400 / 7 = 57.14
    assert said([10.0] * 7 + [0.0] * 3 + [100.0] * 4 + [0.0] * 9, 57.2) == 0


def test_four_observed_days_of_seven_are_enough_and_three_are_not() -> None:
    assert said([None, None, None, 90.0, 90.0, 90.0, 90.0], 90.0) == 1
    assert said([90.0, 90.0, 90.0], 90.0) == 0


def test_days_before_the_backtest_count_in_the_means_of_its_first_days_and_not_by_themselves() -> None:
    assert said([90.0] * 7 + [0.0] * 20, 90.0, before=7) == 0
    assert said([90.0] * 6 + [20.0] + [0.0] * 20, 80.0, before=6) == 1  # (6 * 90 + 20) / 7 = 80


def test_the_share_of_draws_counts_each_draw_whose_week_reaches_the_threshold() -> None:
    known, y = np.arange(94, 100), np.full(6, 50.0)
    draws = np.array([[92.0, 93.0, 50.0], [0.0, 0.0, 50.0]])
    # (6 * 50 + 92) / 7 = 56; (6 * 50 + 93) / 7 = 56.14; 50
    assert share_reaching(known, y, 100, draws, 56.0) == pytest.approx(2 / 3)
    assert share_reaching(known, y, 100, draws, 56.1) == pytest.approx(1 / 3)


def test_a_draw_of_three_days_without_history_is_no_level() -> None:
    assert share_reaching(np.array([1]), np.array([99.0]), 100, np.full((3, 5), 99.0), 90.0) == 0
    assert share_reaching(np.array([1]), np.array([99.0]), 100, np.full((4, 5), 99.0), 90.0) == 1


STATED = pl.DataFrame(
    {
        "host_id": list("abcd"),
        "resource": "cpu",
        "threshold": [80.0, 80.0, 90.0, 90.0],
        "happened": [1.0, 0.0, 1.0, 1.0],
        OUTLOOK: [0.8, 0.4, 0.6, 0.2],
        POINT: [1.0, 1.0, 0.0, 1.0],
    }
)


def test_the_record_is_what_one_calculates_by_hand() -> None:
    at_80, at_90, everything = records(STATED, [OUTLOOK])
    assert at_80.brier == pytest.approx((0.04 + 0.16) / 2)
    assert at_80.base_rate_brier == pytest.approx(0.25)
    assert at_80.skill == pytest.approx(0.6)
    assert np.isnan(at_90.skill)  # everything happened: nothing was to be told apart
    assert everything.brier == pytest.approx((0.04 + 0.16 + 0.16 + 0.64) / 4)
    assert everything.base_rate_brier == pytest.approx((0.25 + 0.25) / 4)
    assert (everything.n, everything.events) == (4, 3)
    assert everything.recall == pytest.approx(2 / 3)
    assert everything.precision == 1.0
    point = records(STATED, [POINT])[-1]
    assert (point.recall, point.precision) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert point.brier == pytest.approx(0.5)


def test_bins_of_reliability_hold_their_lower_end() -> None:
    assert reliability(STATED, OUTLOOK) == [
        (3, pytest.approx(0.2), 1.0, 1),
        (5, pytest.approx(0.4), 0.0, 1),
        (7, pytest.approx(0.6), 1.0, 1),
        (9, pytest.approx(0.8), 1.0, 1),
    ]
    assert [bin for bin, *_ in reliability(STATED, POINT)] == [1, 10]


def test_the_report_names_every_kind_and_threshold() -> None:
    report = record_report(STATED, (OUTLOOK, POINT), 122)
    assert "within 122 days" in report
    assert "| outlook | 80 % | 2 | 1 | 0.100 | 0.250 | 0.60 | 1.00 | 1.00 |" in report
    assert "| point forecast | all | 4 | 3 |" in report
