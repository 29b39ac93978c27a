"""The datasets of a picture: each day once, gaps where the line breaks, labels that do not cover each other."""

from datetime import date
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.answers.earlier import earlier_answers
from turbo_forecast.answers.host import host_answer
from turbo_forecast.charts.picture import (
    LABEL_HEIGHT,
    changes_of,
    days_of,
    earlier_of,
    pictures,
    thresholds_of,
    windows_of,
)
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.charts.pictures import CUTOFF, picture
from turbo_forecast_tests.published_months import QUOTED, RACK

EMPTY = pl.DataFrame(schema={"ds": pl.Date, "y": pl.Float64})


def row(frame: pl.DataFrame, day: str) -> dict[str, float]:
    found = frame.filter(pl.col("d") == day).row(0, named=True)
    return {name: value for name, value in found.items() if value is not None and name != "d"}


def test_each_day_is_there_once_with_what_is_known_of_it() -> None:
    found = days_of(picture(), [])
    assert found["d"].is_unique().all()
    assert found["d"].is_sorted()
    assert len(found) == 365 + 31
    assert row(found, "2025-06-15") == {"y": 40.0}
    assert row(found, "2025-12-31") == {"y": 40.0, "b": 42.0, "l": 37.0, "u": 47.0}
    assert row(found, "2026-01-01") == {"f": 45.0, "l": 40.0, "u": 50.0}


def test_numbers_have_two_decimals() -> None:
    history = pl.DataFrame({"ds": [CUTOFF], "y": [33.333333]})
    assert row(days_of(picture(history=history), []), "2025-12-31")["y"] == 33.33


def test_the_line_breaks_in_long_silences_and_goes_through_short_ones() -> None:
    seen = [date(2025, 1, 1), date(2025, 1, 8), date(2025, 1, 17), date(2025, 1, 18)]
    history = pl.DataFrame({"ds": seen, "y": [1.0, 2.0, 3.0, 4.0]})
    found = days_of(picture(history=history), [])
    broken = found.filter(pl.col("g").is_not_null())
    assert broken.select("d", "y").rows() == [("2025-01-16", None)]


def test_a_day_between_two_silences_is_a_point_of_its_own() -> None:
    seen = [date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1), date(2025, 3, 2)]
    found = days_of(picture(history=pl.DataFrame({"ds": seen, "y": [1.0, 2.0, 3.0, 4.0]})), [])
    assert found.filter(pl.col("o").is_not_null()).select("d", "o").rows() == [("2025-01-01", 1.0), ("2025-02-01", 2.0)]


def test_a_silence_within_the_backtest_breaks_the_line_without_losing_the_day() -> None:
    seen = [date(2025, 11, 30), date(2025, 12, 20)]
    found = days_of(picture(history=pl.DataFrame({"ds": seen, "y": [1.0, 2.0]})), [])
    assert row(found, "2025-12-19") == {"g": 1.0, "b": 42.0, "l": 37.0, "u": 47.0}
    assert found["d"].is_unique().all()


@pytest.mark.parametrize("changed", [{"history": EMPTY}, {"rows": picture().rows.clear()}])
def test_what_is_not_there_is_left_out(changed: dict[str, pl.DataFrame]) -> None:
    found = days_of(picture(**changed), [])
    assert len(found) == 365 + 31 - (365 - 31 if "history" in changed else 31)
    nothing = days_of(picture(history=EMPTY, rows=picture().rows.clear()), [])
    assert nothing.is_empty()


def test_further_intervals_have_fields_of_their_own() -> None:
    wide = pl.DataFrame(
        {"ds": [date(2026, 1, 1)] * 2, "interval_width": [0.5, 0.95], "lower": [44.0, 35.0], "upper": [46.0, 55.0]}
    )
    drawn = picture(intervals=wide)
    assert drawn.further_widths == (0.5, 0.95)
    found = row(days_of(drawn, drawn.further_widths), "2026-01-01")
    assert found == {"f": 45.0, "l": 40.0, "u": 50.0, "l0": 44.0, "u0": 46.0, "l1": 35.0, "u1": 55.0}


def test_windows_are_marked_where_the_backtest_begins_and_at_the_cutoff() -> None:
    assert windows_of(picture()).rows() == [("2025-12-01", ""), ("2025-12-31", "cutoff 2025-12-31")]
    assert windows_of(picture(rows=picture().rows.clear())).rows() == [("2025-12-31", "cutoff 2025-12-31")]


def test_labels_of_near_thresholds_stand_below_each_other() -> None:
    found = thresholds_of(picture(thresholds=[70.0, 95.0, 90.0, 94.0, 90.0]))
    assert found["t"].to_list() == [95.0, 94.0, 90.0, 70.0]
    at = found["at"].to_list()
    assert at == [95.0, 87.0, 79.0, 70.0]
    assert all(high - low >= LABEL_HEIGHT for high, low in pairwise(at))


def test_a_groups_thresholds_are_drawn_where_they_lie_in_all_its_capacity() -> None:
    found = thresholds_of(picture(thresholds=[80.0, 90.0], usable=0.5))
    assert found.select("t", "label").rows() == [(45.0, "90 % of usable"), (40.0, "80 % of usable")]
    assert thresholds_of(picture(usable=0.0)).is_empty()


def test_planned_changes_are_labelled_below_each_other_and_long_words_are_cut() -> None:
    plans = pl.DataFrame({"from_ds": [date(2026, 2, 1), date(2026, 1, 10)], "text": ["x" * 100, "line\nbreak"]})
    found = changes_of(picture(changes=plans))
    assert found.select("d", "label").rows()[0] == ("2026-01-10", "line\\nbreak")
    assert found["label"][1] == "x" * 59 + "…"
    assert found["at"].to_list() == [96.0, 88.0]


def test_a_published_host_becomes_a_picture_of_each_resource(published_fleet: Path) -> None:
    published = Published(published_fleet)
    month = published.month()
    answer = host_answer(published, month, "web-1")
    earlier = earlier_answers(published, month, "web-1", "series", ["cpu", "memory"])
    drawn = pictures(answer, {name: each.lines for name, each in earlier.items()}, since=date(2025, 7, 1))
    assert [each.title for each in drawn] == ["cpu", "memory"]
    cpu = drawn[0]
    assert cpu.history["ds"].min() == date(2025, 7, 1)
    assert cpu.thresholds == [70.0, 80.0, 90.0, 95.0]
    assert cpu.further_widths == (0.5, 0.95)
    assert earlier_of(cpu)["c"].unique().sort().to_list() == ["2025-10-31", "2025-11-30"]
    assert changes_of(cpu).is_empty()  # of a scenario, and not in force
    assert pictures(host_answer(published, month, "retired"))[0].rows.is_empty()
    assert pictures(host_answer(published, month, RACK))[0].history["y"][-1] == pytest.approx(85.75)
    assert len(pictures(host_answer(published, month, QUOTED))) == 1
