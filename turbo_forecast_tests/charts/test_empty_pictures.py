"""Charts of series of which nothing is left to be drawn but where its windows end."""

from datetime import date

import polars as pl
import pytest

from turbo_forecast.charts.picture import SeriesPicture
from turbo_forecast.charts.series import specification

CUTOFF = date(2025, 12, 31)


def picture(title: str, days: list[date]) -> SeriesPicture:
    """A series that was observed on these days, and has no forecast."""
    history = pl.DataFrame({"ds": days, "y": [50.0] * len(days)}, schema={"ds": pl.Date, "y": pl.Float64})
    names = {"ds": pl.Date, "phase": pl.String, "y": pl.Float64}
    rows = pl.DataFrame(schema=names | dict.fromkeys(("yhat", "yhat_lower", "yhat_upper"), pl.Float32))
    return SeriesPicture(title, CUTOFF, history, rows)


@pytest.mark.parametrize("days", [[], [CUTOFF]], ids=["never observed", "observed once"])
def test_every_layer_draws_a_dataset_that_is_there(days: list[date]) -> None:
    found = specification([picture("cpu", days), picture("disk", [])])
    named = [layer["data"]["name"] for view in found["vconcat"] for layer in view["layer"]]
    assert {"windows0", "windows1"} <= set(named) <= set(found["datasets"])
