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

from turbo_forecast.phases import slot_of_year
from turbo_forecast.turbo_prophet.features import (
    Columns,
    Spec,
    changepoint_rows,
    epoch_days,
    from_days,
    scaled_time,
    season_columns,
    season_features,
    season_orders,
)
from turbo_forecast.turbo_prophet.jit import entry
from turbo_forecast.turbo_prophet.model import FLAT, gram_matrix, padded
from turbo_forecast.turbo_prophet.problem import Vector
from turbo_forecast.turbo_prophet.season import Season, Unknown

Days = NDArray[np.int64]
_PATTERNS = 64  # histories kept; each holds about 0.5 MB at 1,000 days


@dataclass(frozen=True)
class History:
    """A pattern of observed days. T rows, K columns, S changepoints."""

    start: np.datetime64
    span: np.timedelta64
    t: Vector  # (T,)
    x: Vector  # (T, W), padded (see model.Data)
    x_t: Vector  # (K, T)
    gram: Vector  # (K, K)
    changes: Vector  # (S,)
    first: Days  # (S,)
    columns: Columns
    precision: Vector  # (K,)
    orders: tuple[int, int, int]
    mean_step: float  # mean distance of rows in t
    season: Season | None = None  # how its columns keep to the phases it has observed; None: it has observed them all


@dataclass(frozen=True)
class Future:
    """Days to predict, seen from one history. n rows."""

    t: Vector  # (n,)
    x: Vector  # (n, W), padded
    step: float  # mean distance in t of the days after the history, as Prophet's simulation uses it


@entry
def gather(table, rows, x, x_t, gram):
    """Rows of table (N, W) into x (n, W), the transpose of its first K columns (K, n), and x'x (K, K)."""
    n, width = x.shape
    for i in range(n):
        for j in range(width):
            x[i, j] = table[rows[i], j]
    for j in range(x_t.shape[0]):
        for i in range(n):
            x_t[j, i] = x[i, j]
    gram_matrix(x, gram)


class Calendar:
    """The days first..last (both included, days since 1970) of a fleet that shares one model.

    Covers histories and forecasts. Not safe for threads; one per process.
    """

    def __init__(self, first: int, last: int, spec: Spec) -> None:
        if last < first:
            raise ValueError(f"a calendar needs at least one day, not {first}..{last}")
        self.first, self.last, self.spec = int(first), int(last), spec
        self._days = epoch_days(from_days(np.arange(self.first, self.last + 1)))
        self._tables: dict[tuple[int, int, int], Vector] = {}
        self._histories: OrderedDict[bytes, History] = OrderedDict()
        self._futures: OrderedDict[tuple[object, ...], Future] = OrderedDict()
        self._slots = slot_of_year(np.arange(self.first, self.last + 1)) if spec.known_phases_only else None

    def _table(self, orders: tuple[int, int, int]) -> Vector:
        if orders not in self._tables:
            self._tables[orders] = padded(season_features(self._days, orders))
        return self._tables[orders]

    def _rows(self, days: Days) -> Days:
        if days.size == 0 or days[0] < self.first or days[-1] > self.last or np.any(days[1:] < days[:-1]):
            raise ValueError(f"days must be sorted and within {self.first}..{self.last}")
        return np.asarray(days - self.first)

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
        rows = self._rows(days)
        if days[0] == days[-1]:
            raise ValueError("a history needs two different days")
        spec = self.spec
        stamps = from_days(days)
        start, span = stamps[0], stamps[-1] - stamps[0]
        t = scaled_time(stamps, start, span)
        orders = season_orders(stamps, spec)
        columns = season_columns(orders, spec)
        changed = changepoint_rows(days.size, spec.n_changepoints, spec.changepoint_range)
        changes = np.sort(t[changed]) if changed.size else np.zeros(1)
        first = np.searchsorted(t, changes, side="left").astype(np.int64)
        if spec.indicator == FLAT:
            first[:] = t.size
        k = columns.sigmas.size
        table = self._table(orders)
        x, x_t, gram = np.empty((t.size, table.shape[1])), np.empty((k, t.size)), np.empty((k, k))
        gather(table, rows, x, x_t, gram)
        season = self._season(days, rows, orders, x[:, :k])
        if season is not None:
            kept = x.copy()
            kept[:, :k] = self._columns(season, days, rows, x[:, :k])
            gather(kept, np.arange(t.size), x, x_t, gram)
        precision = 1.0 / columns.sigmas**2
        step = float(np.diff(t).mean())
        return History(start, span, t, x, x_t, gram, changes, first, columns, precision, orders, step, season)

    def _season(self, days: Days, rows: Days, orders: tuple[int, int, int], features: Vector) -> Season | None:
        """How a history's columns keep to the phases it has observed, if it must and has not observed all."""
        if self._slots is None:
            return None
        slots = self._slots[rows]
        unknown = Unknown.of(days, slots, orders)
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
        start, span = (int(at.astype(np.int64)) for at in (history.start, history.span))
        key = (start, span, days.tobytes(), history.orders, known)
        found = self._futures.get(key)
        if found is None:
            rows = self._rows(days)
            t = scaled_time(from_days(days), history.start, history.span)
            ahead = t[t > 1.0]
            step = float(np.diff(ahead).mean()) if ahead.size > 1 else history.mean_step
            x = np.ascontiguousarray(self._table(history.orders)[rows])
            if season is not None:
                k = history.columns.sigmas.size
                x[:, :k] = self._columns(season, days, rows, x[:, :k])
            found = Future(t, x, step)
            self._futures[key] = found
            if len(self._futures) > _PATTERNS:
                self._futures.popitem(last=False)
        else:
            self._futures.move_to_end(key)
        return found
