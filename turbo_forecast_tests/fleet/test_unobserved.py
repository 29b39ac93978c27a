"""Series with weekdays or months that were never observed, through a whole run: forecast, interval, recorded reason."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast.tournament.calibration import unknown_where_unobserved
from turbo_forecast_tests.conftest import CUTOFF, HISTORY_START, series_rows


def level(host: str, resource: str, mean: float, seed: int) -> pl.DataFrame:
    return series_rows(host, mean + np.random.default_rng(seed).normal(0, 1.5, 1096), resource=resource)


@pytest.fixture(scope="module")
def fleet() -> pl.DataFrame:
    """Six hosts at 15 + 5 i percent: cpu on working days, memory from July on, disk every day."""
    day = pl.col("ds")
    rows = [
        level(f"host-{i}", resource, 15 + 5 * i, 10 * i + j).filter(keep)
        for i in range(6)
        for j, (resource, keep) in enumerate(
            {"cpu": day.dt.weekday() < 6, "memory": day.dt.month() > 6, "disk": pl.lit(True)}.items()
        )
    ]
    return pl.concat(rows)


@pytest.mark.parametrize("folds", [0, 3])
def test_days_like_none_observed_are_forecast_at_the_level_with_an_interval_that_says_nothing_is_known(
    fleet: pl.DataFrame, folds: int
) -> None:
    result = forecast_fleet(fleet, CUTOFF, folds=folds, workers=2, say=lambda line: None)
    observed = fleet.group_by("host_id", "resource").agg(low=pl.col("y").min(), high=pl.col("y").max())
    rows = result.published.join(observed, on=["host_id", "resource"])
    assert rows.filter(~pl.col("yhat").is_between(pl.col("low") - 10, pl.col("high") + 10)).is_empty()
    weekend, spring = pl.col("ds").dt.weekday() > 5, pl.col("ds").dt.month() < 7
    unknown = ((pl.col("resource") == "cpu") & weekend) | ((pl.col("resource") == "memory") & spring)
    widths = rows.select(unknown=unknown, width=pl.col("yhat_upper") - pl.col("yhat_lower"))
    assert widths.filter("unknown")["width"].unique().to_list() == [100.0]
    assert widths.filter(~pl.col("unknown"))["width"].max() < 30
    reasons = dict(result.outcomes.select("resource", "reason").unique().iter_rows())
    assert reasons == {
        "cpu": "never observed on Saturday, Sunday",
        "memory": "never observed in January, February, March, April, May, June",
        "disk": None,
    }
    assert not result.outcomes["solver"].str.contains("stan").any()
    assert set(result.outcomes["outcome"]) == {"forecast"}
    named = result.outcomes.select("resource", "unobserved_weekdays", "unobserved_months").unique().sort("resource")
    assert named.rows() == [
        ("cpu", "Saturday, Sunday", None),
        ("disk", None, None),
        ("memory", None, "January, February, March, April, May, June"),
    ]


def test_only_the_named_weekdays_and_months_of_a_series_lose_their_interval() -> None:
    start = HISTORY_START
    rows = pl.concat([series_rows(host, np.full(31, 50.0), start=start) for host in ("a", "b", "c", "d")])
    rows = rows.with_columns(yhat_lower=pl.lit(40.0), yhat_upper=pl.lit(60.0))
    outcomes = pl.DataFrame(
        {
            "host_id": ["a", "b", "c", "d"],
            "resource": "cpu",
            "unobserved_weekdays": ["Sunday", None, None, None],
            "unobserved_months": [None, "January, May", "May", None],
            "unobserved_stretches": [None, None, "07-10 to 08-20", "03-01 to 04-05, 12-20 to 01-06"],
        }
    )
    found = unknown_where_unobserved(rows, outcomes)
    assert found.drop("yhat_lower", "yhat_upper").equals(rows.drop("yhat_lower", "yhat_upper"))
    wide = found.filter((pl.col("yhat_lower") == 0) & (pl.col("yhat_upper") == 100))
    sundays = [day for day in rows.filter(pl.col("host_id") == "a")["ds"] if day.isoweekday() == 7]
    assert wide.filter(pl.col("host_id") == "a")["ds"].to_list() == sundays
    assert wide.filter(pl.col("host_id") == "b").height == 31
    assert wide.filter(pl.col("host_id") == "c").is_empty()
    assert wide.filter(pl.col("host_id") == "d")["ds"].to_list() == [date(2023, 1, day) for day in range(1, 7)]


def test_a_stretch_of_the_year_that_is_no_whole_month_is_named_and_loses_its_interval() -> None:
    place = pl.col("ds").dt.strftime("%m-%d")
    keep = {
        "memory": ~place.is_between(pl.lit("02-10"), pl.lit("03-20")),
        "disk": place.is_between(pl.lit("01-15"), pl.lit("11-30")),
    }
    rows = pl.concat([level("host", resource, 30, i).filter(kept) for i, (resource, kept) in enumerate(keep.items())])
    result = forecast_fleet(
        rows, CUTOFF, folds=0, workers=1, entrants=["prophet", "recent_level"], say=lambda line: None
    )
    named = result.outcomes.select("resource", "reason", "unobserved_months", "unobserved_stretches").sort("resource")
    assert named.rows() == [
        ("disk", "never observed in December and from 01-01 to 01-14", "December", "01-01 to 01-14"),
        ("memory", "never observed from 02-10 to 03-20", None, "02-10 to 03-20"),
    ]
    unknown = ~pl.when(pl.col("resource") == "disk").then(keep["disk"]).otherwise(keep["memory"])
    widths = result.published.select("yhat", unknown=unknown, width=pl.col("yhat_upper") - pl.col("yhat_lower"))
    assert widths.filter("unknown")["width"].unique().to_list() == [100.0]
    assert widths.filter(~pl.col("unknown"))["width"].max() < 30
    assert widths["yhat"].is_between(20, 40).all()
