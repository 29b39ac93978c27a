"""How the report writes names, messages and headroom."""

import pytest

from turbo_forecast.report.html import headroom, name, sentence
from turbo_forecast.storage.outlook_findings import level_of


@pytest.mark.parametrize("level", [0.0, 50.0, 89.0, 89.94, 89.96, 89.999, 90.0, 90.04, 100.0])
def test_level_and_headroom_agree_and_nothing_below_the_threshold_has_none(level: float) -> None:
    shown, room = float(level_of(level, 90.0).removesuffix(" %")), float(headroom(level, 90.0))
    assert (room > 0) == (level < 90.0) == (shown < 90.0)
    assert shown + room == pytest.approx(90.0, abs=0.11)


def test_the_headroom_of_a_level_that_is_not_known_is_a_dash() -> None:
    assert headroom(None, 90.0) == level_of(None, 90.0) == "–"


def test_texts_are_one_line_and_end() -> None:
    assert name("a\nb") == "a\\nb"
    assert name("x" * 300) == "x" * 199 + "…"
    assert sentence("one\n\ttwo\u202e") == "one two\\u202e"
    assert len(sentence("x" * 3_000)) == 1_000
