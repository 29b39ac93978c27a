"""What a part's series show of how high their levels climb: the outlook's evidence, gathered where the rows are.

Belongs here: from the champions' blocks of a part to rows of signals, one a series and window. Does not belong here: what
signals mean (`outlook/signals.py`), and what is learnt from them (`decisions.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from turbo_forecast.fleet.blocks import Block, Numbers, WindowDays
from turbo_forecast.fleet.rows import Stored
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.models.protocol import Values
from turbo_forecast.outlook.rows import BEFORE
from turbo_forecast.outlook.signals import GRID, Signals, observed_peaks, signals
from turbo_forecast.windows import BACKTEST, FORECAST, Windows, day_number

SIGNALS = "signals"
"""The kind of piece that holds them, a row for each series and window."""
REACHED = tuple(f"reached_{day}" for day in GRID.tolist())
"""Columns: the highest level that was observed up to each day of the grid."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of one series' block until its part is whole: the champion's forecast, and the highest of anybody's.

    windows: whose days these are, oldest first. forecast, highest: (d,) percent.
    """

    series: int
    windows: tuple[int, ...]
    forecast: Stored
    highest: Stored

    @classmethod
    def of(cls, block: Block, champion: int) -> "Seen":
        """Of the rows of all entrants, the champion among them."""
        return cls(block.series, block.windows, block.of(champion).yhat[0], block.yhat.max(axis=0))


class SignalRows:
    """Makes the rows of a part, a window at a time over all its series: three hundred times fewer calls than one by one."""

    def __init__(self, store: SeriesStore, windows: Windows, days: WindowDays) -> None:
        self._store, self._days = store, days
        self._first = day_number(windows.history_start)
        self._known = day_number(windows.cutoff) - self._first + 1
        ends = {**{fold.number: fold.train_end for fold in windows.folds}, BACKTEST: windows.train_end}
        self._origins = {
            number: day_number(end) - self._first + 1 for number, end in {**ends, FORECAST: windows.cutoff}.items()
        }

    def table(self, seen: Sequence[Seen]) -> pa.Table:
        """One row for each window of each series, the windows one after the other."""
        observed = self._observed([each.series for each in seen])
        parts = [self._of_window(number, seen, observed) for number in self._origins]
        whole = pl.concat([part for part in parts if part is not None] or [empty()])
        return whole.sort("series", "window", maintain_order=True).to_arrow()

    def _observed(self, series: Sequence[int]) -> Values:
        """(n, t) percent, every day of the history; NaN where nothing was observed."""
        observed = np.full((len(series), self._known), np.nan)
        for row, index in enumerate(series):
            one = self._store[index]
            inside = (one.days >= self._first) & (one.days < self._first + self._known)
            observed[row, one.days[inside] - self._first] = one.y[inside]
        return observed

    def _of_window(self, number: int, seen: Sequence[Seen], observed: Values) -> pl.DataFrame | None:
        """The rows of one window; None where no series has it."""
        rows = np.array([row for row, each in enumerate(seen) if number in each.windows], np.int64)
        if not rows.size:
            return None
        own = [self._own(seen[row], number) for row in rows]
        forecast, highest = (np.stack([pair[place] for pair in own]).astype(np.float64) for place in (0, 1))
        origin = self._origins[number]
        history = observed[rows, :origin]
        found = signals(history, forecast, highest)
        after = observed[rows, origin : origin + forecast.shape[1]] if number != FORECAST else history[:, :0]
        return _frame(np.array([seen[row].series for row in rows]), number, found, history, after)

    def _own(self, each: Seen, number: int) -> tuple[Stored, Stored]:
        """The series' values on the days of one of its windows."""
        days = self._days.stretches(each.windows).window == number
        return each.forecast[days], each.highest[days]


def _frame(series: Numbers, number: int, found: Signals, history: Values, after: Values) -> pl.DataFrame:
    """Rows of signals with what happened after them. after: (n, h) observed percent; (n, 0) where nobody knows yet."""
    reached = observed_peaks(history, after) if after.shape[1] else np.full((series.size, GRID.size), np.nan)
    before = np.full((series.size, len(BEFORE)), np.nan)
    near = history[:, -len(BEFORE) :]
    before[:, before.shape[1] - near.shape[1] :] = near
    columns = {
        **dict(zip(REACHED, reached.T, strict=True)),
        **dict(zip(BEFORE, before.T, strict=True)),
    }
    numbers = {
        "series": pl.Series(series, dtype=pl.Int32),
        "window": pl.repeat(number, series.size, dtype=pl.Int8, eager=True),
    }
    return pl.DataFrame({**numbers, **columns}).fill_nan(None).hstack(found.to_frame())


def empty() -> pl.DataFrame:
    """No rows, with the columns of some."""
    nothing = np.zeros((0, 1))
    return _frame(np.zeros(0, np.int64), FORECAST, signals(nothing, nothing, nothing), nothing, nothing[:, :0])
