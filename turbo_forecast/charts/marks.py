"""The marks of one series' view: intervals, rules with labels, lines, and what the pointer shows.

Belongs here: how each dataset of a picture is drawn. Does not belong here: the datasets (`picture.py`), views together (`series.py`), and
colours (`themes.py`).

Names that others chose are data or titles, never part of an expression or of a field's name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from turbo_forecast.charts import themes

DAYS, WINDOWS, THRESHOLDS, CHANGES, EARLIER = "days", "windows", "thresholds", "changes", "earlier"
DATASETS = (DAYS, WINDOWS, THRESHOLDS, CHANGES, EARLIER)
"""Names of a picture's datasets."""
HOVERED = "day"
"""The selection of the day that the pointer is nearest to."""
ABOVE = -4
"""Pixels from the view's upper edge at which a window's label stands."""
PERCENT = alt.Scale(domain=[0, 100], clamp=True)

Sources = Mapping[str, Any]
"""Of each dataset, what Altair takes as data: a frame, or a name."""

_SHOWN = {"observed": "y", "forecast": "f", "backtest": "b", "interval from": "l", "interval to": "u"}
"""What the pointer shows of a day, and the field it is in."""
_ROW = "(datum.datum || datum)"  # what the pointer meets is a cell around the mark, whose datum is the mark
_VALUES = ", ".join(
    f"'{title}': isValid({_ROW}.{field}) ? format({_ROW}.{field}, '.1f') + ' %' : '–'"
    for title, field in _SHOWN.items()
)
_POINTED = f"{{'day': utcFormat({_ROW}.d, '%a %Y-%m-%d'), {_VALUES}}}"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which marks a view has: charts of the same shape differ in data only.

    intervals: what each is called, with the fields of its bounds, the narrowest first. drawn: datasets and fields of days that are there: a
    mark without data has no place on the time axis. legend: what it names, the same in all views of a chart.
    """

    intervals: tuple[tuple[str, str, str], ...]
    drawn: frozenset[str]
    legend: tuple[str, ...]

    @property
    def colour(self) -> alt.Color:
        """What each line and interval tells, by the theme's range of colours."""
        named = [*themes.LINES, *(name for name, _, _ in self.intervals)]
        legend = alt.Legend(title=None, orient="top", symbolType="square", values=list(self.legend))
        return alt.Color("what:N", scale=alt.Scale(domain=named), legend=legend)


def interval_fields(interval_width: float, further_widths: Sequence[float]) -> tuple[tuple[str, str, str], ...]:
    """What each interval is called, and the fields of its bounds, the narrowest first."""
    fields = {interval_width: ("l", "u")}
    fields |= {width: (f"l{place}", f"u{place}") for place, width in enumerate(further_widths)}
    return tuple((f"{100 * width:g} % interval", *fields[width]) for width in sorted(fields))


def view(sources: Sources, shape: Shape, hovered: str) -> Any:
    """One series (an alt.LayerChart): intervals first, then rules and lines, last what the pointer shows.

    hovered: the name of the selection.
    """
    return alt.layer(*(mark for name, mark in marks(sources, shape, hovered) if name in shape.drawn))


def marks(sources: Sources, shape: Shape, hovered: str) -> list[tuple[str, alt.Chart]]:
    """All that a view may have, lowest first, whatever of it is drawn: each with the dataset or field of days that must be there."""
    days = alt.Chart(sources[DAYS]).encode(x=_day())
    pointer = (DAYS, _pointer(days, hovered))
    return [*_intervals(days, shape), *_rules(sources), *_lines(days, sources, shape), pointer]


def _day() -> alt.X:
    """The time axis. Days are UTC, so that no reader's time zone moves them."""
    axis = alt.Axis(labelOverlap=True, tickCount=10, grid=False)
    return alt.X("d:T", scale=alt.Scale(type="utc"), axis=axis, title=None)


def _percent(field: str) -> alt.Y:
    axis = alt.Axis(values=[0, 20, 40, 60, 80, 100], tickCount=6)
    return alt.Y(f"{field}:Q", scale=PERCENT, axis=axis, title="percent")


def _named(chart: alt.Chart, name: str, shape: Shape) -> alt.Chart:
    """The chart in the colour of what it tells, with its place in the legend. name: one of this module's."""
    return chart.transform_calculate(what=f"'{name}'").encode(color=shape.colour)


def _intervals(days: alt.Chart, shape: Shape) -> list[tuple[str, alt.Chart]]:
    """Bands, the widest below the others."""
    return [
        (
            lower,
            _named(days.transform_filter(f"isValid(datum.{lower})"), name, shape)
            .mark_area(opacity=1)
            .encode(y=_percent(lower), y2=alt.Y2(f"{upper}:Q")),
        )
        for name, lower, upper in reversed(shape.intervals)
    ]


def _rules(sources: Sources) -> list[tuple[str, alt.Chart]]:
    """Where windows end, thresholds, planned changes, each with its label."""
    windows, changes = (alt.Chart(sources[name]).encode(x=_day()) for name in (WINDOWS, CHANGES))
    thresholds = alt.Chart(sources[THRESHOLDS])
    right, at = alt.value("width"), _percent("at")
    return [
        (WINDOWS, windows.mark_rule(style=themes.RULE)),
        (WINDOWS, windows.mark_text(style=themes.label(themes.RULE)).encode(y=alt.value(ABOVE), text="label:N")),
        (THRESHOLDS, thresholds.mark_rule(style=themes.THRESHOLD).encode(y=_percent("t"))),
        (
            THRESHOLDS,
            thresholds.mark_text(style=themes.label(themes.THRESHOLD)).encode(x=right, y=at, text="label:N"),
        ),
        (CHANGES, changes.mark_rule(style=themes.CHANGE)),
        (CHANGES, changes.mark_text(style=themes.label(themes.CHANGE)).encode(y=at, text="label:N")),
    ]


def _lines(days: alt.Chart, sources: Sources, shape: Shape) -> list[tuple[str, alt.Chart]]:
    """What was forecast earlier, what is forecast, and over it what was observed."""
    earlier = _named(alt.Chart(sources[EARLIER]).encode(x=_day()), themes.EARLIER_FORECASTS, shape)
    observed = _named(days.transform_filter("isValid(datum.y) || datum.g"), themes.OBSERVED, shape)
    alone = _named(days.transform_filter("isValid(datum.o)"), themes.OBSERVED, shape)
    backtest = _named(days.transform_filter("isValid(datum.b)"), themes.BACKTEST, shape)
    forecast = _named(days.transform_filter("isValid(datum.f)"), themes.FORECAST, shape)
    return [
        (EARLIER, earlier.mark_line(strokeWidth=1, opacity=0.75, clip=True).encode(y=_percent("f"), detail="c:N")),
        ("b", backtest.mark_line(strokeWidth=1.8, clip=True).encode(y=_percent("b"))),
        ("f", forecast.mark_line(strokeWidth=1.8, clip=True).encode(y=_percent("f"))),
        ("y", observed.mark_line(strokeWidth=1.2, clip=True).encode(y=_percent("y"))),
        ("o", alone.mark_point(filled=True, size=12).encode(y=_percent("o"))),
    ]


def _pointer(days: alt.Chart, hovered: str) -> Any:
    """The day nearest to the pointer: a line there, and what is known of the day."""
    nearest = alt.selection_point(
        name=hovered, nearest=True, on="pointerover", encodings=["x"], clear="pointerout", empty=False
    )
    opacity = alt.when(nearest).then(alt.value(0.7)).otherwise(alt.value(0))
    rule = days.mark_rule(style=themes.HOVER).encode(opacity=opacity, tooltip=alt.value(alt.ExprRef(_POINTED)))
    return rule.add_params(nearest)
