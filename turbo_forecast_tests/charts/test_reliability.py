"""Where the marks of the reliability plot lie."""

import polars as pl
import pytest

from turbo_forecast.charts.reliability import LARGEST, SIDE, SMALLEST, reliability_marks


def bins(*rows: tuple[float, float, int]) -> pl.DataFrame:
    schema = {"predicted": pl.Float64, "observed": pl.Float64, "n": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_marks_lie_where_what_was_said_meets_what_came_true() -> None:
    found = reliability_marks(bins((0.0, 1.0, 1), (0.25, 0.5, 4), (1.0, 0.0, 16)))
    assert [(mark.x, mark.y) for mark in found] == [(SIDE, SIDE), (SIDE / 4, SIDE / 2), (0.0, 0.0)], "the largest first"
    whole = LARGEST - SMALLEST
    grown = [mark.radius - SMALLEST for mark in found]
    assert grown == pytest.approx([whole, whole / 2, whole / 4], abs=0.06), "areas are as 16, 4 and 1"


def test_no_bin_is_no_mark() -> None:
    assert reliability_marks(bins()) == []
