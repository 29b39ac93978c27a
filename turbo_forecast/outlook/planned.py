"""Probabilities of a forecast with planned changes: stretch by stretch, between one change and the next.

Belongs here: what changes of a series mean for the statements about its thresholds. Does not belong here: probabilities themselves
(`statements.py`), and what changes come to (`loads.py`).

A load changes at once, so its highest level before a change says nothing of how high it climbs after it. Each stretch is asked
for itself, with its own highest level and its own uncertainty: that of the forecast, times how much of forecasts the load
consists of. The threshold is reached by a day with the largest of the stretches' probabilities up to it. A stretch in which
nothing is left of the load reaches nothing. While nothing but load is added, a threshold is never less likely to be reached
than without plans, and while nothing but load is taken away, never more likely: the highest level may lie before a change.
"""

from dataclasses import dataclass, replace

import numpy as np

from turbo_forecast.outlook.learning import OutlookModel
from turbo_forecast.outlook.levels import Flags, Floats, Integers, highest_so_far, levels_after
from turbo_forecast.outlook.signals import Signals
from turbo_forecast.outlook.statements import probabilities
from turbo_forecast.schemas.outlook import LEVEL_DAYS

MIN_SPREAD = 0.05
"""The least share of a forecast's uncertainty that remains, where what is planned is known to the point."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What is planned for n series on each of h days after the origin.

    unplanned: (n, h) the forecast without it, percent. stretch: (n, h) number of the stretch that the day is in, from 0, which
    is before any change. weight: (n, h) how much of forecasts the load consists of; 1 before any change.
    """

    unplanned: Floats
    stretch: Integers
    weight: Floats

    def take(self, rows: Integers) -> "Planned":
        """The same of some of the series."""
        return Planned(self.unplanned[rows], self.stretch[rows], self.weight[rows])


def planned_probabilities(
    model: OutlookModel,
    resource: Integers,
    signals: Signals,
    before: Floats,
    forecast: Floats,
    planned: Planned,
    thresholds: Floats,
) -> Floats:
    """(n, t, h) that the 7-day mean reaches each threshold on one of the first 1, 2, … h days after the origin.

    before: (n, b) observed percent of the days up to the origin. forecast: (n, h) percent, with what is planned. The others are
    as for `probabilities`, and so is the answer, where nothing is planned.
    """
    levels, unplanned_levels = levels_after(before, forecast), levels_after(before, planned.unplanned)
    found = np.zeros((*thresholds.shape, forecast.shape[1]))
    for number in range(int(planned.stretch.max(initial=0)) + 1):
        rows = np.flatnonzero((planned.stretch == number).any(axis=1))
        inside = planned.stretch[rows] == number
        first = inside.argmax(axis=1)
        spread = np.take_along_axis(planned.weight[rows], first[:, None], axis=1)[:, 0]
        idle = inside & (planned.weight[rows] == 0) & (forecast[rows] == 0)
        own = inside & ~idle & ~_carried_over(levels[rows], inside, first)
        highest, unplanned_highest = (
            highest_so_far(np.where(own, each[rows], np.nan)) for each in (levels, unplanned_levels)
        )
        reached = probabilities(
            model,
            resource[rows],
            _moved(signals.take(rows), (forecast - planned.unplanned)[rows], first),
            highest,
            thresholds[rows],
            highest - unplanned_highest,
            np.maximum(spread, MIN_SPREAD),
        )
        found[rows] = np.maximum(found[rows], np.where(own[:, None, :], reached, 0.0))
    changed = np.flatnonzero(planned.stretch.any(axis=1))
    unplanned = probabilities(
        model, resource[changed], signals.take(changed), highest_so_far(unplanned_levels[changed]), thresholds[changed]
    )
    more, less = _monotone_changes(forecast[changed], planned.take(changed))
    found[changed] = np.maximum(found[changed], np.where(more, unplanned, 0.0))
    found[changed] = np.minimum(np.maximum.accumulate(found[changed], axis=2), np.where(less, unplanned, 1.0))
    grown: Floats = np.maximum.accumulate(found, axis=2)
    return grown


def _monotone_changes(forecast: Floats, planned: Planned) -> tuple[Flags, Flags]:
    """(n, 1, h) whether up to and with a day nothing but load was added, and whether nothing but load was taken away."""
    added = (forecast >= planned.unplanned) & (planned.weight >= 1)
    taken = (forecast <= planned.unplanned) & (planned.weight <= 1)
    more, less = (np.logical_and.accumulate(each, axis=1)[:, None, :] for each in (added, taken))
    return more, less


def _moved(signals: Signals, change: Floats, first: Integers) -> Signals:
    """What is known of the series, had they been at the stretch's level from the start: over a threshold, or below it.

    change: (n, h) what is planned adds to the forecast, percentage points. first: (n,) the stretch's first day.
    """
    by = np.take_along_axis(change, first[:, None], axis=1)[:, 0]
    return replace(signals, level=signals.level + by, start=signals.start + by)


def _carried_over(levels: Floats, inside: Flags, first: Integers) -> Flags:
    """(n, h) days of a stretch whose 7-day mean still mixes in higher days from before it."""
    days = np.arange(levels.shape[1])
    last = levels.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
    settled = np.minimum(first + LEVEL_DAYS - 1, last)
    is_mixed = inside & (days < settled[:, None]) & (first > 0)[:, None]
    carried_over: Flags = is_mixed & (levels > np.take_along_axis(levels, settled[:, None], axis=1))
    return carried_over
