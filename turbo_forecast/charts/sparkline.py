"""Small lines for tables: a series' last weeks and its forecast, as points of an SVG that a style sheet colours.

Belongs here: arrays to points, for many rows at once. Does not belong here: where the values come from (`answers/sparklines.py`), and
tables.

The classes `sparkline`, `history`, `forecast`, `band`, `threshold` are the dashboard's and the report's style sheets' to colour.
"""

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.answers.sparklines import WeeklyLevels

Floats = NDArray[np.floating[Any]]
WIDTH, HEIGHT = 120.0, 30.0
"""Of the view box: 100 % is at its top, 0 % at its bottom; each value has as much of the width as any other."""
VIEW_BOX = f"0 0 {WIDTH:g} {HEIGHT:g}"


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Points in the view box, as `points` of polylines and polygons have them.

    history: a polyline for each stretch without a gap. forecast: one polyline; band: the polygon between its bounds; both empty without
    a forecast. threshold: the height of its line, None without one. now: where the forecast begins.
    """

    history: tuple[str, ...]
    forecast: str
    band: str
    threshold: float | None
    now: float
    view_box: str = VIEW_BOX

    def svg(self, label: str = "") -> str:
        """The whole picture as SVG, its label escaped; without a label it is hidden from screen readers, the row has the facts."""
        told = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
        lines = "".join(f'<polyline class="history" points="{points}"/>' for points in self.history)
        band = f'<polygon class="band" points="{self.band}"/>' if self.band else ""
        ahead = f'<polyline class="forecast" points="{self.forecast}"/>' if self.forecast else ""
        bound = (
            ""
            if self.threshold is None
            else f'<line class="threshold" x1="0" x2="{WIDTH:g}" y1="{self.threshold:g}" y2="{self.threshold:g}"/>'
        )
        head = f'<svg class="sparkline" viewBox="{self.view_box}" preserveAspectRatio="none" {told}>'
        return f"{head}{band}{bound}{lines}{ahead}</svg>"


def lines_of(levels: WeeklyLevels) -> list[Sparkline]:
    """One for each series of what `answers.sparklines.weekly_levels` has found."""
    return sparklines(levels.history, levels.forecast, levels.lower, levels.upper, levels.thresholds)


def sparkline(
    history: Floats, forecast: Floats, lower: Floats, upper: Floats, threshold: float | None = None
) -> Sparkline:
    """One line of it. history: (h,) percent, NaN where nothing was observed; forecast, lower, upper: (f,) percent, NaN without one."""
    thresholds = np.array([np.nan if threshold is None else threshold])
    return sparklines(history[None], forecast[None], lower[None], upper[None], thresholds)[0]


def sparklines(history: Floats, forecast: Floats, lower: Floats, upper: Floats, thresholds: Floats) -> list[Sparkline]:
    """One for each of n rows. history: (n, h); forecast, lower, upper: (n, f); thresholds: (n,) percent, NaN for none."""
    before, ahead = history.shape[1], forecast.shape[1]
    across = np.round(np.linspace(0, WIDTH, before + ahead), 1) if before + ahead > 1 else np.zeros(before + ahead)
    x = [f"{each:g}" for each in across.tolist()]
    past, future = x[:before], x[before:]
    now = float(across[before - 1]) if before else 0.0
    heights = (_heights(values) for values in (history, forecast, lower, upper, thresholds))
    return [
        Sparkline(
            history=tuple(_stretches(past, own)),
            forecast=_points(future, middle),
            band=_band(future, low, high),
            threshold=bound,
            now=now,
        )
        for own, middle, low, high, bound in zip(*heights, strict=True)
    ]


def _heights(values: Floats) -> list[list[float | None]]:
    """Percent as heights from the top with one decimal, None for NaN; in the shape of the array."""
    found = np.round(HEIGHT * (1 - np.clip(values, 0, 100) / 100), 1)
    boxed = found.astype(object)
    boxed[np.isnan(found)] = None
    return boxed.tolist()  # type: ignore[no-any-return]


def _points(x: list[str], heights: list[float | None]) -> str:
    return " ".join(f"{across},{height:g}" for across, height in zip(x, heights, strict=True) if height is not None)


def _band(x: list[str], lower: list[float | None], upper: list[float | None]) -> str:
    """Along the upper bound, and back along the lower one."""
    there = [place for place, height in enumerate(lower) if height is not None and upper[place] is not None]
    return " ".join(
        [f"{x[place]},{upper[place]:g}" for place in there]
        + [f"{x[place]},{lower[place]:g}" for place in reversed(there)]
    )


def _stretches(x: list[str], heights: list[float | None]) -> list[str]:
    """The points of each stretch; one of a single point is drawn twice, since a line of one point is nothing."""
    found: list[list[str]] = [[]]
    for across, height in zip(x, heights, strict=True):
        if height is None:
            found.append([])
        else:
            found[-1].append(f"{across},{height:g}")
    return [" ".join(points if len(points) > 1 else points * 2) for points in found if points]
