"""Charts: what a browser is given, that it is what Altair itself would make, and that names stay data."""

import json
import re
import time
from datetime import date
from pathlib import Path

import altair as alt
import polars as pl
import pytest
import vl_convert

from turbo_forecast.answers.host import host_answer
from turbo_forecast.charts import themes
from turbo_forecast.charts.picture import SeriesPicture, pictures
from turbo_forecast.charts.series import (
    HEIGHT,
    HEIGHT_OF_ONE,
    _all_marks,
    host_chart,
    series_chart,
    specification,
)
from turbo_forecast.storage.published.reading import Published
from turbo_forecast_tests.charts.pictures import CUTOFF, HOSTILE, picture
from turbo_forecast_tests.published_months import FLEET_OF, RACK, SPARE

WIDE = pl.DataFrame({"ds": [date(2026, 1, 1)], "interval_width": [0.95], "lower": [30.0], "upper": [60.0]})
PLANS = pl.DataFrame({"from_ds": [date(2026, 1, 10)], "text": [HOSTILE]})
EARLIER = pl.DataFrame(
    {"cutoff": [date(2025, 11, 30)] * 2, "ds": [date(2025, 12, 1), date(2025, 12, 2)], "yhat": [41.0, 43.0]}
)
FULL = {"intervals": WIDE, "changes": PLANS, "earlier": EARLIER}
NOTHING = {"history": picture().history.clear(), "rows": picture().rows.clear(), "thresholds": []}
KINDS = {
    "plain": [picture()],
    "full": [picture(**FULL)],
    "several": [picture("cpu"), picture("memory", **FULL), picture("disk", **NOTHING)],
    "nothing": [picture(**NOTHING)],
    "history alone": [picture(rows=picture().rows.clear(), thresholds=[])],
    "no backtest": [picture(rows=picture().rows.filter(pl.col("phase") == "forecast"))],
}


def expressions(vega: object, found: list[str]) -> list[str]:
    """Every expression of a Vega specification."""
    if isinstance(vega, dict):
        for name, value in vega.items():
            if name in ("signal", "expr", "test", "update") and isinstance(value, str):
                found.append(value)
            if name not in ("values",):
                expressions(value, found)
    elif isinstance(vega, list):
        for value in vega:
            expressions(value, found)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_specification_keeps_vega_lites_schema_and_compiles_without_a_warning(
    kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    found = specification(KINDS[kind])
    alt.VConcatChart.from_dict({name: value for name, value in found.items() if name != "datasets"})
    vega = vl_convert.vegalite_to_vega(found, show_warnings=True)
    assert vega["marks"]
    assert "WARN" not in "".join(capfd.readouterr())
    json.dumps(found, allow_nan=False)


def drawn(svg: str) -> list[str]:
    """The picture's elements, without the names that a renderer counts up and Altair makes up. A list, so that a difference is found fast."""
    return re.sub(r"clip\d+|role-mark \w+", "", svg).split("<")


@pytest.mark.parametrize("kind", KINDS)
def test_a_browser_draws_what_altairs_own_chart_draws(kind: str) -> None:
    """The marks are built once and only data are put in; the picture is that of a chart built as Altair builds one."""
    quick = vl_convert.vegalite_to_svg(specification(KINDS[kind]), allowed_base_urls=[])
    whole = vl_convert.vegalite_to_svg(host_chart(KINDS[kind]).to_dict(), allowed_base_urls=[])
    assert drawn(quick) == drawn(whole)


def test_a_chart_of_another_shape_needs_no_other_marks_built() -> None:
    """A host whose series turned out as no other's did is shown as fast as all."""
    _all_marks.cache_clear()
    for drawn in KINDS.values():
        specification(drawn)
    widths = {tuple(sorted({width for each in drawn for width in each.further_widths})) for drawn in KINDS.values()}
    assert _all_marks.cache_info().misses == len(widths) < len(KINDS)


def test_a_column_without_a_value_and_a_row_without_one_are_not_sent() -> None:
    days = specification([picture()])["datasets"]["days0"]
    assert all(value is not None for row in days for value in row.values())
    assert {name for row in days for name in row} == {"d", "y", "f", "b", "l", "u"}
    assert len(days) == len({*picture().history["ds"], *picture().rows["ds"]})


def test_one_series_is_a_chart_that_a_notebook_can_change() -> None:
    chart = series_chart(picture(title=HOSTILE)).properties(width=500)
    made = chart.to_dict()
    assert made["title"] == HOSTILE
    assert (made["width"], made["height"]) == (500, HEIGHT_OF_ONE)
    assert isinstance(chart, alt.LayerChart)


def test_one_view_is_higher_than_each_of_several() -> None:
    assert [view["height"] for view in specification([picture()])["vconcat"]] == [HEIGHT_OF_ONE]
    assert [view["height"] for view in specification([picture(), picture()])["vconcat"]] == [HEIGHT] * 2


def test_all_views_share_one_time_axis() -> None:
    late = picture("late", history=picture().history.tail(10))
    vega = vl_convert.vegalite_to_vega(specification([picture("early"), late]))
    assert [scale["name"] for scale in vega["scales"] if scale["type"] == "utc"] == ["x"]


def test_the_legend_names_what_is_drawn_and_no_more() -> None:
    def named(*drawn: SeriesPicture) -> list[str]:
        layer = specification(drawn)["vconcat"][0]["layer"][0]
        return layer["encoding"]["color"]["legend"]["values"]  # type: ignore[no-any-return]

    assert named(picture()) == ["observed", "forecast", "backtest", "80 % interval"]
    assert named(picture(**FULL))[3] == "earlier forecasts"
    assert named(picture(), picture(**FULL))[-1] == "95 % interval"


def test_more_intervals_than_there_are_colours_draw_the_narrowest() -> None:
    widths = [0.3, 0.5, 0.7, 0.9, 0.99]
    wide = pl.concat([WIDE.with_columns(interval_width=width) for width in widths])
    layer = specification([picture(intervals=wide)])["vconcat"][0]["layer"][0]
    assert len(layer["encoding"]["color"]["scale"]["domain"]) == len(themes.LINES) + themes.MOST_INTERVALS


def test_names_that_others_chose_are_in_no_expression() -> None:
    vega = vl_convert.vegalite_to_vega(specification([picture(title=HOSTILE, changes=PLANS)], title=HOSTILE))
    found = expressions(vega, [])
    assert len(found) > 10
    assert not [each for each in found if "alert" in each or "7*7" in each]


def test_light_and_dark_differ_in_the_configuration_alone() -> None:
    light, dark = (specification([picture()], theme=theme) for theme in themes.THEMES)
    assert light.pop("config") != dark.pop("config")
    assert light == dark


def test_what_one_caller_changes_no_other_sees() -> None:
    first = specification([picture()])
    first["vconcat"][0]["layer"].clear()
    first["config"].clear()
    assert specification([picture()])["vconcat"][0]["layer"]
    assert specification([picture()])["config"]


@pytest.mark.parametrize("name", [*dict.fromkeys(each.host for each in FLEET_OF if each.is_in("2025-12")), RACK, SPARE])
def test_every_host_and_group_of_a_fleet_can_be_drawn(published_fleet: Path, name: str) -> None:
    published = Published(published_fleet)
    answer = host_answer(published, published.month(), name)
    vega = vl_convert.vegalite_to_vega(specification(pictures(answer), title=name))
    assert vega["title"]["text"] == name
    assert not [each for each in expressions(vega, []) if name in each and len(name) > 4]


def test_a_specification_is_made_without_building_marks_anew() -> None:
    """Altair takes some 100 ms to build one view; a page has four, and 150 ms in all."""
    drawn = [picture(str(n), **FULL) for n in range(4)]
    specification(drawn)
    started = time.process_time()
    for _ in range(5):
        specification(drawn)
    assert (time.process_time() - started) / 5 < 0.15


def test_the_configuration_names_every_style_that_marks_have() -> None:
    styles = {
        layer["mark"]["style"]
        for layer in specification([picture(**FULL)])["vconcat"][0]["layer"]
        if "style" in layer["mark"]
    }
    assert len(styles) == 7
    for theme in themes.THEMES:
        assert styles == set(themes.config(theme)["style"])
        assert len(themes.config(theme)["range"]["category"]) == len(themes.LINES) + themes.MOST_INTERVALS


def test_the_cutoff_is_on_the_axis_even_where_nothing_was_observed() -> None:
    svg = vl_convert.vegalite_to_svg(specification([picture(**NOTHING)]), allowed_base_urls=[])
    assert f"cutoff {CUTOFF}" in svg
