"""The outlook's signals of a part's series, gathered where their rows are: how high their levels climb.

Belongs here: from the champions' blocks of a part to rows of signals, one a series and window. Does not belong here: what
signals mean (`outlook/signals.py`), and the model that is fitted on them (`outlook_learning.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from turbo_forecast.fleet.blocks import Block, Numbers, WindowDays
from turbo_forecast.fleet.rows import Stored
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.models.protocol import Values
from turbo_forecast.outlook.levels import seven_day_means
from turbo_forecast.outlook.rows import BEFORE
from turbo_forecast.outlook.signals import GRID, Signals, observed_peaks, signals
from turbo_forecast.storage.arrow_arrays import arrow_array
from turbo_forecast.windows import FORECAST, Windows, day_number

SIGNALS = "signals"
"""The kind of piece that holds them, a row for each series and window."""
REACHED = tuple(f"reached_{day}" for day in GRID.tolist())
"""Columns: the highest level that was observed up to each day of the grid."""

Columns = dict[str, NDArray[np.generic]]
"""Rows of signals by column, (n,) each."""


@dataclass(frozen=True, slots=True)
class SeriesForecasts:
    """What is kept of one series' block until its part is whole: the champion's forecast, and the highest of anybody's.

    windows: whose days these are, oldest first. forecast, highest: (d,) percent.
    """

    series: int
    windows: tuple[int, ...]
    forecast: Stored
    highest: Stored

    @classmethod
    def of(cls, block: Block, champion: int) -> "SeriesForecasts":
        """Of the rows of all entrants, the champion among them."""
        return cls(block.series, block.windows, block.of(champion).yhat[0], block.yhat.max(axis=0))


class SignalRows:
    """Makes the rows of a part, a window at a time over all its series: three hundred times fewer calls than one by one."""

    def __init__(self, store: SeriesStore, windows: Windows, days: WindowDays) -> None:
        self._store, self._days = store, days
        self._first = day_number(windows.history_start)
        self._known = day_number(windows.cutoff) - self._first + 1
        self._origins = {number: end - self._first + 1 for number, end in windows.ends.items()}

    def table(self, series: Sequence[SeriesForecasts]) -> pa.Table:
        """One row for each window of each series, the windows one after the other."""
        observed = self._observed([each.series for each in series])
        means = seven_day_means(observed)  # of the days up to any origin, they are the same
        found = [self._of_window(number, series, observed, means) for number in self._origins]
        parts = [part for part in found if part is not None]
        if not parts:
            return empty().to_arrow()
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.lexsort((columns["window"], columns["series"]))
        return pa.table({name: arrow_array(column[order], nan_to_null=True) for name, column in columns.items()})

    def _observed(self, series: Sequence[int]) -> Values:
        """(n, t) percent, every day of the history; NaN where nothing was observed."""
        observed = np.full((len(series), self._known), np.nan)
        for row, index in enumerate(series):
            one = self._store[index]
            inside = (one.days >= self._first) & (one.days < self._first + self._known)
            observed[row, one.days[inside] - self._first] = one.y[inside]
        return observed

    def _of_window(
        self, number: int, series: Sequence[SeriesForecasts], observed: Values, means: Values
    ) -> Columns | None:
        """The rows of one window; None where no series has it. means: (n, t) observed 7-day means."""
        rows = np.array([row for row, each in enumerate(series) if number in each.windows], np.int64)
        if not rows.size:
            return None
        pairs = [self._values_in_window(series[row], number) for row in rows]
        forecast, highest = (np.stack([pair[index] for pair in pairs]).astype(np.float64) for index in (0, 1))
        origin = self._origins[number]
        history = observed[rows, :origin]
        signals_then = signals(history, forecast, highest, means[rows, :origin])
        after = observed[rows, origin : origin + forecast.shape[1]] if number != FORECAST else history[:, :0]
        return _columns(np.array([series[row].series for row in rows]), number, signals_then, history, after)

    def _values_in_window(self, series: SeriesForecasts, number: int) -> tuple[Stored, Stored]:
        """The series' values on the days of one of its windows."""
        days = self._days.stretches(series.windows).window == number
        return series.forecast[days], series.highest[days]


def _columns(series: Numbers, number: int, found: Signals, history: Values, after: Values) -> Columns:
    """Rows of signals with what happened after them, NaN where a value is not known.

    after: (n, h) observed percent; (n, 0) where nobody knows yet.
    """
    reached = observed_peaks(history, after) if after.shape[1] else np.full((series.size, GRID.size), np.nan)
    before = np.full((series.size, len(BEFORE)), np.nan)
    near = history[:, -len(BEFORE) :]
    before[:, before.shape[1] - near.shape[1] :] = near
    return {
        "series": series.astype(np.int32),
        "window": np.full(series.size, number, np.int8),
        **dict(zip(REACHED, reached.T, strict=True)),
        **dict(zip(BEFORE, before.T, strict=True)),
        **found.columns(),
    }


def empty() -> pl.DataFrame:
    """No rows, with the columns of some."""
    nothing = np.zeros((0, 1))
    found = signals(nothing, nothing, nothing)
    return pl.DataFrame(_columns(np.zeros(0, np.int64), FORECAST, found, nothing, nothing[:, :0]))
