"""How true a month is: earlier statements added up by hand, and what is published beside repeating the last week."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.answers.record import earlier_statements, record
from turbo_forecast.schemas import OUTLOOK_OVER_TIME
from turbo_forecast.storage.published.reading import Published

OCTOBER, NOVEMBER = date(2025, 10, 31), date(2025, 11, 30)


def judged(cutoff: date, threshold: float, n: int, events: int, *, days: int = 30, **other: object) -> dict:
    """A row of OUTLOOK_OVER_TIME, of all series below their threshold, whose Brier score is half of the base rate's."""
    rate = events / n
    return {
        "cutoff": date(2025, 12, 31), "forecast_cutoff": cutoff, "kind": "series", "population": "below", "resource": "all",
        "threshold": threshold, "horizon_days": days, "n": n, "events": events, "brier": rate * (1 - rate) / 2,
        "base_rate_brier": rate * (1 - rate), "point_brier": 0.3, "skill": 0.5, "recall": None, "precision": None,
        "date_error_days": None, **other,
    }  # fmt: skip


def rows(*found: dict) -> pl.DataFrame:
    return OUTLOOK_OVER_TIME.conform(pl.DataFrame(list(found), infer_schema_length=None))


def test_thresholds_are_added_up_at_the_longest_horizon_that_is_over() -> None:
    found = earlier_statements(
        rows(
            judged(OCTOBER, 80.0, 100, 40, days=61, recall=0.5),
            judged(OCTOBER, 90.0, 50, 10, days=61, recall=0.3, brier=0.4),
            judged(OCTOBER, 90.0, 50, 5, days=30, recall=1.0),
            judged(NOVEMBER, 90.0, 20, 0, recall=None, skill=None),
        )
    )
    assert found.select("forecast_cutoff", "horizon_days", "n", "events", "foreseen").rows() == [
        (NOVEMBER, 30, 20, 0, 0),
        (OCTOBER, 61, 150, 50, 20 + 3),
    ]
    none, skill = found["skill"]
    assert none is None, "nothing happened: any rate would have been as good"
    # Brier scores weighted by statements: (.12 * 100 + .4 * 50) / (.24 * 100 + .16 * 50)
    assert skill == pytest.approx(1 - (12 + 20) / (24 + 8))


def test_before_any_month_can_be_judged_there_is_no_row() -> None:
    assert earlier_statements(rows(judged(NOVEMBER, 90.0, 1, 1)).clear()).is_empty()


def test_a_month_beside_repeating_the_last_week(published_fleet: Path) -> None:
    found = record(Published(published_fleet).month("2025-12"))
    assert (found.published["mae"], found.naive["mae"], found.published["series"]) == (0.5, 2.0, 10)
    assert found.since.select("lead_month", "mae", "forecasts").rows() == [(1, 0.5, 2), (2, 1.0, 1)]
    assert found.by_threshold["threshold"].to_list() == [70.0, 80.0, 90.0, 95.0]
    assert set(found.bins["kind"]) == {"series"}
    assert set(found.bins["population"]) == {"below"}
    assert found.statements is not None
