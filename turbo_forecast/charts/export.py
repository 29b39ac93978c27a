"""From a chart to a file: PNG, SVG, a page that needs no network; and the JavaScript that draws charts in a browser.

Belongs here: everything that asks vl-convert. Does not belong here: what is drawn.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2

from turbo_forecast import html_templates
from turbo_forecast.leftovers import temporary_file

Specification = dict[str, Any]
SCALE = 2.0
"""Pixels of a PNG for each of the chart's."""
BUNDLE = "vega-{}.js"
_EXPORTS = "window.vegaEmbed = vegaEmbed;"


def as_specification(chart: Any) -> Specification:
    """A chart of Altair, or a specification as it is."""
    return chart if isinstance(chart, dict) else chart.to_dict()


def to_png(chart: Any, scale: float = SCALE) -> bytes:
    """The chart as a PNG. chart: of Altair, or a Vega-Lite specification."""
    import vl_convert  # 50 MB that most who import charts do not need

    return vl_convert.vegalite_to_png(as_specification(chart), scale=scale, allowed_base_urls=[])


def to_svg(chart: Any) -> str:
    """The chart as an SVG document."""
    import vl_convert

    return vl_convert.vegalite_to_svg(as_specification(chart), allowed_base_urls=[])


def to_html(chart: Any, *, title: str, facts: Sequence[str] = (), dark: Any = None) -> str:
    """The chart as a page of its own: the JavaScript is in it, nothing is fetched, and what is pointed at is shown.

    title, facts: any text, the facts a paragraph each. dark: the Vega-Lite config for who prefers a dark screen.
    """
    return _page().render(
        title=title, facts=facts, specification=as_specification(chart), dark=dark, bundle=vega_bundle()
    )


@lru_cache(maxsize=1)
def vega_bundle() -> str:
    """The JavaScript that draws charts in a page: `vegaEmbed` becomes a name of the window; 0.9 MB of Vega, Vega-Lite and Vega-Embed.

    To make it takes some seconds; so it is kept in the user's cache folder, for each version of vl-convert, where that can be written.
    """
    kept = cache_folder() / BUNDLE.format(version("vl-convert-python"))
    with suppress(OSError, UnicodeDecodeError):
        return kept.read_text(encoding="utf-8")
    import vl_convert

    made = vl_convert.javascript_bundle(_EXPORTS)
    with suppress(OSError):  # it is made again next time
        _keep(made, kept)
    return made


def cache_folder() -> Path:
    """Where what can be made again is kept: `turbo_forecast` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "turbo_forecast"


def _keep(text: str, path: Path) -> None:
    """Write the file whole or not at all: others may read it now, or write it too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_file(path) as beside:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)


@lru_cache(maxsize=1)
def _page() -> jinja2.Template:
    """The page; every text in it is escaped, and the specification cannot end its script."""
    return html_templates.environment(Path(__file__).parent / "templates").get_template("chart.html")
