"""A sketch of a daily series: a week a row, so that the first steps of a search cost a seventh. It only says where to start.

The sum of squares over a week's days is that of the week's mean, times its days, and that of the days around it. The
second part hardly depends on the trend and the year: it is computed once, with the best week, and added to the first
as `Data.rss_within`. Rows are multiplied by the root of the days they stand for. So a sketch has nearly the objective of the
series itself, and a search that starts where the sketch's ended needs two or three steps on the whole series.

Belongs here: a sketch's rows and what leaves a series' for them. Does not belong here: the search (`solver.py`), and
which calendars have a sketch (`daily_calendar.py`).
"""

# mypy: disable-error-code="no-untyped-def"
# (kernels take whatever numba infers; their docstrings give the shapes)

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.turbo_prophet.gram import gram_matrix, padded_width
from turbo_forecast.turbo_prophet.jit import entry, kernel
from turbo_forecast.turbo_prophet.linear_algebra import back_substitute, eliminate
from turbo_forecast.turbo_prophet.model import Data
from turbo_forecast.turbo_prophet.problem import Vector

WEEK = 7
Rows = NDArray[np.int64]


class SketchData(NamedTuple):
    """The kernels' view of the sketch of one series."""

    data: Data  # B rows, Y columns; y and cap are yet to be filled in by `fill`
    ends: Rows  # (B,), end of each week's rows in the series; none: there is no sketch


@dataclass(frozen=True)
class Sketch:
    """The weeks of a history. B rows, the first Y of its K columns: those of the year."""

    ends: Rows  # (B,), end of each week's rows in the history
    t: Vector  # (B,), mean time
    X: Vector  # (B, W), mean features times the root of the week's days, padded
    XtX: Vector  # (Y, Y), X'X
    first_row: Rows  # (S,), first week at or after each changepoint

    @classmethod
    def of(cls, days: Rows, t: Vector, X: Vector, columns: int, t_change: Vector) -> "Sketch":
        """The sketch of a history's observed days (T,), times t (T,) and features X (T, W), of which it keeps `columns`."""
        most = int(days[-1] - days[0]) // WEEK + 2
        features = np.zeros((most, padded_width(columns)))
        weeks, ends, mean = weekly_means(days, t, X, columns, features)
        ends, mean, features = ends[:weeks], mean[:weeks], features[:weeks]
        XtX = np.empty((columns, columns))
        gram_matrix(features, XtX)
        first_row = np.searchsorted(mean, t_change, side="left").astype(np.int64)
        return cls(ends, mean, features, XtX, first_row)

    def of_series(self, whole: Data) -> SketchData:
        """The sketch of one series with this history."""
        columns, rows = self.XtX.shape[0], self.t.size
        data = Data(
            self.t, np.empty(rows), np.empty(rows), self.X, self.XtX, whole.t_change, self.first_row,
            whole.s_a[:columns], whole.s_m[:columns], whole.precision[:columns],
            whole.tau, whole.growth, whole.any_s_m, whole.n_obs, 0.0,
        )  # fmt: skip
        return SketchData(data, self.ends)


@entry
def weekly_means(days, t, X, columns, features):
    """The weeks of a history's days, times t (T,) and features X (T, W).

    features: (most, W') of zeros, gets the means of the first `columns`, times the root of each week's days. Returns the
    number of weeks B, the ends of their rows (most,) and their mean times (most,).
    """
    ends, mean = np.empty(features.shape[0], np.int64), np.empty(features.shape[0])
    weeks, start = 0, 0
    while start < days.size:
        week = days[start] // WEEK
        total, end = 0.0, start
        while end < days.size and days[end] // WEEK == week:
            total += t[end]
            for j in range(columns):
                features[weeks, j] += X[end, j]
            end += 1
        share = 1.0 / (end - start)
        mean[weeks], ends[weeks] = total * share, end
        for j in range(columns):
            features[weeks, j] *= math.sqrt(share)
        weeks += 1
        start = end
    return weeks, ends, mean


@kernel
def _best_week(whole, around, columns, variance, others):
    """Into others (K - Y,): the coefficients that explain most of `around` (T,), each day's distance from its week's mean.

    A ridge regression with `variance`, the mean square of `around`, as that of the noise. It is approximate: `around` is
    centred week by week and the columns are not (on whole weeks they sum to zero), and `variance` still has the week in it.
    """
    left = others.size
    M = np.zeros((left, left + 1))
    diagonal = np.empty(left)
    for j in range(left):
        for c in range(left):
            M[j, c] = whole.XtX[columns + j, columns + c]
        M[j, j] += whole.precision[columns + j] * variance
        diagonal[j] = M[j, j]
    for i in range(around.size):
        for j in range(left):
            M[j, left] -= whole.X[i, columns + j] * around[i]
    others[:] = 0.0
    if eliminate(M, left, diagonal):
        back_substitute(M, left, others)


@kernel
def _with_rss(data, rss_within):
    """The sketch's data, with the squares that its rows hide."""
    return Data(
        data.t, data.y, data.cap, data.X, data.XtX, data.t_change, data.first_row, data.s_a, data.s_m, data.precision,
        data.tau, data.growth, data.any_s_m, data.n_obs, rss_within,
    )  # fmt: skip


@kernel
def fill(whole, sketch, others):
    """The sketch's Data, with y, cap and rss_within from the whole series.

    others: (K - Y,), gets the coefficients of the columns that the sketch leaves out: those of the best week.
    """
    data, ends = sketch.data, sketch.ends
    columns = data.precision.size
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
                values[i] -= whole.X[i, columns + j] * others[j]
            total += values[i]
            caps += whole.cap[i]
            hidden += values[i] * values[i]
        root = math.sqrt(ends[b] - start)
        data.y[b], data.cap[b] = total / root, caps / root
        hidden -= data.y[b] * data.y[b]
        start = ends[b]
    return _with_rss(data, max(hidden, 0.0))
