"""The outlook's model: logistic regressions and calibration curves, fitted on windows that have ended, a set a resource and grid day.

Belongs here: from evidence of earlier windows to a model of few numbers, and that as a frame. Does not belong here: which windows are
earlier; the caller hands in what may be known.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from turbo_forecast.outlook.levels import Flags, Floats, Integers
from turbo_forecast.outlook.regression import KNOTS, calibration_curve, logistic_regression, sigmoid
from turbo_forecast.outlook.signals import GRID, Signals
from turbo_forecast.schemas.outlook import PREDICTORS

FIT_THRESHOLDS = np.arange(20.0, 100.0, 5.0)
"""Percent: thresholds the windows are asked about, whatever the outlook's own are: these may be changed afterwards."""
TERMS = ("intercept", *PREDICTORS)
FLEET = "all"
"""The resource name of the model of all resources together."""
FLEET_RIDGE, RESOURCE_RIDGE = 0.5, 5.0
"""How strongly the fleet's coefficients are shrunk towards PRIOR, and a resource's towards the fleet's."""
PRIOR = np.array([0.5, 1.0, 0.2, 0.2])
"""Of TERMS: the coefficients before any window has ended, as of 30 days; the slopes fall with the days as DECAY_POWER says."""
DECAY_POWER = 0.3
"""Power of the days with which slopes fall beyond the last grid day that windows reach."""
PRIOR_WINDOWS = 2.0
"""The resource's median error counts as so many windows of a series; MIN_ERROR percentage points are the least that is expected."""
MIN_ERROR = 1.0
MAX_WINDOWS = 4000
"""Windows beyond so many of a resource, and of the fleet, are passed over, evenly."""
SEASON_AMPLITUDE = 0.95
"""By how much windows of the same time of the year count for more than one, and those of the opposite for less."""
BELOW, OVER = 0, 1
"""Indices of the two curves: of series below the threshold at the origin, or of unknown level; of those at or above it."""

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
class OutlookModel:
    """A fitted model. resources: m names, the fleet's FLEET first. coefficients: (m, g, k) of TERMS, on each day of GRID.
    curves: (m, 2, c) probability at regression.KNOTS, BELOW and OVER. windows: (m,) how many it rests on.
    """

    resources: tuple[str, ...]
    coefficients: Floats
    curves: Floats
    windows: Integers

    def rows_of(self, names: pl.Series) -> Integers:
        """(n,) the row of each resource name; the fleet's for one without windows of its own."""
        rows = {name: row for row, name in enumerate(self.resources)}
        return names.replace_strict(rows, default=0, return_dtype=pl.Int64).to_numpy()

    def to_frame(self) -> pl.DataFrame:
        """`resource, days, term, value`: coefficients by grid day, knots of the curve and the number of windows with days 0."""
        parts = []
        for row, resource in enumerate(self.resources):
            by_day = {term: self.coefficients[row, :, k] for k, term in enumerate(TERMS)}
            parts += [_long(resource, GRID, [term] * GRID.size, values) for term, values in by_day.items()]
            parts += [
                _long(resource, np.zeros(KNOTS.size, np.int64), knots, self.curves[row, state])
                for state, knots in enumerate(_KNOT_NAMES)
            ]
            parts.append(_long(resource, np.zeros(1, np.int64), ["windows"], self.windows[[row]].astype(np.float64)))
        return pl.concat(parts)

    @staticmethod
    def from_frame(frame: pl.DataFrame) -> "OutlookModel":
        """What `to_frame` stored, in whatever order its rows are read."""
        names = frame["resource"].unique(maintain_order=True).sort().to_list()
        resources = (FLEET, *(name for name in names if name != FLEET))
        values = {row[:3]: row[3] for row in frame.select("resource", "days", "term", "value").iter_rows()}
        coefficients = [[[values[name, day, term] for term in TERMS] for day in GRID.tolist()] for name in resources]
        curves = [[[values[name, 0, knot] for knot in knots] for knots in _KNOT_NAMES] for name in resources]
        windows = [int(values[name, 0, "windows"]) for name in resources]
        return OutlookModel(resources, np.array(coefficients), np.array(curves), np.array(windows, dtype=np.int64))


def season_weights(origins: Integers, origin: int) -> Floats:
    """(n,) how much windows that began at `origins` count for one that begins at `origin`, all day numbers.

    1 + SEASON_AMPLITUDE * cos of the angle between them in the year: most for the same time of the year, least for the opposite one.
    What moves a whole fleet, holidays and budgets, keeps to the calendar.
    """
    weights: Floats = 1.0 + SEASON_AMPLITUDE * np.cos(2 * np.pi * (origins - origin) / 365.25)
    return weights


def own_errors(evidence: Evidence, series: Integers, group: Integers) -> Floats:
    """(m,) how far off the forecast's peak is expected to be for m series, percentage points, from their windows.

    series, group: (m,) the numbers that `evidence` has for them. The root mean square over a series' windows, shrunk towards the
    median of its resource's as if that were PRIOR_WINDOWS more; NaN where no window says anything.
    """
    squared_errors, counts = _squared_errors_by_series(evidence, int(series.max(initial=0)) + 1)
    return _shrunken(squared_errors[series], counts[series], _median_squared_errors(evidence, group))


def _leave_one_out_errors(evidence: Evidence) -> Floats:
    """(n,) the same for each window, from the other windows of its series, so that no window is evaluated by its own error."""
    squared_errors, counts = _squared_errors_by_series(evidence, 0)
    own = evidence.error**2
    has_error = ~np.isnan(own)
    rest = np.maximum(squared_errors[evidence.series] - np.where(has_error, own, 0.0), 0.0)
    return _shrunken(rest, counts[evidence.series] - has_error, _median_squared_errors(evidence, evidence.group))


def _squared_errors_by_series(evidence: Evidence, least: int) -> tuple[Floats, Floats]:
    """Sum of squared errors, and number of windows with one, of each series; of `least` series at least."""
    has_error = ~np.isnan(evidence.error)
    series, squared_errors = evidence.series[has_error], evidence.error[has_error] ** 2
    size = max(least, int(evidence.series.max(initial=-1)) + 1)
    sums, counts = np.bincount(series, squared_errors, size), np.bincount(series, minlength=size)
    return sums.astype(np.float64), counts.astype(np.float64)


def _median_squared_errors(evidence: Evidence, group: Integers) -> Floats:
    """(m,) the median squared error of the windows of each one's resource; of all windows where it has none."""
    squared_errors = evidence.error**2
    medians = np.full(group.size, np.nan)
    for code in np.unique(group):
        own = squared_errors[evidence.group == code]
        known = own[~np.isnan(own)] if (~np.isnan(own)).any() else squared_errors[~np.isnan(squared_errors)]
        if known.size:
            medians[group == code] = np.median(known)
    return medians


def _shrunken(squared_errors: Floats, counts: Floats, typical: Floats) -> Floats:
    """The root mean square error, shrunk towards the typical one."""
    errors: Floats = np.sqrt((squared_errors + PRIOR_WINDOWS * typical) / (counts + PRIOR_WINDOWS))
    return np.maximum(errors, MIN_ERROR)


def fit_outlook_model(evidence: Evidence, resources: tuple[str, ...]) -> OutlookModel:
    """The model of the fleet and of each resource, whose coefficients are shrunk towards the fleet's.

    resources: the names that `evidence.group` numbers; one called FLEET has the fleet's model. Without any window: PRIOR, and the
    logistic curve.
    """
    evidence = replace(evidence, signals=replace(evidence.signals, error=_leave_one_out_errors(evidence)))
    all_windows = np.arange(evidence.group.size)
    fleet = _fit_group(evidence, all_windows, PRIOR * _decay(GRID / 30.0), FLEET_RIDGE, np.tile(sigmoid(KNOTS), (2, 1)))
    fits, counts = [fleet], [all_windows.size]
    named = {code: name for code, name in enumerate(resources) if name != FLEET}
    for code in named:
        own = all_windows[evidence.group == code]
        fits.append(
            fleet if own.size == all_windows.size else _fit_group(evidence, own, fleet[0], RESOURCE_RIDGE, fleet[1])
        )
        counts.append(own.size)
    coefficients, curves = (np.array(each) for each in zip(*fits, strict=True))
    return OutlookModel((FLEET, *named.values()), coefficients, curves, np.array(counts, dtype=np.int64))


def _fit_group(
    evidence: Evidence, windows: Integers, prior: Floats, ridge: float, prior_curve: Floats
) -> tuple[Floats, Floats]:
    """(g, k) coefficients and (2, c) curves of some of the windows.

    prior: (g, k). prior_curve: (2, c). Both are what is kept where there are no windows.
    """
    if windows.size > MAX_WINDOWS:
        windows = windows[np.arange(MAX_WINDOWS) * windows.size // MAX_WINDOWS]
    coefficients, last = prior.copy(), -1
    log_odds, outcomes, weights, overs = [], [], [], []
    for column in range(GRID.size):
        rows, happened, weight, over = _regression_rows(evidence, windows, column)
        if not happened.size:
            continue
        coefficients[column] = logistic_regression(rows, happened, weight, prior[column], ridge)
        log_odds.append(rows @ coefficients[column])
        outcomes.append(happened)
        weights.append(weight)
        overs.append(over)
        last = column
    if last < 0:
        return coefficients, prior_curve
    coefficients[last + 1 :] = coefficients[last] * _decay(GRID[last + 1 :] / GRID[last])
    share = np.concatenate(weights) / len(weights)
    index, happened, over = np.concatenate(log_odds), np.concatenate(outcomes), np.concatenate(overs)
    below, above = (
        calibration_curve(index[own], happened[own], share[own], prior)
        for own, prior in zip((~over, over), prior_curve, strict=True)
    )
    return coefficients, np.stack([below, np.maximum(below, above)])


def _regression_rows(evidence: Evidence, windows: Integers, column: int) -> tuple[Floats, Floats, Floats, Flags]:
    """Each window asked about each of FIT_THRESHOLDS, up to one grid day: (r, k) terms, (r,) whether it happened, (r,) weight, and
    (r,) whether the series was over already. Windows that cannot be judged up to that day are left out.
    """
    usable = windows[
        ~np.isnan(evidence.reached[windows, column]) & ~np.isnan(evidence.signals.peaks[windows, :, column]).any(axis=1)
    ]
    distance = evidence.signals.peaks[usable, :, column, None] - FIT_THRESHOLDS
    scaled = distance / evidence.signals.scale[usable, None, None]
    over = evidence.signals.level[usable, None] >= FIT_THRESHOLDS
    rows = np.concatenate([np.ones((usable.size, 1, FIT_THRESHOLDS.size)), scaled], axis=1)
    happened = (evidence.reached[usable, column, None] >= FIT_THRESHOLDS).astype(np.float64)
    weight = np.repeat(evidence.weight[usable] / FIT_THRESHOLDS.size, FIT_THRESHOLDS.size)
    return rows.transpose(0, 2, 1).reshape(-1, len(TERMS)), happened.ravel(), weight, over.ravel()


def _decay(times: Floats) -> Floats:
    """(g, k) factors of TERMS after so many times the days: slopes fade, the intercept stays."""
    slopes = np.repeat(times[:, None] ** -DECAY_POWER, len(TERMS), axis=1)
    slopes[:, 0] = 1.0
    return slopes


def _long(resource: str, days: Integers, terms: list[str], values: Floats) -> pl.DataFrame:
    named = {"resource": [resource] * len(terms), "days": days, "term": terms, "value": values}
    return pl.DataFrame(named, schema={"resource": pl.String, "days": pl.Int64, "term": pl.String, "value": pl.Float64})
