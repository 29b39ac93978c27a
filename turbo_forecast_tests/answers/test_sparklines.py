"""Weekly levels of a page's series: each mean counted here, whether all series are held in memory or not."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from turbo_forecast.answers import sparklines
from turbo_forecast.answers.outlook import OutlookQuestion, outlook_answer
from turbo_forecast.answers.sparklines import WeeklyLevels, cache_all, weekly_levels
from turbo_forecast.schemas import FORECAST_PARQUET
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.published_months import RACK, publish_fleet

CUTOFF = date(2025, 12, 31)


@pytest.fixture(params=[False, True], ids=["read", "held"])
def held(request: pytest.FixtureRequest, published_fleet: Path) -> Iterator[bool]:
    sparklines._cache.clear()
    published = Published(published_fleet)
    if request.param:
        for key in ("2025-11", "2025-12"):
            cache_all(published, published.month(key))
    yield request.param
    sparklines._cache.clear()


def rows_of(*names: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(names, schema=["kind", "host_id", "resource"], orient="row").with_columns(threshold=90.0)


def levels_of(data: Path, *names: tuple[str, str, str], key: str = "2025-12") -> WeeklyLevels:
    published = Published(data)
    return weekly_levels(published, published.month(key), rows_of(*names))


def test_weeks_are_counted_from_the_cutoff_and_the_last_has_the_days_that_are_left(
    published_fleet: Path, held: bool
) -> None:
    """cpu of web-1 is 80 on the cutoff and grows 0.1 a day; its forecast is one point above."""
    levels = levels_of(published_fleet, ("series", "web-1", "cpu"))
    assert levels.history.shape == (1, 26)
    assert levels.history[0].tolist() == pytest.approx([80 - 0.3 - 0.7 * n for n in reversed(range(26))], abs=1e-4)
    assert levels.forecast.shape == levels.lower.shape == levels.upper.shape == (1, 26)  # 181 days
    assert levels.forecast[0, :3].tolist() == pytest.approx([81.4, 82.1, 82.8], abs=1e-4)
    assert levels.forecast[0, -1] == pytest.approx(81 + 0.1 * np.mean(range(176, 182)), abs=1e-4)
    assert (levels.upper - levels.forecast)[0, 0] == pytest.approx(4.0, abs=1e-4)
    assert levels.thresholds.tolist() == [90.0]


def test_rows_keep_their_order_and_may_come_twice(published_fleet: Path, held: bool) -> None:
    names = [
        ("series", "web-1", "memory"),
        ("group", RACK, "cpu"),
        ("series", "web-1", "cpu"),
        ("series", "web-1", "memory"),
    ]
    levels = levels_of(published_fleet, *names)
    assert levels.history[:, -1].tolist() == pytest.approx([49.94, 85.45, 79.7, 49.94], abs=1e-4)


def test_who_is_silent_retired_or_unknown_has_gaps_and_no_forecast(published_fleet: Path, held: bool) -> None:
    names = [
        ("series", "dark", "cpu"),
        ("series", "retired", "cpu"),
        ("series", "nobody", "cpu"),
        ("group", "none", "cpu"),
    ]
    levels = levels_of(published_fleet, *names)
    assert np.isnan(levels.history[0]).tolist() == [n in _silent_weeks() for n in range(26)]
    assert np.isnan(levels.forecast[1:]).all()
    assert np.isnan(levels.history[2:]).all()


def _silent_weeks() -> set[int]:
    """Weeks without one observed day: 20 days before the end of October, November and December nothing was observed."""
    ends = [date(2025, 10, 31), date(2025, 11, 30), CUTOFF]
    silent = {end - timedelta(days=n) for end in ends for n in range(20)}
    weeks = {n: {CUTOFF - timedelta(days=7 * (25 - n) + d) for d in range(7)} for n in range(26)}
    return {n for n, days in weeks.items() if days <= silent}


def test_another_month_has_its_own_weeks(published_fleet: Path, held: bool) -> None:
    levels = levels_of(published_fleet, ("series", "web-1", "cpu"), key="2025-11")
    assert levels.history[0, -1] == pytest.approx(80 - 3.1 - 0.3, abs=1e-4)


def test_a_page_of_the_outlook_has_what_the_master_file_says(published_fleet: Path, held: bool) -> None:
    published = Published(published_fleet)
    month = published.month()
    rows = outlook_answer(month, OutlookQuestion())
    levels = weekly_levels(published, month, rows)
    first = month.read(FORECAST_PARQUET).filter(
        pl.col("phase") == "forecast", pl.col("ds") <= CUTOFF + timedelta(days=7)
    )
    means = first.group_by("host_id", "resource").agg(pl.col("yhat").mean()).collect()
    both = rows.with_row_index("place").join(means, on=["host_id", "resource"])
    assert len(both) >= 8
    assert levels.forecast[both["place"].to_numpy(), 0].tolist() == pytest.approx(both["yhat"].to_list(), abs=1e-3)


def test_no_rows_have_no_levels(published_fleet: Path, held: bool) -> None:
    published = Published(published_fleet)
    levels = weekly_levels(published, published.month(), rows_of(("series", "web-1", "cpu")).clear())
    assert (levels.history.shape, levels.forecast.shape) == ((0, 26), (0, 26))


def test_a_version_that_is_published_anew_is_read_anew(tmp_path: Path) -> None:
    published = publish_fleet(tmp_path, ["2025-12"])
    cache_all(published, published.month())
    assert len([key for key in sparklines._cache if key[0].folder == published.month().folder]) == 1
    publish_fleet(tmp_path, ["2025-12"])
    month = published.month()
    assert all(key[0] != month for key in sparklines._cache)
    for _ in range(sparklines.CACHED_VERSIONS + 2):
        publish_fleet(tmp_path, ["2025-12"])
        cache_all(published, published.month())
    assert len(sparklines._cache) == sparklines.CACHED_VERSIONS
    sparklines._cache.clear()
