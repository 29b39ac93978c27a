"""Templates: what others chose stays text, and what a template is not given is an error."""

from pathlib import Path

import jinja2
import pytest

from turbo_forecast.html_templates import environment


def test_what_others_chose_stays_text(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<p title="{{ name }}">{{ name }}</p>')
    shown = environment(tmp_path).get_template("page.html").render(name="\"><script>alert('1')</script>")
    assert "<script>" not in shown
    assert shown.count('"') == 2


def test_a_name_that_a_template_is_not_given_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{ mistyped }}")
    with pytest.raises(jinja2.UndefinedError, match="mistyped"):
        environment(tmp_path).get_template("page.html").render(name="web-1")
