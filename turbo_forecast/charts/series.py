"""The chart of a series, and of a host's series on one time axis: history, forecast, intervals, thresholds, planned changes.

Belongs here: the marks, and the two ways to a chart. `series_chart` gives a chart of Altair, for notebooks; `specification` what a
browser draws, in milliseconds: the marks are built once for each shape of chart, and only data and titles are put in. Does not belong
here: what is drawn (`picture.py`), colours (`themes.py`), PNG, SVG and HTML (`export.py`).

Names that others chose are data or titles, never part of an expression or a field's name.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from typing import Any

import altair as alt
import polars as pl

from turbo_forecast.charts import themes
from turbo_forecast.charts.picture import (
    SeriesPicture,
    changes_of,
    days_of,
    earlier_of,
    thresholds_of,
    windows_of,
)
from turbo_forecast.charts.themes import Theme, config

WIDTH, HEIGHT, HEIGHT_OF_ONE = 900, 170, 320
"""Pixels of the drawing, without its axes."""
PERCENT = alt.Scale(domain=[0, 100], clamp=True)
DAYS, WINDOWS, THRESHOLDS, CHANGES, EARLIER = "days", "windows", "thresholds", "changes", "earlier"
"""Names of a picture's datasets."""
_SHOWN = {"y": "observed", "f": "forecast", "b": "backtest", "l": "interval from", "u": "interval to"}
"""Fields of a day, as the pointer shows them."""

HOVERED = "day"
"""The selection of the day that the pointer is nearest to."""
SPACING = 14


def series_chart(
    picture: SeriesPicture, *, theme: Theme = "light", width: int = WIDTH, height: int = HEIGHT_OF_ONE
) -> alt.LayerChart:
    """One series as a chart of Altair, with its data, to be shown in a notebook, saved or changed."""
    widths = _drawn_widths([picture])
    view = _view(_datasets(picture, widths), picture.interval_width, widths, HOVERED)
    chart: alt.LayerChart = view.properties(width=width, height=height, title=picture.title).configure(**config(theme))
    return chart


def host_chart(
    pictures: Sequence[SeriesPicture],
    *,
    title: str = "",
    theme: Theme = "light",
    width: int = WIDTH,
    height: int = HEIGHT,
) -> alt.VConcatChart:
    """Several series below each other on one time axis, as a chart of Altair. pictures: one or more."""
    widths = _drawn_widths(pictures)
    views = []
    for place, picture in enumerate(pictures):
        view = _view(_datasets(picture, widths), picture.interval_width, widths, f"{HOVERED}{place}")
        views.append(view.properties(width=width, height=height, title=picture.title))
    chart = alt.vconcat(*views, spacing=SPACING).resolve_scale(x="shared")
    themed: alt.VConcatChart = chart.properties(title=title).configure(**config(theme))
    return themed


def specification(
    pictures: Sequence[SeriesPicture],
    *,
    title: str = "",
    theme: Theme = "light",
    width: int = WIDTH,
    height: int = HEIGHT,
) -> dict[str, Any]:
    """The Vega-Lite specification of the same chart as a dictionary for JSON, data and all. pictures: one or more.

    Drawn at another width, set `width` of every view in `vconcat`; in another theme, put its `themes.config` in the place of `config`.
    """
    widths = _drawn_widths(pictures)
    schema, view = _frame(pictures[0].interval_width, widths, any(len(each.earlier) for each in pictures))
    numbered = [_numbered(view, place) for place in range(len(pictures))]
    datasets: dict[str, list[dict[str, Any]]] = {}
    for place, (own, picture) in enumerate(zip(numbered, pictures, strict=True)):
        own |= {"width": width, "height": height, "title": picture.title}
        datasets |= {f"{name}{place}": _records(rows) for name, rows in _datasets(picture, widths).items()}
    return {
        "$schema": schema,
        "config": config(theme),
        **({"title": title} if title else {}),
        "vconcat": numbered,
        "spacing": SPACING,
        "resolve": {"scale": {"x": "shared"}},
        "params": [param for own in numbered for param in own.pop("params")],
        "datasets": datasets,
    }


@lru_cache(maxsize=32)
def _frame(interval_width: float, widths: tuple[float, ...], has_earlier: bool) -> tuple[str, dict[str, Any]]:
    """Vega-Lite's schema, and the specification of one view without data: building one costs some 100 ms."""
    sources = {name: alt.NamedData(name) for name in (DAYS, WINDOWS, THRESHOLDS, CHANGES, EARLIER)}
    found: dict[str, Any] = _view(sources, interval_width, widths, HOVERED, has_earlier).to_dict()
    return found["$schema"], {name: found[name] for name in ("layer", "params")}


def _numbered(view: dict[str, Any], place: int) -> dict[str, Any]:
    """A copy of the view with its own datasets and its own selection."""
    own = deepcopy(view)
    for layer in own["layer"]:
        layer["data"]["name"] += str(place)
    (selection,), pointed = own["params"], own["layer"][-1]
    pointed["name"] = f"pointed{place}"
    pointed["encoding"]["opacity"]["condition"][0]["param"] = f"{HOVERED}{place}"
    selection |= {"name": f"{HOVERED}{place}", "views": [pointed["name"]]}
    return own


def _records(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows without nulls, which JSON would be full of."""
    return [{name: value for name, value in row.items() if value is not None} for row in rows.iter_rows(named=True)]


def _drawn_widths(pictures: Sequence[SeriesPicture]) -> tuple[float, ...]:
    """Widths of the further intervals of any picture, ascending; as many as there are colours."""
    widths = sorted({width for picture in pictures for width in picture.further_widths})
    return tuple(widths[: themes.MOST_INTERVALS - 1])


def _datasets(picture: SeriesPicture, widths: Sequence[float]) -> dict[str, pl.DataFrame]:
    return {
        DAYS: days_of(picture, widths),
        WINDOWS: windows_of(picture),
        THRESHOLDS: thresholds_of(picture),
        CHANGES: changes_of(picture),
        EARLIER: earlier_of(picture),
    }


def _view(
    sources: Mapping[str, Any],
    interval_width: float,
    widths: Sequence[float],
    hovered: str,
    has_earlier: bool | None = None,
) -> Any:
    """One series: intervals first, then rules and lines, last what the pointer shows. An alt.LayerChart.

    sources: what Altair takes as data of each dataset. hovered: the name of the selection. has_earlier: whether the legend names them.
    """
    intervals = _interval_names(interval_width, widths)
    colours = [*themes.LINES, *intervals]
    earlier = len(sources[EARLIER]) > 0 if has_earlier is None else has_earlier
    legend = [name for name in colours if earlier or name != themes.EARLIER]
    colour = alt.Color(
        "what:N",
        scale=alt.Scale(domain=colours),
        legend=alt.Legend(title=None, orient="top", symbolType="square", values=legend),
    )
    days = alt.Chart(sources[DAYS]).encode(x=_day())
    layers = [*_intervals(days, intervals, colour), *_rules(sources), *_lines(days, sources, colour)]
    return alt.layer(*layers, *_pointer(days, hovered))


def _day() -> alt.X:
    """The time axis. Days are UTC, so that no reader's time zone moves them."""
    axis = alt.Axis(labelOverlap=True, tickCount=10, grid=False)
    return alt.X("d:T", scale=alt.Scale(type="utc"), axis=axis, title=None)


def _percent(field: str) -> alt.Y:
    axis = alt.Axis(values=[0, 20, 40, 60, 80, 100], tickCount=6)
    return alt.Y(f"{field}:Q", scale=PERCENT, axis=axis, title="percent")


def _named(chart: alt.Chart, name: str, colour: alt.Color) -> alt.Chart:
    """The chart in the colour of what it tells, with its place in the legend. name: one of this module's."""
    return chart.transform_calculate(what=f"'{name}'").encode(color=colour)


def _interval_names(interval_width: float, widths: Sequence[float]) -> dict[str, tuple[str, str]]:
    """Fields of each interval's bounds by what it is called, the narrowest first."""
    fields = {interval_width: ("l", "u")} | {width: (f"l{place}", f"u{place}") for place, width in enumerate(widths)}
    return {f"{100 * width:g} % interval": fields[width] for width in sorted(fields)}


def _intervals(days: alt.Chart, named: Mapping[str, tuple[str, str]], colour: alt.Color) -> list[alt.Chart]:
    """Bands, the widest below the others."""
    return [
        _named(days.transform_filter(f"isValid(datum.{lower})"), name, colour)
        .mark_area(opacity=1)
        .encode(y=_percent(lower), y2=alt.Y2(f"{upper}:Q"))
        for name, (lower, upper) in reversed(list(named.items()))
    ]


def _rules(sources: Mapping[str, Any]) -> list[alt.Chart]:
    """Where windows end, thresholds, planned changes, each with its label."""
    windows, changes = (alt.Chart(sources[name]).encode(x=_day()) for name in (WINDOWS, CHANGES))
    thresholds = alt.Chart(sources[THRESHOLDS]).encode(y=_percent("t"))
    return [
        windows.mark_rule(style=themes.RULE),
        windows.mark_text(style=f"{themes.RULE}-label", align="right", baseline="bottom", dx=2).encode(
            y=alt.value(-4), text="label:N"
        ),
        thresholds.mark_rule(style=themes.THRESHOLD),
        thresholds.mark_text(style=f"{themes.THRESHOLD}-label", align="left", baseline="middle", dx=4).encode(
            x=alt.value("width"), y=_percent("at"), text="label:N"
        ),
        changes.mark_rule(style=themes.CHANGE),
        changes.mark_text(style=f"{themes.CHANGE}-label", align="right", baseline="middle", dx=-4).encode(
            y=_percent("at"), text="label:N"
        ),
    ]


def _lines(days: alt.Chart, sources: Mapping[str, Any], colour: alt.Color) -> list[alt.Chart]:
    """What was forecast earlier, what is forecast, and over it what was observed."""
    earlier = _named(alt.Chart(sources[EARLIER]).encode(x=_day()), themes.EARLIER, colour)
    observed = _named(days.transform_filter("isValid(datum.y) || datum.g"), themes.OBSERVED, colour)
    alone = _named(days.transform_filter("isValid(datum.o)"), themes.OBSERVED, colour)
    return [
        earlier.mark_line(strokeWidth=1, opacity=0.75).encode(y=_percent("f"), detail="c:N"),
        *(
            _named(days.transform_filter(f"isValid(datum.{field})"), name, colour)
            .mark_line(strokeWidth=1.8)
            .encode(y=_percent(field))
            for field, name in (("b", themes.BACKTEST), ("f", themes.FORECAST))
        ),
        observed.mark_line(strokeWidth=1.2).encode(y=_percent("y")),
        alone.mark_point(filled=True, size=12).encode(y=_percent("o")),
    ]


def _pointer(days: alt.Chart, hovered: str) -> list[alt.Chart]:
    """The day nearest to the pointer: a line there, and what is known of the day."""
    nearest = alt.selection_point(
        name=hovered, nearest=True, on="pointerover", encodings=["x"], clear="pointerout", empty=False
    )
    shown = {
        f"{field}_shown": f"isValid(datum.{field}) ? format(datum.{field}, '.1f') + ' %' : '–'" for field in _SHOWN
    }
    tips = [alt.Tooltip("utcyearmonthdate(d):T", title="day", format="%a %Y-%m-%d")]
    tips += [alt.Tooltip(f"{field}_shown:N", title=title) for field, title in _SHOWN.items()]
    opacity = alt.when(nearest).then(alt.value(0.7)).otherwise(alt.value(0))
    rule = days.transform_calculate(**shown).mark_rule(style=themes.HOVER)
    return [rule.encode(opacity=opacity, tooltip=tips).add_params(nearest)]
