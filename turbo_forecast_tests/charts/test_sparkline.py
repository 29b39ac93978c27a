"""Small lines: points worked out by hand, and arrays of any shape."""

import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turbo_forecast.answers.outlook import OutlookQuestion, outlook_answer
from turbo_forecast.answers.sparklines import weekly_levels
from turbo_forecast.charts.sparkline import HEIGHT, WIDTH, lines_of, sparkline, sparklines
from turbo_forecast.storage.published.reading import Published

NAN = float("nan")
PERCENT = st.one_of(st.floats(0, 100, allow_subnormal=False), st.just(NAN))


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_values_are_spread_over_the_width_and_100_percent_is_at_the_top() -> None:
    line = sparkline(array(0, 50, 100), array(100, 0), array(90, 0), array(100, 10), 80.0)
    assert line.history == ("0,30 30,15 60,0",)
    assert line.forecast == "90,0 120,30"
    assert line.band == "90,0 120,27 120,30 90,3"
    assert (line.threshold, line.now) == (6.0, 60.0)


def test_gaps_part_the_line_and_a_single_week_is_still_seen() -> None:
    line = sparkline(array(10, NAN, 20, 30, NAN), array(), array(), array())
    assert line.history == ("0,27 0,27", "60,24 90,21")
    assert (line.forecast, line.band, line.threshold) == ("", "", None)


def test_without_a_forecast_there_is_neither_line_nor_band() -> None:
    nothing = array(NAN, NAN)
    line = sparkline(array(10, 20), nothing, nothing, nothing, 90)
    assert (line.forecast, line.band) == ("", "")
    assert "polygon" not in line.svg()
    assert sparkline(array(), array(), array(), array()).svg().count("<poly") == 0


def test_many_rows_are_what_each_is_alone() -> None:
    random = np.random.default_rng(7)
    history, ahead = random.uniform(0, 100, (40, 26)), random.uniform(5, 95, (40, 27))
    history[random.uniform(size=history.shape) < 0.2] = NAN
    thresholds = np.where(random.uniform(size=40) < 0.5, NAN, 90.0)
    whole = sparklines(history, ahead, ahead - 5, ahead + 5, thresholds)
    for place, line in enumerate(whole):
        bound = None if np.isnan(thresholds[place]) else 90.0
        row = (each[place] for each in (history, ahead, ahead - 5, ahead + 5))
        assert line == sparkline(*row, bound)


@given(st.lists(PERCENT, max_size=8), st.lists(PERCENT, max_size=8))
def test_every_point_lies_in_the_view_box_and_the_picture_is_well_formed(past: list[float], ahead: list[float]) -> None:
    future = array(*ahead)
    line = sparkline(array(*past), future, future - 3, future + 3, 50.0)
    for points in (*line.history, line.forecast, line.band):
        pairs = [tuple(map(float, pair.split(","))) for pair in points.split()]
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in pairs)
    ElementTree.fromstring(line.svg("x"))


def test_a_label_is_escaped_and_a_picture_without_one_is_hidden_from_screen_readers() -> None:
    line = sparkline(array(1, 2), array(3), array(2), array(4))
    told = ElementTree.fromstring(line.svg("<b>\"web\" & 'co'"))
    assert (told.get("role"), told.get("aria-label")) == ("img", "<b>\"web\" & 'co'")
    assert ElementTree.fromstring(line.svg()).get("aria-hidden") == "true"


def test_a_page_of_rows_is_drawn_of_the_published_months(published_fleet: Path) -> None:
    published = Published(published_fleet)
    month = published.month()
    rows = outlook_answer(month, OutlookQuestion())
    lines = lines_of(weekly_levels(published, month, rows))
    assert len(lines) == len(rows)
    place = rows.select((rows["host_id"] == "web-1") & (rows["resource"] == "cpu")).to_series().arg_true()[0]
    first = lines[place].forecast.split()[0].split(",")[1]
    assert float(first) == pytest.approx(30 * (1 - 0.814), abs=0.05)


def test_fifty_rows_are_drawn_at_once() -> None:
    ahead = np.random.default_rng(1).uniform(5, 95, (50, 26))
    sparklines(ahead, ahead, ahead, ahead, ahead[:, 0])
    started = time.process_time()
    for _ in range(5):
        sparklines(ahead, ahead, ahead, ahead, ahead[:, 0])
    assert (time.process_time() - started) / 5 < 0.05
