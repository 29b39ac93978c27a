"""The chart of a series, and of a host's series below each other on one time axis.

Belongs here: views with their data. `series_chart` and `host_chart` give charts of Altair, for notebooks; `specification` gives what a
browser draws, in milliseconds: the marks are built once, and only which are drawn, data and titles are put in. Does not belong
here: the marks (`marks.py`), what is drawn (`picture.py`), PNG, SVG and HTML (`export.py`).
"""

from collections.abc import Sequence
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
    marks,
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
        schema, own = _frame(shape, place)
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


def _frame(shape: Shape, place: int) -> tuple[str, dict[str, Any]]:
    """Vega-Lite's schema, and the specification of the view at a place, without data: with its own datasets and its own selection."""
    schema, every_mark, selections = _all_marks(shape.intervals)
    drawn = [(name, _copied(mark)) for name, mark in every_mark if name in shape.drawn]
    for _, mark in drawn:
        mark["data"]["name"] += str(place)
        if "color" in mark["encoding"]:
            mark["encoding"]["color"]["legend"]["values"] = list(shape.legend)
    layers = [mark for _, mark in drawn]
    if DAYS not in shape.drawn:
        return schema, {"layer": layers}
    pointed = layers[-1]
    pointed["name"] = f"pointed{place}"
    pointed["encoding"]["opacity"]["condition"][0]["param"] = f"{HOVERED}{place}"
    params = [_copied(each) | {"name": f"{HOVERED}{place}", "views": [pointed["name"]]} for each in selections]
    return schema, {"layer": layers, "params": params}


@lru_cache(maxsize=16)
def _all_marks(
    intervals: tuple[tuple[str, str, str], ...],
) -> tuple[str, list[tuple[str, dict[str, Any]]], list[dict[str, Any]]]:
    """Vega-Lite's schema, every mark that a view with these intervals may have, as `marks` has them, and the selections.

    Altair takes some 100 ms to build them; which of them are drawn, and what the legend names, is put in afterwards.
    """
    sources = {name: alt.NamedData(name) for name in DATASETS}
    needed = [name for name, _ in marks(sources, Shape(intervals, frozenset(), ()), HOVERED)]
    found: dict[str, Any] = view(sources, Shape(intervals, frozenset(needed), ()), HOVERED).to_dict()
    return found["$schema"], list(zip(needed, found["layer"], strict=True)), found["params"]


def _copied(value: Any) -> Any:
    """A copy of what JSON can hold, in a tenth of the time that `deepcopy` takes."""
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


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
    columns = [column for column in rows if column.null_count() < len(column)]
    names = [column.name for column in columns]
    values = zip(*(column.to_list() for column in columns), strict=True)
    return [{name: value for name, value in zip(names, row, strict=True) if value is not None} for row in values]
