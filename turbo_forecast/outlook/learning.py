"""How much each witness is believed: learnt from windows that have ended, one set of numbers a resource and grid day.

Belongs here: evidence of earlier windows to a few numbers, and these as a frame. Does not belong here: which windows are
earlier; the caller hands in what may be known.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from turbo_forecast.outlook.levels import Flags, Floats, Integers
from turbo_forecast.outlook.regression import KNOTS, curve, log_odds, sigmoid
from turbo_forecast.outlook.signals import GRID, Signals
from turbo_forecast.schemas.outlook import WITNESSES

LEARNT_AT = np.arange(20.0, 100.0, 5.0)
"""Percent: thresholds the windows are asked about, whatever the outlook's own are: these may be changed afterwards."""
TERMS = ("intercept", *WITNESSES)
FLEET = "all"
"""The resource name of what is learnt from all resources together."""
FLEET_RIDGE, RESOURCE_RIDGE = 0.5, 5.0
"""How firmly the fleet's coefficients are held towards PRIOR, and a resource's towards the fleet's."""
PRIOR = np.array([0.5, 1.0, 0.2, 0.2])
"""Of TERMS: what is believed before any window has ended, as of 30 days; the slopes fall with the days as FADE says."""
FADE = 0.3
"""Power of the days with which slopes fall beyond the last grid day that anything was learnt of."""
PRIOR_WINDOWS = 2.0
"""The resource's median error counts as so many windows of a series; LEAST_ERROR percentage points are the least believed."""
LEAST_ERROR = 1.0
MOST_WINDOWS = 4000
"""Windows beyond so many of a resource, and of the fleet, are passed over, evenly."""
SEASONAL = 0.95
"""By how much windows of the same time of the year count for more than one, and those of the opposite for less."""
BELOW, OVER = 0, 1
"""Places of the two curves: of series below the threshold at the origin, or of unknown level; of those at or above it."""

_KNOT_NAMES = [[f"{state}_{knot}" for knot in range(KNOTS.size)] for state in ("below", "over")]


@dataclass(frozen=True, slots=True)
class Evidence:
    """n windows that have ended, of any series: what was known, and what happened.

    signals: of n windows. reached: (n, g) as `signals.observed_peaks` gives it. group: (n,) codes of the resources, from 0. weight: (n,) how much the window counts, mean about 1.
    series: (n,) which series the window is of, any numbers from 0.
    """

    signals: Signals
    reached: Floats
    group: Integers
    weight: Floats
    series: Integers

    @property
    def error(self) -> Floats:
        """(n,) the highest level minus what the forecast said, at the last grid day both are known of; NaN where none is."""
        away = self.reached - self.signals.peaks[:, 0]
        last = away.shape[1] - 1 - (~np.isnan(away))[:, ::-1].argmax(axis=1)
        error: Floats = np.take_along_axis(away, last[:, None], axis=1)[:, 0]
        return error


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt. resources: m names, the fleet's FLEET first. coefficients: (m, g, k) of TERMS, on each day of GRID.
    curves: (m, 2, c) probability at regression.KNOTS, BELOW and OVER. windows: (m,) how many it rests on.
    """

    resources: tuple[str, ...]
    coefficients: Floats
    curves: Floats
    windows: Integers

    def rows_of(self, names: pl.Series) -> Integers:
        """(n,) the place of each resource name; the fleet's for one that nothing was learnt of."""
        places = {name: place for place, name in enumerate(self.resources)}
        return names.replace_strict(places, default=0, return_dtype=pl.Int64).to_numpy()

    def to_frame(self) -> pl.DataFrame:
        """`resource, days, term, value`: coefficients by grid day, knots of the curve and the number of windows with days 0."""
        parts = []
        for place, resource in enumerate(self.resources):
            by_day = {term: self.coefficients[place, :, k] for k, term in enumerate(TERMS)}
            parts += [_long(resource, GRID, [term] * GRID.size, values) for term, values in by_day.items()]
            parts += [
                _long(resource, np.zeros(KNOTS.size, np.int64), knots, self.curves[place, state])
                for state, knots in enumerate(_KNOT_NAMES)
            ]
            parts.append(_long(resource, np.zeros(1, np.int64), ["windows"], self.windows[[place]].astype(np.float64)))
        return pl.concat(parts)

    @staticmethod
    def from_frame(frame: pl.DataFrame) -> "Learnt":
        """What `to_frame` stored, in whatever order its rows are read."""
        names = frame["resource"].unique(maintain_order=True).sort().to_list()
        resources = (FLEET, *(name for name in names if name != FLEET))
        found = {row[:3]: row[3] for row in frame.select("resource", "days", "term", "value").iter_rows()}
        coefficients = [[[found[name, day, term] for term in TERMS] for day in GRID.tolist()] for name in resources]
        curves = [[[found[name, 0, knot] for knot in knots] for knots in _KNOT_NAMES] for name in resources]
        windows = [int(found[name, 0, "windows"]) for name in resources]
        return Learnt(resources, np.array(coefficients), np.array(curves), np.array(windows, dtype=np.int64))


def season_weights(origins: Integers, origin: int) -> Floats:
    """(n,) how much windows that began at `origins` count for one that begins at `origin`, all day numbers.

    1 + SEASONAL * cos of the angle between them in the year: most for the same time of the year, least for the opposite one.
    What moves a whole fleet, holidays and budgets, keeps to the calendar.
    """
    weights: Floats = 1.0 + SEASONAL * np.cos(2 * np.pi * (origins - origin) / 365.25)
    return weights


def own_errors(evidence: Evidence, series: Integers, group: Integers) -> Floats:
    """(m,) how far off the forecast's peak is expected to be for m series, percentage points, from their windows.

    series, group: (m,) the numbers that `evidence` has for them. The root mean square over a series' windows, held towards the
    median of its resource's as if that were PRIOR_WINDOWS more; NaN where no window says anything.
    """
    squares, counts = _by_series(evidence, int(series.max(initial=0)) + 1)
    return _held(squares[series], counts[series], _typical(evidence, group))


def _other_errors(evidence: Evidence) -> Floats:
    """(n,) the same for each window, from the other windows of its series: nobody is judged by what he has seen."""
    squares, counts = _by_series(evidence, 0)
    own = evidence.error**2
    there = ~np.isnan(own)
    rest = np.maximum(squares[evidence.series] - np.where(there, own, 0.0), 0.0)
    return _held(rest, counts[evidence.series] - there, _typical(evidence, evidence.group))


def _by_series(evidence: Evidence, least: int) -> tuple[Floats, Floats]:
    """Sum of squared errors, and number of windows with one, of each series; of `least` series at least."""
    there = ~np.isnan(evidence.error)
    series, squares = evidence.series[there], evidence.error[there] ** 2
    size = max(least, int(evidence.series.max(initial=-1)) + 1)
    sums, counts = np.bincount(series, squares, size), np.bincount(series, minlength=size)
    return sums.astype(np.float64), counts.astype(np.float64)


def _typical(evidence: Evidence, group: Integers) -> Floats:
    """(m,) the median squared error of the windows of each one's resource; of all windows where it has none."""
    squares = evidence.error**2
    found = np.full(group.size, np.nan)
    for code in np.unique(group):
        own = squares[evidence.group == code]
        known = own[~np.isnan(own)] if (~np.isnan(own)).any() else squares[~np.isnan(squares)]
        if known.size:
            found[group == code] = np.median(known)
    return found


def _held(squares: Floats, counts: Floats, typical: Floats) -> Floats:
    errors: Floats = np.sqrt((squares + PRIOR_WINDOWS * typical) / (counts + PRIOR_WINDOWS))
    return np.maximum(errors, LEAST_ERROR)


def learn(evidence: Evidence, resources: tuple[str, ...]) -> Learnt:
    """How much each witness is believed, for the fleet and for each resource, whose coefficients are held to the fleet's.

    resources: the names that `evidence.group` numbers; one called FLEET is judged as the fleet is. Without any window: PRIOR, and the logistic curve.
    """
    evidence = replace(evidence, signals=replace(evidence.signals, error=_other_errors(evidence)))
    everything = np.arange(evidence.group.size)
    fleet = _fit(evidence, everything, PRIOR * _fading(GRID / 30.0), FLEET_RIDGE, np.tile(sigmoid(KNOTS), (2, 1)))
    fits, counts = [fleet], [everything.size]
    named = {code: name for code, name in enumerate(resources) if name != FLEET}
    for code in named:
        own = everything[evidence.group == code]
        fits.append(fleet if own.size == everything.size else _fit(evidence, own, fleet[0], RESOURCE_RIDGE, fleet[1]))
        counts.append(own.size)
    coefficients, curves = (np.array(each) for each in zip(*fits, strict=True))
    return Learnt((FLEET, *named.values()), coefficients, curves, np.array(counts, dtype=np.int64))


def _fit(
    evidence: Evidence, windows: Integers, prior: Floats, ridge: float, prior_curve: Floats
) -> tuple[Floats, Floats]:
    """(g, k) coefficients and (2, c) curves of some of the windows.

    prior: (g, k). prior_curve: (2, c). Both are what is kept where there are no windows.
    """
    if windows.size > MOST_WINDOWS:
        windows = windows[np.arange(MOST_WINDOWS) * windows.size // MOST_WINDOWS]
    coefficients, last = prior.copy(), -1
    indices, outcomes, weights, overs = [], [], [], []
    for column in range(GRID.size):
        rows, happened, weight, over = _questions(evidence, windows, column)
        if not happened.size:
            continue
        coefficients[column] = log_odds(rows, happened, weight, prior[column], ridge)
        indices.append(rows @ coefficients[column])
        outcomes.append(happened)
        weights.append(weight)
        overs.append(over)
        last = column
    if last < 0:
        return coefficients, prior_curve
    coefficients[last + 1 :] = coefficients[last] * _fading(GRID[last + 1 :] / GRID[last])
    share = np.concatenate(weights) / len(weights)
    index, happened, over = np.concatenate(indices), np.concatenate(outcomes), np.concatenate(overs)
    below, above = (
        curve(index[own], happened[own], share[own], prior)
        for own, prior in zip((~over, over), prior_curve, strict=True)
    )
    return coefficients, np.stack([below, np.maximum(below, above)])


def _questions(evidence: Evidence, windows: Integers, column: int) -> tuple[Floats, Floats, Floats, Flags]:
    """Each window asked about each of LEARNT_AT, up to one grid day: (r, k) terms, (r,) whether it happened, (r,) weight, and
    (r,) whether the series was over already. Windows that cannot be judged up to that day are left out.
    """
    asked = windows[
        ~np.isnan(evidence.reached[windows, column]) & ~np.isnan(evidence.signals.peaks[windows, :, column]).any(axis=1)
    ]
    away = evidence.signals.peaks[asked, :, column, None] - LEARNT_AT
    scaled = away / evidence.signals.scale[asked, None, None]
    over = evidence.signals.level[asked, None] >= LEARNT_AT
    rows = np.concatenate([np.ones((asked.size, 1, LEARNT_AT.size)), scaled], axis=1)
    happened = (evidence.reached[asked, column, None] >= LEARNT_AT).astype(np.float64)
    weight = np.repeat(evidence.weight[asked] / LEARNT_AT.size, LEARNT_AT.size)
    return rows.transpose(0, 2, 1).reshape(-1, len(TERMS)), happened.ravel(), weight, over.ravel()


def _fading(times: Floats) -> Floats:
    """(g, k) factors of TERMS after so many times the days: slopes fade, the intercept stays."""
    slopes = np.repeat(times[:, None] ** -FADE, len(TERMS), axis=1)
    slopes[:, 0] = 1.0
    return slopes


def _long(resource: str, days: Integers, terms: list[str], values: Floats) -> pl.DataFrame:
    named = {"resource": [resource] * len(terms), "days": days, "term": terms, "value": values}
    return pl.DataFrame(named, schema={"resource": pl.String, "days": pl.Int64, "term": pl.String, "value": pl.Float64})
