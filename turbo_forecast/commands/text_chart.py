"""A chart of text characters: what was observed and what is forecast, in Braille dots, for a terminal.

Belongs here: dots, axis, colours of one series. Does not belong here: charts as pictures (`charts/`).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.text import Text

from turbo_forecast.number_words import plain

ACROSS, DOWN = 2, 4
"""Dots of a Braille letter."""
_BRAILLE = 0x2800
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_LABEL = len("92.5 % ")
_SPARKS = "▁▂▃▄▅▆▇█"
FORECAST_STYLE, THRESHOLD_STYLE = "blue", "red"
Dots = NDArray[np.bool_]
Means = NDArray[np.float64]


def text_chart(
    history: pl.DataFrame, forecast: pl.DataFrame, cutoff: date, threshold: float | None, width: int, height: int
) -> list[Text]:
    """Lines of a chart from 0 to 100 percent, with a line for its days.

    history: `ds, y`; forecast: `ds, yhat`, after the cutoff. width: letters of the whole; height: lines of the drawing, at least two.
    """
    columns = max(width - _LABEL, 10)
    first, last = _span(history, forecast, cutoff)
    dots = columns * ACROSS
    past, ahead = (_means(frame, name, first, last, dots) for frame, name in ((history, "y"), (forecast, "yhat")))
    drawn, forecast_drawn = (_dots(means, height) for means in (past, ahead))
    lines = [
        _line(
            row,
            _letters(drawn[row * DOWN : (row + 1) * DOWN]),
            _letters(forecast_drawn[row * DOWN : (row + 1) * DOWN]),
            threshold,
            height,
        )
        for row in range(height)
    ]
    return [*lines, Text(f"{'':{_LABEL}}{_days(first, last, cutoff, columns)}")]


def spark(values: Sequence[float | None]) -> str:
    """Percent as a line of blocks, a letter each; a space where there is none."""
    places = [None if v is None or np.isnan(v) else min(int(v / 100 * len(_SPARKS)), len(_SPARKS) - 1) for v in values]
    return "".join(" " if place is None else _SPARKS[max(place, 0)] for place in places)


def _span(history: pl.DataFrame, forecast: pl.DataFrame, cutoff: date) -> tuple[date, date]:
    days = pl.concat([history["ds"], forecast["ds"], pl.Series("ds", [cutoff], dtype=pl.Date)])
    first, last = days.min(), days.max()
    return first, last  # type: ignore[return-value]


def _means(frame: pl.DataFrame, name: str, first: date, last: date, dots: int) -> Means:
    """(dots,) the mean of each column's days, NaN where there are none."""
    known = frame.filter(pl.col(name).is_not_null())
    place = (known["ds"] - first).dt.total_days().to_numpy() * dots // ((last - first).days + 1)
    counts = np.bincount(place, minlength=dots)
    sums = np.bincount(place, weights=known[name].cast(pl.Float64).to_numpy(), minlength=dots)
    means: Means = np.divide(sums, counts, out=np.full(dots, np.nan), where=counts > 0)
    return means


def _dots(means: Means, height: int) -> Dots:
    """(height * 4, dots) where the line is: from one column's level to the next one's, so that a jump is seen."""
    rows = height * DOWN
    levels = np.round((1 - np.clip(means, 0, 100) / 100) * (rows - 1))
    found = np.zeros((rows, means.size), np.bool_)
    for column in np.flatnonzero(~np.isnan(levels)):
        here = int(levels[column])
        before = levels[column - 1] if column and not np.isnan(levels[column - 1]) else here
        low, high = sorted((here, int(before)))
        found[low + (low < here) : high + (here == high), column] = True
        found[here, column] = True
    return found


def _letters(dots: Dots) -> NDArray[np.int64]:
    """(columns,) the Braille letter of each two columns of four rows of dots, without its offset."""
    cells = dots.reshape(DOWN, -1, ACROSS)
    letters: NDArray[np.int64] = (cells * _BITS[:, None, :]).sum(axis=(0, 2))
    return letters


def _line(row: int, past: NDArray[np.int64], ahead: NDArray[np.int64], threshold: float | None, height: int) -> Text:
    """A row with its label; the threshold's row is drawn through where nothing else is."""
    top, bottom = 100 * (height - row) / height, 100 * (height - row - 1) / height
    is_threshold = threshold is not None and (bottom < threshold <= top)
    label = f"{plain(threshold, 1)} %" if is_threshold else "100 %" if row == 0 else "0 %" if row == height - 1 else ""
    line = Text(f"{label:>{_LABEL - 1}} ", style=THRESHOLD_STYLE if is_threshold else "")
    for one, other in zip(past.tolist(), ahead.tolist(), strict=True):
        if one or other:
            line.append(chr(_BRAILLE + (one | other)), style=FORECAST_STYLE if other else "")
        else:
            line.append("┄" if is_threshold else " ", style=THRESHOLD_STYLE if is_threshold else "")
    return line


def _days(first: date, last: date, cutoff: date, columns: int) -> str:
    """The first day, the cutoff where it lies, the last day."""
    at = (cutoff - first).days * columns // ((last - first).days + 1)
    line = [" "] * columns

    def write(text: str, start: int) -> None:
        if len(text) > columns:
            return
        place = max(0, min(start, columns - len(text)))
        if all(letter == " " for letter in line[max(place - 1, 0) : place + len(text) + 1]):
            line[place : place + len(text)] = text

    write(f"cutoff {cutoff} ↑", at - len(f"cutoff {cutoff} "))
    write(str(last), columns)
    write(str(first), 0)
    return "".join(line).rstrip()


def weeks_of(frame: pl.DataFrame, name: str, last: date, weeks: int) -> list[float | None]:
    """Means of so many stretches of seven days that end with `last`, the earliest first; None where there is nothing."""
    first = last - timedelta(days=7 * weeks - 1)
    inside = frame.filter(pl.col("ds").is_between(first, last), pl.col(name).is_not_null())
    means = inside.group_by(((pl.col("ds") - first).dt.total_days() // 7).alias("week")).agg(pl.col(name).mean())
    found: dict[int, float] = dict(means.iter_rows())
    return [found.get(week) for week in range(weeks)]
