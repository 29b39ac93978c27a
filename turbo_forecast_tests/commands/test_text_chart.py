"""Charts in letters: where the dots are, what the labels say, and that every line is as wide as the others."""

from datetime import date, timedelta

import polars as pl
import pytest
from rich.text import Text

from turbo_forecast.commands.text_chart import FORECAST_STYLE, THRESHOLD_STYLE, spark, text_chart, weeks_of

CUTOFF = date(2025, 12, 31)
EMPTY = 0x2800
LABEL = 7
"""Letters before the drawing."""


def days(values: list[float | None], name: str, first: date) -> pl.DataFrame:
    found = [first + timedelta(days=n) for n in range(len(values))]
    return pl.DataFrame({"ds": found, name: values}, schema={"ds": pl.Date, name: pl.Float64})


def history(*values: float | None) -> pl.DataFrame:
    """The last days up to the cutoff."""
    return days(list(values), "y", CUTOFF - timedelta(days=len(values) - 1))


def forecast(*values: float) -> pl.DataFrame:
    return days(list(values), "yhat", CUTOFF + timedelta(days=1))


def drawn(lines: list[Text]) -> list[tuple[int, int]]:
    """Row and column of each dot, from the top and the left, counted in dots."""
    found = []
    offsets = {0: (0, 0), 1: (1, 0), 2: (2, 0), 3: (0, 1), 4: (1, 1), 5: (2, 1), 6: (3, 0), 7: (3, 1)}
    for row, line in enumerate(lines[:-1]):
        begin = next((n for n, letter in enumerate(line.plain) if letter > chr(EMPTY)), 0)
        for column, letter in enumerate(line.plain):
            bits = ord(letter) - EMPTY
            if not 0 < bits < 256 or column < begin:
                continue
            found += [(4 * row + offsets[n][0], 2 * column + offsets[n][1]) for n in range(8) if bits >> n & 1]
    return sorted(found)


def test_a_level_stands_at_its_height() -> None:
    """Unicode's braille dots are numbered 1 to 8; the drawing has four rows of them in a line: 100 % is the highest, 0 % the lowest."""
    for level, row in ((100.0, 0), (0.0, 15), (100 - 100 * 5 / 15, 5)):
        dots = drawn(text_chart(history(*[level] * 40), forecast(), CUTOFF, None, 30, 4))
        assert {each[0] for each in dots} == {row}


def test_a_jump_is_drawn_through() -> None:
    dots = drawn(text_chart(history(*[0.0] * 20, *[100.0] * 20), forecast(), CUTOFF, None, 26, 4))
    assert {row for row, _ in dots} == set(range(16))


def test_days_without_a_value_leave_a_gap() -> None:
    whole = drawn(text_chart(history(*[50.0] * 40), forecast(), CUTOFF, None, 26, 4))
    broken = drawn(text_chart(history(*[50.0] * 10, *[None] * 20, *[50.0] * 10), forecast(), CUTOFF, None, 26, 4))
    assert len(broken) == len(whole) / 2
    assert set(broken) < set(whole)


def test_the_forecast_begins_after_the_history_in_a_colour_of_its_own() -> None:
    line = text_chart(history(*[100.0] * 40), forecast(*[100.0] * 40), CUTOFF, None, 47, 2)[0]
    styles = [str(span.style) for span in line.spans]
    assert styles
    assert set(styles) == {FORECAST_STYLE}
    first = min(span.start for span in line.spans)
    assert all(letter > chr(EMPTY) for letter in line.plain[first:])
    assert abs(first - (len(line.plain) + LABEL) / 2) <= 1, "half of the days are observed"


@pytest.mark.parametrize("threshold", [90.0, 92.5, 100.0, 8.125, 80 / 0.97, None])
def test_every_line_of_the_drawing_begins_at_the_same_place(threshold: float | None) -> None:
    """A threshold of a group whose capacity is not all usable has any number of digits."""
    lines = text_chart(history(*[50.0] * 40), forecast(*[60.0] * 40), CUTOFF, threshold, 50, 6)
    assert {len(line.plain) for line in lines[:-1]} == {50}
    assert all(line.plain[LABEL - 1] == " " for line in lines[:-1])


@pytest.mark.parametrize(("threshold", "label"), [(90.0, "90 %"), (92.5, "92.5 %"), (80 / 0.97, "82.5 %")])
def test_the_threshold_is_drawn_where_nothing_else_is_and_labelled(threshold: float, label: str) -> None:
    lines = text_chart(history(*[50.0] * 40), forecast(), CUTOFF, threshold, 50, 10)
    (row,) = (line for line in lines if "┄" in line.plain)
    assert row.plain.strip().startswith(label)
    assert str(row.style) == THRESHOLD_STYLE
    assert lines.index(row) == (0 if threshold > 90 else 1)


def test_the_last_line_has_the_first_day_the_cutoff_and_the_last_one() -> None:
    line = text_chart(history(*[50.0] * 400), forecast(*[50.0] * 180), CUTOFF, None, 100, 4)[-1].plain
    assert line.split() == [str(CUTOFF - timedelta(days=399)), "cutoff", str(CUTOFF), "↑", str(CUTOFF + timedelta(days=180))]  # fmt: skip
    assert len(line) == 100
    arrow = (line.index("↑") - LABEL) / (100 - LABEL)
    assert arrow == pytest.approx(400 / 580, abs=0.02)


def test_on_a_narrow_terminal_the_days_do_not_run_into_each_other() -> None:
    line = text_chart(history(*[50.0] * 40), forecast(*[50.0] * 40), CUTOFF, None, 1, 2)[-1].plain
    assert "cutoff" not in line or str(CUTOFF) in line
    assert len(line) <= 17


def test_one_observed_day_is_a_chart() -> None:
    assert len(drawn(text_chart(history(42.0), forecast(), CUTOFF, 90.0, 40, 2))) == 1


def test_a_spark_has_a_letter_for_each_value_from_the_lowest_to_the_highest_block() -> None:
    assert spark([0.0, 12.4, 12.5, 50.0, 99.9, 100.0, None, float("nan"), -3.0, 120.0]) == "▁▁▂▅██  ▁█"


def test_weeks_end_with_the_last_day_and_are_means_of_what_was_observed() -> None:
    values = history(*[10.0] * 7, *[None] * 7, *[20.0] * 6, 90.0)
    assert weeks_of(values, "y", CUTOFF, 4) == [None, 10.0, None, 30.0]
