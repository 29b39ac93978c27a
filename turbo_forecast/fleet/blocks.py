"""Rows of neighbouring series, as the maps after the first read them: a block of entrants and days for each series.

Belongs here: which days a block holds, and reading blocks out of pieces. Does not belong here: what is made of them.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.fleet.chunks import Span, finished_spans
from turbo_forecast.fleet.pieces import read_piece
from turbo_forecast.fleet.rows import Stored
from turbo_forecast.models.protocol import Days
from turbo_forecast.storage.arrow_arrays import numpy_array
from turbo_forecast.windows import BACKTEST, FORECAST, Windows

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stretches:
    """The d days of some windows one after the other, and the s calendar months (or parts of one) they consist of.

    days: (d,) day numbers. window: (d,) position of each day's window. starts, windows, months: (s,) place of each stretch's
    first day, its window, and its month of the window, from 1.
    """

    days: Days
    window: Numbers
    starts: Numbers
    windows: Numbers
    months: Numbers

    @property
    def window_starts(self) -> Numbers:
        """(w,) places of the stretches that begin a window."""
        return np.flatnonzero(np.diff(self.windows, prepend=self.windows[0] + 1))

    @property
    def sizes(self) -> Numbers:
        """(s,) days of each stretch."""
        return np.diff(self.starts, append=self.days.size)


class WindowDays:
    """The days of a run's windows, and how they lie in a block that holds some of the windows."""

    def __init__(self, windows: Windows) -> None:
        self._days = {
            **{fold.number: fold.days for fold in windows.folds},
            BACKTEST: windows.backtest_days,
            FORECAST: windows.forecast_days,
        }
        self.folds = tuple(fold.number for fold in windows.folds)
        self.stretches = cache(self._stretches)

    def _stretches(self, numbers: tuple[int, ...]) -> Stretches:
        """Of these windows, in this order."""
        months = [_months(self._days[number]) for number in numbers]
        days = np.concatenate([self._days[number] for number in numbers])
        window = np.repeat(np.array(numbers), [self._days[number].size for number in numbers])
        month = np.concatenate(months)
        starts = np.flatnonzero((np.diff(window, prepend=-99) != 0) | (np.diff(month, prepend=0) != 0))
        return Stretches(days, window, starts, window[starts], month[starts])


def _months(days: Days) -> Numbers:
    """(h,) the calendar month of a window that each of its days lies in, from 1."""
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    found: Numbers = months - months[0] + 1
    return found


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one series: m entrants (their places in the field, increasing), the days d of its windows (oldest first).

    yhat, lower, upper: (m, d) percent.
    """

    series: int
    models: Numbers
    windows: tuple[int, ...]
    yhat: Stored
    lower: Stored
    upper: Stored

    def with_rows(self, models: Numbers, yhat: Stored, lower: Stored, upper: Stored) -> "Block":
        """The block with rows of further entrants, (k,) places and (k, d) values."""
        pairs = ((self.yhat, yhat), (self.lower, lower), (self.upper, upper))
        places = np.concatenate([self.models, models])
        return Block(self.series, places, self.windows, *map(np.concatenate, pairs)).sorted()

    def sorted(self) -> "Block":
        """The block with its entrants in the order of the field."""
        order = np.argsort(self.models, kind="stable")
        return Block(
            *(self.series, self.models[order], self.windows), self.yhat[order], self.lower[order], self.upper[order]
        )

    def within(self, days: WindowDays, windows: tuple[int, ...]) -> "Block":
        """The rows of those of these windows that the block has."""
        own = np.isin(days.stretches(self.windows).window, windows)
        kept = tuple(number for number in self.windows if number in windows)
        return Block(self.series, self.models, kept, self.yhat[:, own], self.lower[:, own], self.upper[:, own])

    def entries(self, days: WindowDays) -> Iterator[tuple[int, int, int, Stored, Stored, Stored]]:
        """The block as entries of pieces' ROWS: series, model, window, and the values of its days."""
        window = days.stretches(self.windows).window
        for row, model in enumerate(self.models.tolist()):
            for number in self.windows:
                own = window == number
                yield self.series, model, number, self.yhat[row, own], self.lower[row, own], self.upper[row, own]

    def of(self, model: int) -> "Block":
        """The rows of one entrant alone."""
        own = self.models == model
        return Block(self.series, self.models[own], self.windows, self.yhat[own], self.lower[own], self.upper[own])


class Pieces:
    """The rows that a map has left in a folder, by series. Files are mapped into memory when their series are asked for."""

    def __init__(self, folder: Path, total: int, last: str) -> None:
        """total: series of the store; last: the kind of file that says a span is finished.

        Raises StorageError where finished spans have been removed.
        """
        self._folder = folder
        self.tiling = tiling(folder, total, last)

    def tables(self, kind: str, within: Span | None = None) -> Iterator[pa.Table]:
        """The tables of a kind, span by span; each series is in just one of them. within: of spans that meet this one."""
        for span, first in self.tiling:
            if within is None or (span.hi > within.lo and first < within.hi):
                table = read_piece(self._folder, span.stem, kind)
                series = numpy_array(table.column("series"))
                low, high = np.searchsorted(series, [first, span.hi if within is None else min(span.hi, within.hi)])
                if within is not None:
                    low = max(int(low), int(np.searchsorted(series, within.lo)))
                yield table.slice(low, max(0, int(high) - int(low)))

    def blocks(self, within: Span) -> Iterator[Block]:
        """The rows of the span's series, in order; none for a series without rows."""
        for table in self.tables("rows", within):
            yield from _blocks(table)


def tiling(folder: Path, total: int, last: str) -> list[tuple[Span, int]]:
    """Each finished span with the first series that is taken from it, so that every series is taken exactly once.

    Raises StorageError where finished spans have been removed.
    """
    tiles = read_tiling(folder)
    if tiles is not None:
        return tiles
    at, found = 0, []
    for span in sorted(finished_spans(folder, last), key=lambda span: (span.lo, -span.hi)):
        if span.lo > at:
            break
        if span.hi > at:
            found.append((span, at))
            at = span.hi
    if at != total:
        raise StorageError(
            f"{folder} has lost the results of series {at + 1} of {total}: something else has removed them; run the "
            "month again"
        )
    return found


TILING = "tiling.json"
"""In a folder of a worker elsewhere: the tiling that the run has found; only the pieces that a task reads are brought there."""


def write_tiling(folder: Path, tiles: Iterable[tuple[Span, int]]) -> None:
    """Write the tiling into a folder that holds only some of its pieces. Raises StorageError."""
    with writing(folder / TILING):
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f"{TILING}.{os.getpid()}.tmp"
        beside.write_text(json.dumps([(span.lo, span.hi, first) for span, first in tiles]), encoding="utf-8")
        beside.replace(folder / TILING)


def read_tiling(folder: Path) -> list[tuple[Span, int]] | None:
    """The tiling that `write_tiling` has left; None in a run's own folder. Raises StorageError where it cannot be read."""
    try:
        tiles = json.loads((folder / TILING).read_text(encoding="utf-8"))
        return [(Span(lo, hi), first) for lo, hi, first in tiles]
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(f"{folder / TILING} cannot be read: {error}") from None


def _blocks(table: pa.Table) -> Iterator[Block]:
    """The blocks of a table of pieces' ROWS."""
    for batch in table.to_batches():
        series, model, window = (numpy_array(batch.column(name)) for name in ("series", "model", "window"))
        lists = [batch.column(name) for name in ("yhat", "yhat_lower", "yhat_upper")]
        offsets = numpy_array(lists[0].offsets)
        values = [numpy_array(each.values) for each in lists]
        ends = [*(np.flatnonzero(np.diff(series)) + 1).tolist(), series.size] if series.size else []
        for first, end in pairwise([0, *ends]):
            models = model[first:end]
            count = int((models == models[0]).sum())
            shape = ((end - first) // count, -1)
            yield Block(
                int(series[first]),
                models[::count].astype(np.int64),
                tuple(window[first : first + count].tolist()),
                *(each[offsets[first] : offsets[end]].reshape(shape) for each in values),
            )


def merged(blocks: Iterable[Block], more: Iterable[Block]) -> Iterator[Block]:
    """The blocks with the rows that `more` has of the same series; both in order of series."""
    rest = iter(more)
    held = next(rest, None)
    for block in blocks:
        if held is not None and held.series == block.series:
            yield block.with_rows(held.models, held.yhat, held.lower, held.upper)
            held = next(rest, None)
        else:
            yield block
