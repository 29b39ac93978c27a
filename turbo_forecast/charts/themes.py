"""Colours and letters of the charts, light and dark: the same as in the dashboard's style sheet.

Belongs here: Vega-Lite configurations. A chart's marks name styles and places of the colour range, never colours, so one
specification draws in either.
"""

from typing import Any, Literal

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
FONT = 'system-ui, "DejaVu Sans", sans-serif'

OBSERVED, FORECAST, BACKTEST, EARLIER_FORECASTS = "observed", "forecast", "backtest", "earlier forecasts"
LINES = (OBSERVED, FORECAST, BACKTEST, EARLIER_FORECASTS)
"""What lines tell, in the order of the colour range; the intervals' colours follow, the widest last."""
RULE, THRESHOLD, CHANGE, HOVER = "rule-of-window", "threshold", "planned-change", "hovered-day"
"""Names of styles."""

_LIGHT = {
    "ground": "#ffffff",
    "text": "#1b1f27",
    "quiet": "#555e6d",
    "line": "#d5d9e0",
    "threshold": "#a3162a",
    "change": "#7a4a00",
    "range": ["#4b5563", "#1a56b8", "#00727a", "#8a6fb0", "#b9cdee", "#d6e2f6", "#e6eefa"],
}
_DARK = {
    "ground": "#14171c",
    "text": "#e8eaee",
    "quiet": "#a9b2bf",
    "line": "#39414d",
    "threshold": "#ff9aa5",
    "change": "#ffb37a",
    "range": ["#b5bdc9", "#8ab4f8", "#6fd0d6", "#b79fe0", "#33486b", "#29374f", "#212b3c"],
}
MOST_INTERVALS = len(_LIGHT["range"]) - len(LINES)
"""Intervals of different widths that one chart draws."""


def label(style: str) -> str:
    """The style of what is written at a rule."""
    return f"{style}-label"


def config(theme: Theme = "light") -> dict[str, Any]:
    """The Vega-Lite `config` of a theme. A page may put another theme's in its place, or another background."""
    colours: dict[str, Any] = _LIGHT if theme == "light" else _DARK
    quiet, line = colours["quiet"], colours["line"]
    return {
        "background": colours["ground"],
        "font": FONT,
        "range": {"category": colours["range"]},
        "view": {"stroke": line},
        "axis": {
            "labelColor": quiet,
            "titleColor": quiet,
            "gridColor": line,
            "domainColor": line,
            "tickColor": line,
            "gridOpacity": 0.6,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
        },
        "legend": {"labelColor": colours["text"], "labelFontSize": 13, "labelLimit": 300, "symbolStrokeWidth": 3},
        "title": {
            "color": colours["text"],
            "subtitleColor": quiet,
            "fontSize": 15,
            "subtitleFontSize": 13,
            "anchor": "start",
            "limit": 900,
        },
        "style": {
            RULE: {"color": quiet, "strokeWidth": 1},
            THRESHOLD: {"color": colours["threshold"], "strokeDash": [5, 4], "strokeWidth": 1.2},
            label(THRESHOLD): {
                "align": "left",
                "baseline": "middle",
                "dx": 4,
                "color": colours["threshold"],
                "fontSize": 11,
            },
            CHANGE: {"color": colours["change"], "strokeWidth": 1.2, "strokeDash": [2, 2]},
            label(CHANGE): {
                "align": "right",
                "baseline": "middle",
                "dx": -4,
                "color": colours["change"],
                "fontSize": 12,
            },
            label(RULE): {"align": "right", "baseline": "bottom", "dx": 2, "color": quiet, "fontSize": 12},
            HOVER: {"color": colours["text"], "strokeWidth": 1},
        },
    }
