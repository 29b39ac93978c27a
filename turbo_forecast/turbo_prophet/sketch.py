"""A sketch of a daily series: a week a row, so that the first steps of a search cost a seventh.

The sum of squares over a week's days is that of the week's mean, times its days, and that of the days around it. The
second part hardly depends on the trend and the year: it is computed once, with the best week, and added to the first
as `Data.rest`. Rows are multiplied by the root of the days they stand for. So a sketch has nearly the objective of the
series itself, and a search that starts where the sketch's ended needs two or three steps on the whole series.

Belongs here: a sketch's rows and what leaves a series' for them. Does not belong here: the search (`solver.py`), and
which calendars have a sketch (`daily_calendar.py`).
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.jit import entry, kernel
from turbo_forecast.turbo_prophet.linear_algebra import back_substitute, eliminate
from turbo_forecast.turbo_prophet.model import Data, gram_matrix, padded_width
from turbo_forecast.turbo_prophet.problem import Vector

WEEK = 7
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Sketch:
    """The weeks of a history. B rows, the first Q of its K columns: those of the year."""

    ends: Rows  # (B,), end of each week's rows in the history
    t: Vector  # (B,), mean time
    x: Vector  # (B, W), mean features times the root of the week's days, padded
    gram: Vector  # (Q, Q), x'x
    first: Rows  # (S,), first week at or after each changepoint

    @classmethod
    def of(cls, days: Rows, t: Vector, x: Vector, columns: int, changes: Vector) -> "Sketch":
        """The sketch of a history's observed days (T,), times t (T,) and features x (T, W), of which it keeps `columns`."""
        most = int(days[-1] - days[0]) // WEEK + 2
        ends, mean = np.empty(most, np.int64), np.empty(most)
        features = np.zeros((most, padded_width(columns)))
        gram, first = np.empty((columns, columns)), np.empty(changes.size, np.int64)
        weeks = weekly_means(days, t, x, changes, ends, mean, features, gram, first)
        return cls(ends[:weeks], mean[:weeks], features[:weeks], gram, first)

    def data(self, whole: Data) -> Data:
        """The kernels' view of the sketch of a series, its values yet to be filled in by `fill`."""
        columns, rows = self.gram.shape[0], self.t.size
        return Data(
            self.t, np.empty(rows), np.empty(rows), self.x, self.gram, whole.changes, self.first,
            whole.additive[:columns], whole.multiplicative[:columns], whole.precision[:columns],
            whole.tau, whole.growth, whole.mixed, whole.observed, 0.0,
        )  # fmt: skip


@entry
def weekly_means(days, t, x, changes, ends, mean, features, gram, first):
    """Fill a sketch's arrays (see `Sketch`), features (.., W) of zeros, from a history's; returns B, the weeks found."""
    columns = gram.shape[0]
    weeks, start = 0, 0
    while start < days.size:
        week = days[start] // WEEK
        total, end = 0.0, start
        while end < days.size and days[end] // WEEK == week:
            total += t[end]
            for j in range(columns):
                features[weeks, j] += x[end, j]
            end += 1
        share = 1.0 / (end - start)
        mean[weeks], ends[weeks] = total * share, end
        for j in range(columns):
            features[weeks, j] *= math.sqrt(share)
        weeks += 1
        start = end
    at = 0
    for s in range(changes.size):
        while at < weeks and mean[at] < changes[s]:
            at += 1
        first[s] = at
    gram_matrix(features[:weeks], gram)
    return weeks


@kernel
def _best_week(whole, around, columns, share, others):
    """Into others (K - Q,): the coefficients that explain most of `around` (T,), each day's distance from its week's mean."""
    left = others.size
    m = np.zeros((left, left + 1))
    diagonal = np.empty(left)
    for j in range(left):
        for c in range(left):
            m[j, c] = whole.gram[columns + j, columns + c]
        m[j, j] += whole.precision[columns + j] * share
        diagonal[j] = m[j, j]
    for i in range(around.size):
        for j in range(left):
            m[j, left] -= whole.x[i, columns + j] * around[i]
    others[:] = 0.0
    if eliminate(m, left, diagonal):
        back_substitute(m, left, others)


@kernel
def fill(whole, sketch, ends, others):
    """Fill the sketch's y and cap from the whole series; returns the squares that it hides.

    others: (K - Q,), gets the coefficients of the columns that the sketch leaves out: those of the best week.
    """
    columns = sketch.precision.size
    values = whole.y.copy()
    around = np.empty(values.size)
    squares = 0.0
    start = 0
    for b in range(ends.size):
        mean = values[start : ends[b]].sum() / (ends[b] - start)
        for i in range(start, ends[b]):
            around[i] = values[i] - mean
            squares += around[i] * around[i]
        start = ends[b]
    _best_week(whole, around, columns, squares / values.size, others)
    hidden = 0.0
    start = 0
    for b in range(ends.size):
        total, caps = 0.0, 0.0
        for i in range(start, ends[b]):
            for j in range(others.size):
                values[i] -= whole.x[i, columns + j] * others[j]
            total += values[i]
            caps += whole.cap[i]
            hidden += values[i] * values[i]
        root = math.sqrt(ends[b] - start)
        sketch.y[b], sketch.cap[b] = total / root, caps / root
        hidden -= sketch.y[b] * sketch.y[b]
        start = ends[b]
    return max(hidden, 0.0)
