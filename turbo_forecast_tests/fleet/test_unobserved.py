"""Series with weekdays or months that were never observed, through a whole run: forecast, interval, recorded reason."""

import numpy as np
import polars as pl
import pytest

from turbo_forecast import forecast_fleet
from turbo_forecast_tests.conftest import CUTOFF, series_rows


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


@pytest.mark.sweep(keep=1)
@pytest.mark.parametrize("folds", [0, 3])
def test_days_like_none_observed_are_forecast_at_the_level_with_an_interval_that_says_nothing_is_known(
    fleet: pl.DataFrame, folds: int
) -> None:
    result = forecast_fleet(fleet, CUTOFF, folds=folds, workers=2, log=lambda line: None)
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
    assert "stan" not in set(result.model_runs["solver"])
    assert set(result.outcomes["outcome"]) == {"forecast"}
    named = result.outcomes.select("resource", "unobserved_weekdays", "unobserved_months").unique().sort("resource")
    assert named.rows() == [
        ("cpu", "Saturday, Sunday", None),
        ("disk", None, None),
        ("memory", None, "January, February, March, April, May, June"),
    ]


def test_a_stretch_of_the_year_that_is_no_whole_month_is_named_and_loses_its_interval() -> None:
    place = pl.col("ds").dt.strftime("%m-%d")
    keep = {
        "memory": ~place.is_between(pl.lit("02-10"), pl.lit("03-20")),
        "disk": place.is_between(pl.lit("01-15"), pl.lit("11-30")),
    }
    rows = pl.concat([level("host", resource, 30, i).filter(kept) for i, (resource, kept) in enumerate(keep.items())])
    result = forecast_fleet(
        rows, CUTOFF, folds=0, workers=1, entrants=["prophet", "recent_level"], log=lambda line: None
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
