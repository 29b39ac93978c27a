"""What the summary says of the outlook, from rows by hand."""

import polars as pl
import pytest

from turbo_forecast.storage.outlook_findings import NextFull, level_of


def found(*rows: tuple[str, float | None, str]) -> NextFull:
    return NextFull(
        pl.DataFrame(rows, schema={"host_id": pl.String, "level": pl.Float64, "state": pl.String}, orient="row")
    )


def test_who_is_ahead_keeps_the_order_of_urgency_and_puts_unknown_levels_last() -> None:
    month = found(
        *(("full", 99.0, "over"), ("silent", None, "expected"), ("near", 89.0, "expected")),
        *(("far", 60.0, "possible"), ("idle", 3.0, "unlikely"), ("mute", None, "possible")),
    )
    assert month.ahead["host_id"].to_list() == ["near", "far", "silent", "mute"]
    assert str(month) == "1 over already · 2 expected · 2 possible · 1 unlikely"


@pytest.mark.parametrize(
    ("percent", "shown"), [(89.96, "89.9 %"), (90.0, "90.0 %"), (90.04, "90.0 %"), (12.34, "12.3 %"), (None, "–")]
)
def test_a_level_below_the_threshold_is_never_shown_as_the_threshold(percent: float | None, shown: str) -> None:
    assert level_of(percent, 90.0) == shown
