"""Daily calendars: everything about a history's days that does not depend on its values, computed once and shared.

Belongs here: the cache of features by calendar and by pattern of observed days. Does not belong here: values, solving.
A calendar's tables are gathered, never recomputed: features are functions of one day alone, so the bits are the same.
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.seasonal_gaps import slot_of_year
from turbo_forecast.turbo_prophet.features import (
    Columns,
    Spec,
    changepoint_rows,
    epoch_days,
    from_days,
    season_columns,
    season_features,
    season_orders,
)
from turbo_forecast.turbo_prophet.gram import gram_matrix, padded
from turbo_forecast.turbo_prophet.jit import entry, kernel
from turbo_forecast.turbo_prophet.known_phases import Season, Unknown
from turbo_forecast.turbo_prophet.linear_algebra import copy
from turbo_forecast.turbo_prophet.model import FLAT, LOGISTIC
from turbo_forecast.turbo_prophet.problem import Vector
from turbo_forecast.turbo_prophet.weekly_aggregate import Sketch

Days = NDArray[np.int64]
_PATTERNS = 64  # histories kept; each holds about 0.3 MB at 1,000 days
BLOCK = 32  # days whose X'X is kept
FEW_ABSENT = 10  # up to so many of them it is cheaper to take their rows off than to add the others'


@dataclass(frozen=True)
class History:
    """A pattern of observed days. T rows, K columns, S changepoints."""

    start: int  # its first day, since 1970
    span: int  # days from its first to its last
    t: Vector  # (T,)
    X: Vector  # (T, W), padded (see `gram.py`)
    XtX: Vector  # (K, K)
    t_change: Vector  # (S,)
    first_row: Days  # (S,), first row at or after each changepoint; T for flat growth
    columns: Columns
    precision: Vector  # (K,)
    orders: tuple[int, int, int]
    n_changepoints: int  # 0: t_change holds one dummy changepoint at 0
    mean_step: float  # mean distance of rows in t
    season: Season | None = None  # how its columns keep to the phases it has observed; None: it has observed them all
    sketch: Sketch | None = None  # its weeks, where a search starts on them (logistic, additive)


@dataclass(frozen=True)
class Table:
    """The features of every day of a calendar. N days, K columns."""

    X: Vector  # (N, W), padded
    grams: Vector  # (N / 32, K, W), X'X of every 32 days
    columns: Columns
    precision: Vector  # (K,)


@dataclass(frozen=True)
class Future:
    """Days to predict, seen from one history. n rows."""

    t: Vector  # (n,)
    X: Vector  # (n, W), padded
    step: float  # mean distance in t of the days after the history, as Prophet's simulation uses it


@entry
def gaps(days):
    """The narrowest and the widest distance of neighbours in days (n,); 0, 0 if there is one day alone."""
    if days.size < 2:
        return 0, 0
    narrowest = widest = days[1] - days[0]
    for i in range(2, days.size):
        gap = days[i] - days[i - 1]
        narrowest, widest = min(narrowest, gap), max(widest, gap)
    return narrowest, widest


@entry
def day_grams(table, out):
    """Into out (N / 32, K, W): X'X of every 32 days of table (N, W), by W columns."""
    columns, width = out.shape[1], out.shape[2]
    for b in range(out.shape[0]):
        for j in range(columns):
            for c in range(width):
                out[b, j, c] = 0.0
        for i in range(b * BLOCK, (b + 1) * BLOCK):
            for j in range(columns):
                f = table[i, j]
                for c in range(width):
                    out[b, j, c] += f * table[i, c]


@kernel
def _add_days(table, rows, start, end, sign, total):
    """Add sign times X'X of rows[start:end] of table (N, W) to total (K, W)."""
    for at in range(start, end):
        i = rows[at]
        for j in range(total.shape[0]):
            f = sign * table[i, j]
            for c in range(total.shape[1]):
                total[j, c] += f * table[i, c]


@entry
def observed_gram(table, grams, rows, out):
    """X'X of some rows (n,) of table (N, W), strictly increasing, into out (K, K); grams: `day_grams` of the table.

    A block of 32 days of which nearly all are there is taken whole, less those that are not.
    """
    total = np.zeros((out.shape[0], table.shape[1]))
    missing = np.empty(BLOCK, np.int64)
    start = 0
    while start < rows.size:
        block = rows[start] // BLOCK
        end = start
        while end < rows.size and rows[end] // BLOCK == block:
            end += 1
        absent = BLOCK - (end - start)
        if absent <= FEW_ABSENT:
            for j in range(total.shape[0]):
                for c in range(total.shape[1]):
                    total[j, c] += grams[block, j, c]
            found, at = 0, start
            for i in range(block * BLOCK, (block + 1) * BLOCK):
                if at < end and rows[at] == i:
                    at += 1
                else:
                    missing[found] = i
                    found += 1
            _add_days(table, missing, 0, found, -1.0, total)
        else:
            _add_days(table, rows, start, end, 1.0, total)
        start = end
    for j in range(out.shape[0]):
        copy(total[j, : out.shape[1]], out[j])


class Calendar:
    """The days first..last (both included, days since 1970) of a fleet that shares one model.

    Covers histories and forecasts. Not safe for threads; one per process.
    """

    def __init__(self, first: int, last: int, spec: Spec) -> None:
        if last < first:
            raise ValueError(f"a calendar needs at least one day, not {first}..{last}")
        self.first, self.last, self.spec = int(first), int(last), spec
        # whole blocks of days, at places that do not depend on the calendar: sums over them have the same bits in any
        self._start = self.first // BLOCK * BLOCK
        covered = np.arange(self._start, (self.last // BLOCK + 1) * BLOCK)
        self._days = epoch_days(from_days(covered))
        self._tables: dict[tuple[int, int, int], Table] = {}
        self._orders: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._changed: dict[int, Days] = {}
        self._histories: OrderedDict[bytes, History] = OrderedDict()
        self._futures: OrderedDict[tuple[object, ...], Future] = OrderedDict()
        self._slots = slot_of_year(covered) if spec.known_phases_only else None

    def _table(self, orders: tuple[int, int, int]) -> Table:
        if orders not in self._tables:
            columns = season_columns(orders, self.spec)
            X = padded(season_features(self._days, orders))
            grams = np.empty((X.shape[0] // BLOCK, columns.sigmas.size, X.shape[1]))
            day_grams(X, grams)
            self._tables[orders] = Table(X, grams, columns, 1.0 / columns.sigmas**2)
        return self._tables[orders]

    def _rows(self, days: Days, narrowest: int) -> Days:
        if days.size == 0 or days[0] < self.first or days[-1] > self.last or narrowest < 0:
            raise ValueError(f"days must be sorted and within {self.first}..{self.last}")
        return np.asarray(days - self._start)

    def history(self, days: Days) -> History:
        """The pattern of a history's observed days (T,), sorted. Raises ValueError for fewer than two different
        days."""
        key = days.tobytes()
        found = self._histories.get(key)
        if found is None:
            found = self._make_history(days)
            self._histories[key] = found
            if len(self._histories) > _PATTERNS:
                self._histories.popitem(last=False)
        else:
            self._histories.move_to_end(key)
        return found

    def _make_history(self, days: Days) -> History:
        narrowest, widest = gaps(days)
        rows = self._rows(days, narrowest)
        start, span = int(days[0]), int(days[-1] - days[0])
        if not span:
            raise ValueError("a history needs two different days")
        t = (days - start) / span  # as Prophet's nanoseconds: both are whole multiples of a day, exact in a double
        orders = self._orders_of(days, span, narrowest)
        changed = self._changed_rows(days.size)
        t_change = t[changed] if changed.size else np.zeros(1)
        first_row = np.searchsorted(t, t_change, side="left").astype(np.int64)
        if self.spec.indicator == FLAT:
            first_row[:] = t.size
        table = self._table(orders)
        X, XtX = self._features(table, days, rows, narrowest > 0, widest == 1)
        columns = table.columns.sigmas.size
        season = self._season(days, rows, orders, X[:, :columns], widest)
        if season is not None:
            X = X.copy()
            X[:, :columns] = self._columns(season, days, rows, X[:, :columns])
            gram_matrix(X, XtX)
        sketch = None
        if self.spec.indicator == LOGISTIC and not table.columns.s_m.any():
            sketch = Sketch.of(days, t, X, 2 * orders[0], t_change)
        step = float((t[-1] - t[0]) / (t.size - 1))
        return History(
            start, span, t, X, XtX, t_change, first_row, table.columns, table.precision, orders, int(changed.size), step,
            season, sketch,
        )  # fmt: skip

    def _orders_of(self, days: Days, span: int, narrowest: int) -> tuple[int, int, int]:
        """Prophet's Fourier orders, which follow from a history's span and its narrowest spacing."""
        key = span, narrowest
        if narrowest < 1:  # days that occur twice: the narrowest gap says nothing
            return season_orders(from_days(days), self.spec)
        if key not in self._orders:
            self._orders[key] = season_orders(from_days(days), self.spec)
        return self._orders[key]

    def _changed_rows(self, size: int) -> Days:
        if size not in self._changed:
            self._changed[size] = changepoint_rows(size, self.spec.n_changepoints, self.spec.changepoint_range)
        return self._changed[size]

    @staticmethod
    def _features(table: Table, days: Days, rows: Days, once: bool, whole: bool) -> tuple[Vector, Vector]:
        """X (T, W) and X'X (K, K) of observed days; once: none occurs twice; whole: none is missing."""
        columns = table.columns.sigmas.size
        XtX = np.empty((columns, columns))
        X = table.X[rows[0] : rows[-1] + 1] if whole and once else table.X[rows]
        if once:
            observed_gram(table.X, table.grams, rows, XtX)
        else:
            gram_matrix(X, XtX)
        return X, XtX

    def _season(
        self, days: Days, rows: Days, orders: tuple[int, int, int], features: Vector, widest: int
    ) -> Season | None:
        """How a history's columns keep to the phases it has observed, if it must and has not observed all."""
        if self._slots is None:
            return None
        slots = self._slots[rows]
        unknown = Unknown.of(days, slots, orders, widest)
        return None if unknown is None else Season.of(unknown, orders, days, slots, features)

    def _columns(self, season: Season, days: Days, rows: Days, features: Vector) -> Vector:
        assert self._slots is not None
        return season.columns(days, self._slots[rows], features)

    def future(self, history: History, days: Days) -> Future:
        """Days to predict (n,), sorted; they may lie within the history."""
        season = history.season
        known = (
            ()
            if season is None
            else (season.centre.tobytes(), season.unknown.weekdays.tobytes(), season.unknown.slots.tobytes())
        )
        key = (history.start, history.span, days.tobytes(), history.orders, known)
        found = self._futures.get(key)
        if found is None:
            rows = self._rows(days, gaps(days)[0])
            t = (days - history.start) / history.span
            ahead = t[t > 1.0]
            step = float(np.diff(ahead).mean()) if ahead.size > 1 else history.mean_step
            X = self._table(history.orders).X[rows]
            if season is not None:
                columns = history.columns.sigmas.size
                X[:, :columns] = self._columns(season, days, rows, X[:, :columns])
            found = Future(t, X, step)
            self._futures[key] = found
            if len(self._futures) > _PATTERNS:
                self._futures.popitem(last=False)
        else:
            self._futures.move_to_end(key)
        return found
