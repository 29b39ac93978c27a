"""The chart of a series, and of a host's series below each other on one time axis.

Belongs here: views with their data. `series_chart` and `host_chart` give charts of Altair, for notebooks; `specification` gives what a
browser draws, in milliseconds: the marks are built once for charts of the same shape, and only data and titles are put in. Does not belong
here: the marks (`marks.py`), what is drawn (`picture.py`), PNG, SVG and HTML (`export.py`).
"""

from collections.abc import Sequence
from copy import deepcopy
from functools import lru_cache
from typing import Any

import altair as alt
import polars as pl

from turbo_forecast.charts.marks import (
    CHANGES,
    DATASETS,
    DAYS,
    EARLIER,
    HOVERED,
    THRESHOLDS,
    WINDOWS,
    Shape,
    interval_fields,
    view,
)
from turbo_forecast.charts.picture import (
    SeriesPicture,
    changes_of,
    days_of,
    earlier_of,
    thresholds_of,
    windows_of,
)
from turbo_forecast.charts.themes import BACKTEST, EARLIER_FORECASTS, FORECAST, MOST_INTERVALS, OBSERVED, Theme, config

WIDTH, HEIGHT, HEIGHT_OF_ONE = 900, 170, 320
"""Pixels of the drawing, without its axes."""
SPACING = 14


def series_chart(
    picture: SeriesPicture, *, theme: Theme = "light", width: int = WIDTH, height: int = HEIGHT_OF_ONE
) -> alt.LayerChart:
    """One series as a chart of Altair, with its data, to be shown in a notebook, saved or changed."""
    ((shape, frames),) = _shaped([picture])
    sized = view(frames, shape, HOVERED).properties(width=width, height=height, title=picture.title)
    chart: alt.LayerChart = sized.configure(**config(theme))
    return chart


def host_chart(
    pictures: Sequence[SeriesPicture],
    *,
    title: str = "",
    theme: Theme = "light",
    width: int = WIDTH,
    height: int | None = None,
) -> alt.VConcatChart:
    """Several series below each other on one time axis, as a chart of Altair. pictures: one or more. height: of each."""
    high = _height(pictures, height)
    views = [
        view(frames, shape, f"{HOVERED}{place}").properties(width=width, height=high, title=picture.title)
        for place, (picture, (shape, frames)) in enumerate(zip(pictures, _shaped(pictures), strict=True))
    ]
    together = alt.vconcat(*views, spacing=SPACING).resolve_scale(x="shared")
    titled = together.properties(title=title) if title else together
    chart: alt.VConcatChart = titled.configure(**config(theme))
    return chart


def specification(
    pictures: Sequence[SeriesPicture],
    *,
    title: str = "",
    theme: Theme = "light",
    width: int = WIDTH,
    height: int | None = None,
) -> dict[str, Any]:
    """The Vega-Lite specification of the same chart as a dictionary for JSON, data and all. pictures: one or more. height: of each.

    For another width, set `width` of each view in `vconcat`; for another theme, put its `themes.config` in the place of `config`.
    """
    schema, views, selections = "", [], []
    datasets: dict[str, list[dict[str, Any]]] = {}
    for place, (picture, (shape, frames)) in enumerate(zip(pictures, _shaped(pictures), strict=True)):
        schema, marks = _frame(shape)
        own = _numbered(marks, place)
        selections += own.pop("params", [])
        views.append({"width": width, "height": _height(pictures, height), "title": picture.title} | own)
        datasets |= {f"{name}{place}": _records(rows) for name, rows in frames.items()}
    return {
        "$schema": schema,
        "config": config(theme),
        **({"title": title} if title else {}),
        "vconcat": views,
        "spacing": SPACING,
        "resolve": {"scale": {"x": "shared"}},
        "params": selections,
        "datasets": datasets,
    }


def _height(pictures: Sequence[SeriesPicture], height: int | None) -> int:
    """Of each view: one alone is higher."""
    return height or (HEIGHT if len(pictures) > 1 else HEIGHT_OF_ONE)


@lru_cache(maxsize=64)
def _frame(shape: Shape) -> tuple[str, dict[str, Any]]:
    """Vega-Lite's schema, and the specification of one view without data: to build one costs some 100 ms."""
    sources = {name: alt.NamedData(name) for name in DATASETS}
    found: dict[str, Any] = view(sources, shape, HOVERED).to_dict()
    of_all = found.get("data")  # where all marks are of one dataset, Altair names it once
    layers = [{"data": dict(of_all), **layer} if of_all else layer for layer in found["layer"]]
    return found["$schema"], {"layer": layers, **({"params": found["params"]} if "params" in found else {})}


def _numbered(marks: dict[str, Any], place: int) -> dict[str, Any]:
    """A copy of a view with its own datasets and its own selection."""
    own = deepcopy(marks)
    for layer in own["layer"]:
        layer["data"]["name"] += str(place)
    for selection in own.get("params", []):
        pointed = own["layer"][-1]
        pointed["name"] = f"pointed{place}"
        pointed["encoding"]["opacity"]["condition"][0]["param"] = f"{HOVERED}{place}"
        selection |= {"name": f"{HOVERED}{place}", "views": [pointed["name"]]}
    return own


def _shaped(pictures: Sequence[SeriesPicture]) -> list[tuple[Shape, dict[str, pl.DataFrame]]]:
    """Each picture's datasets and which of its marks they are for; of further intervals, as many as there are colours."""
    widths = sorted({width for picture in pictures for width in picture.further_widths})[: MOST_INTERVALS - 1]
    intervals = interval_fields(pictures[0].interval_width, widths)
    datasets = [_datasets(picture, widths) for picture in pictures]
    drawn = [_drawn(frames) for frames in datasets]
    told = {"y": OBSERVED, "f": FORECAST, "b": BACKTEST, EARLIER: EARLIER_FORECASTS}
    told |= {lower: name for name, lower, _ in intervals}
    legend = tuple(name for mark, name in told.items() if any(mark in own for own in drawn))
    return [(Shape(intervals, own, legend), frames) for own, frames in zip(drawn, datasets, strict=True)]


def _drawn(frames: dict[str, pl.DataFrame]) -> frozenset[str]:
    """Datasets that have rows, and fields of days that have values."""
    days = frames[DAYS]
    fields = [name for name in days.columns if days[name].null_count() < len(days)]
    return frozenset([*fields, *(name for name, rows in frames.items() if len(rows))])


def _datasets(picture: SeriesPicture, widths: Sequence[float]) -> dict[str, pl.DataFrame]:
    return {
        DAYS: days_of(picture, widths),
        WINDOWS: windows_of(picture),
        THRESHOLDS: thresholds_of(picture),
        CHANGES: changes_of(picture),
        EARLIER: earlier_of(picture),
    }


def _records(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows without nulls, which JSON would be full of."""
    return [{name: value for name, value in row.items() if value is not None} for row in rows.iter_rows(named=True)]
