"""Charts as files, and the JavaScript that is made once."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import vl_convert

from turbo_forecast.charts import export
from turbo_forecast.charts.export import cache_folder, to_html, to_png, to_svg, vega_bundle
from turbo_forecast.charts.series import series_chart, specification
from turbo_forecast.charts.themes import config
from turbo_forecast_tests.charts.pictures import HOSTILE, picture


@pytest.fixture(scope="session")
def bundle() -> str:
    return vega_bundle()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and nothing remembered; making the bundle is a short text."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda snippet: f"made of {snippet}")
    vega_bundle.cache_clear()
    yield tmp_path / "cache"
    vega_bundle.cache_clear()


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of each script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts[-1] += data


def test_a_chart_of_altair_and_a_specification_become_pictures() -> None:
    assert to_png(specification([picture()])).startswith(b"\x89PNG")
    assert to_png(series_chart(picture()), scale=1).startswith(b"\x89PNG")
    assert to_svg(specification([picture(title=HOSTILE)])).startswith("<svg")
    assert "<script" not in to_svg(specification([picture(title=HOSTILE)]))


def test_a_page_holds_its_javascript_and_asks_nobody(bundle: str) -> None:
    page = to_html(specification([picture()]), title="web-1", facts=["one fact"], dark=config("dark"))
    elements = Elements(page)
    assert not [attributes for _, attributes in elements.tags if attributes.get("src") or "integrity" in attributes]
    hrefs = [attributes["href"] for tag, attributes in elements.tags if "href" in attributes]
    assert hrefs == ["data:,"]
    assert bundle in page
    assert "<p>one fact</p>" in page


def test_no_name_ends_the_pages_script_or_becomes_an_element(bundle: str) -> None:
    plain = Elements(to_html(specification([picture()], title="x"), title="x", facts=["x"]))
    hostile = Elements(to_html(specification([picture(title=HOSTILE)], title=HOSTILE), title=HOSTILE, facts=[HOSTILE]))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert len(hostile.scripts) == 2
    assert "</script" not in bundle


def test_a_page_without_a_dark_configuration_is_light() -> None:
    page = to_html(specification([picture()]), title="x")
    assert '<meta name="color-scheme" content="light">' in page
    assert "const dark = null;" in page


def test_the_bundle_gives_the_page_its_one_name(bundle: str) -> None:
    assert "window.vegaEmbed" in bundle
    assert len(bundle) > 500_000


def test_the_bundle_is_made_once_and_kept_for_the_next_process(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = vega_bundle()
    kept = list((own_cache / "turbo_forecast").iterdir())
    assert [path.read_text() for path in kept] == [made]
    assert re.fullmatch(r"vega-[0-9.a-z]+\.js", kept[0].name)
    vega_bundle.cache_clear()
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda snippet: pytest.fail("made again"))
    assert vega_bundle() == made


def test_another_version_makes_its_own(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vega_bundle()
    vega_bundle.cache_clear()
    monkeypatch.setattr(export, "version", lambda name: "99.0")
    vega_bundle()
    assert len(list((own_cache / "turbo_forecast").iterdir())) == 2


def test_a_cache_that_cannot_be_written_costs_seconds_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda snippet: "made")
    vega_bundle.cache_clear()
    try:
        assert vega_bundle() == "made"
    finally:
        vega_bundle.cache_clear()


def test_without_a_setting_the_users_cache_folder_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_folder() == Path("/home/somebody/.cache/turbo_forecast")


def test_asking_for_charts_does_not_load_what_draws_them() -> None:
    script = "import sys, turbo_forecast.charts.export; print('vl_convert' in sys.modules, 'altair' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
