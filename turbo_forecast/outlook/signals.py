"""Signals of a series at an origin: three predictors of how high its level will climb, and their scale.

Belongs here: the arrays that are made of a series' history and forecast, where its rows are. Does not belong here: the weight of
each predictor (`learning.py`).
"""

from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from turbo_forecast.outlook.levels import (
    Flags,
    Floats,
    Integers,
    highest_so_far,
    is_evaluable,
    levels_after,
    seven_day_means,
    trailing_means,
)
from turbo_forecast.schemas.outlook import GRID_DAYS, LEVEL_DAYS, PREDICTORS

GRID = np.array(GRID_DAYS)
"""Days after an origin on which predictors are compared with what happened; in between, all is interpolated."""
MIN_DAY_SHARE = 0.95
"""A window that has this share of a grid day's days has that grid day: four months are 120 to 123 days."""
YEAR = 365
SEASON = 91
"""Days of the trailing mean that a series' ordinary swings are measured from."""
TYPICAL_SWING, MIN_SWING = 8.0, 1.0
"""Percentage points: standard deviation of the 7-day mean around its season, in most series; and the least that is expected."""
SHIFT_SCALES = 2.0
"""A level further from the forecast's first week than so many scales has moved shortly before the origin."""
STRIDE = 2
"""Weeks between the starts of the earlier stretches."""

_OF_SERIES = ("level", "start", "swing", "error")


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of n series at an origin.

    level: (n,) 7-day mean at the origin, NaN where fewer than four days were observed. start: (n,) mean of the forecast's
    first seven days. swing: (n,) how far the level ordinarily strays from its season, percentage points, above 0.
    peaks: (n, w, g) how high the level will be at most up to each day of GRID, by each of PREDICTORS: the published
    forecast's 7-day mean; the highest day of any entrant's forecast; the median of earlier stretches of as many days. NaN beyond
    the window. All in percent.
    error: (n,) how far the forecast's peak was off in the series' other windows, percentage points; NaN where unknown.
    """

    level: Floats
    start: Floats
    swing: Floats
    peaks: Floats
    error: Floats

    def take(self, rows: Flags | Integers | slice) -> "Signals":
        """The same of some of the series."""
        return Signals(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def jump(self) -> Floats:
        """(n,) level minus the forecast's first week, percentage points; 0 where there is no level."""
        jump: Floats = np.nan_to_num(self.level - self.start)
        return jump

    @property
    def shift(self) -> Floats:
        """(n,) the jump, where it is more than the series' swings explain; else NaN."""
        found: Floats = np.where(np.abs(self.jump) > SHIFT_SCALES * self._scale, self.jump, np.nan)
        return found

    @property
    def scale(self) -> Floats:
        """(n,) percentage points that count as one: between the series' swing and the typical one, and wider after a shift.

        A forecast that starts far from where the series is has an error of about that size, one way or the other.
        """
        excess = np.maximum(np.abs(self.jump) - SHIFT_SCALES * self._scale, 0.0)
        scale: Floats = np.hypot(self._scale, excess)
        return scale

    @property
    def _scale(self) -> Floats:
        ordinary = np.sqrt(self.swing * TYPICAL_SWING)
        scale: Floats = np.where(np.isnan(self.error), ordinary, np.sqrt(ordinary * self.error))
        return scale

    def to_frame(self) -> pl.DataFrame:
        """One row a series, null where something is not known. Columns: as `columns` has them."""
        return pl.DataFrame(self.columns()).fill_nan(None)

    def columns(self) -> dict[str, Floats]:
        """Level, start, swing, error, and a column for each predictor and grid day, (n,) each."""
        named = {
            f"{predictor}_{day}": self.peaks[:, index, column]
            for index, predictor in enumerate(PREDICTORS)
            for column, day in enumerate(GRID.tolist())
        }
        return {**{name: getattr(self, name) for name in _OF_SERIES}, **named}

    @staticmethod
    def from_frame(frame: pl.DataFrame) -> "Signals":
        """The signals that `to_frame` stored, from its columns among others."""
        peaks = [[frame[f"{predictor}_{day}"].to_numpy() for day in GRID.tolist()] for predictor in PREDICTORS]
        stacked = np.array(peaks, dtype=np.float64).transpose(2, 0, 1)
        level, start, swing, error = (frame[name].to_numpy().astype(np.float64) for name in _OF_SERIES)
        return Signals(level, start, swing, stacked, error)


def signals(history: Floats, forecast: Floats, highest: Floats, means: Floats | None = None) -> Signals:
    """What is known of n series at one origin, from their rows.

    history: (n, b) daily values up to the origin, NaN where nothing was observed. forecast: (n, h) the published forecast of
    the days after it. highest: (n, h) the highest forecast of any entrant for each of them. means: (n, b) the history's 7-day
    means, where they are known already.
    """
    if not history.shape[1]:
        history, means = np.full((len(history), 1), np.nan), None
    if means is None:
        means = seven_day_means(history)
    start, own = _of_forecast(history, forecast)
    peaks = np.stack([own, at_grid(highest_so_far(highest)), _earlier_stretches(means, own)], axis=1)
    return Signals(means[:, -1], start, _swing(means), peaks, np.full(len(history), np.nan))


def observed_peaks(history: Floats, observed: Floats) -> Floats:
    """(n, g) the highest 7-day mean observed up to each day of GRID after an origin; NaN where too few days were observed.

    history: (n, b) daily values up to the origin. observed: (n, h) those after it, NaN where nothing was observed.
    """
    levels = levels_after(history, observed)
    return at_grid(np.where(is_evaluable(levels), highest_so_far(levels), np.nan))


def at_grid(daily: Floats) -> Floats:
    """(n, g) the columns of (n, h) at GRID's days, NaN beyond the last; a window of short months has its last day's."""
    days = daily.shape[1]
    has_day = days >= MIN_DAY_SHARE * GRID
    found: Floats = np.where(has_day, daily[:, np.minimum(GRID, days) - 1], np.nan)
    return found


def _of_forecast(history: Floats, forecast: Floats) -> tuple[Floats, Floats]:
    """(n,) mean of the first week, and (n, g) the highest 7-day mean up to each grid day; the former where there is none yet."""
    start: Floats = forecast[:, :LEVEL_DAYS].mean(axis=1)
    reached = highest_so_far(levels_after(history, forecast))
    return start, at_grid(np.where(np.isnan(reached), start[:, None], reached))


def _swing(means: Floats) -> Floats:
    """(n,) standard deviation, over the last year, of the 7-day mean around its trailing quarter's mean."""
    year = means[:, -YEAR:]
    deviation = year - trailing_means(year, SEASON, 1)
    is_known = ~np.isnan(deviation)
    count = np.maximum(is_known.sum(axis=1), 1)
    mean = np.where(is_known, deviation, 0.0).sum(axis=1) / count
    squares = np.where(is_known, deviation - mean[:, None], 0.0) ** 2
    found = np.sqrt(squares.sum(axis=1) / count)
    swing: Floats = np.where(is_known.sum(axis=1) < SEASON, TYPICAL_SWING, np.maximum(found, MIN_SWING))
    return swing


def _earlier_stretches(means: Floats, forecast: Floats) -> Floats:
    """(n, g) the median, over earlier stretches of as many days, of the highest 7-day mean in each; the forecast's without any.

    forecast: (n, g) the first predictor. Stretches are of whole weeks, as many as come nearest.
    """
    weeks = means.shape[1] // LEVEL_DAYS
    whole = means[:, means.shape[1] - weeks * LEVEL_DAYS :].reshape(len(means), weeks, LEVEL_DAYS)
    highest = np.fmax.reduce(whole, axis=2, initial=-np.inf)  # of each week; the last ends at the origin
    found = np.full(forecast.shape, np.nan)
    length, reach = 1, highest
    for column, day in enumerate(GRID):
        wanted = max(round(day / LEVEL_DAYS), 1)
        if wanted > weeks or np.isnan(forecast[:, column]).all():
            break
        while length < wanted:
            reach, length = np.maximum(reach[:, :-1], highest[:, length:]), length + 1
        found[:, column] = _medians(reach[:, ::-1][:, ::STRIDE])
    grown = np.maximum.accumulate(np.where(np.isnan(found), forecast, found), axis=1)
    kept: Floats = np.where(np.isnan(forecast), np.nan, grown)
    return kept


def _medians(values: Floats) -> Floats:
    """(n,) the lower median of each row's finite values; NaN without any."""
    ordered = np.sort(values, axis=1)
    missing = np.isneginf(ordered).sum(axis=1)
    middle = missing + np.maximum(values.shape[1] - missing - 1, 0) // 2
    picked = np.take_along_axis(ordered, np.minimum(middle, values.shape[1] - 1)[:, None], axis=1)[:, 0]
    medians: Floats = np.where(np.isneginf(picked), np.nan, picked)
    return medians
