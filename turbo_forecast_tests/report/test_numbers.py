"""How the report writes numbers: nothing is rounded to what it is not."""

import pytest

from turbo_forecast.report.html import decimals, headroom, name, plain, probability, sentence, share
from turbo_forecast.storage.outlook_findings import level_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((0.0, "0 %"), (1e-9, "< 1 %"), (0.005, "< 1 %"), (0.01, "1 %"), (0.5, "50 %")),
        *((0.99, "99 %"), (0.995, "> 99 %"), (1 - 1e-9, "> 99 %"), (1.0, "100 %"), (None, "–")),
    ],
)
def test_a_probability_is_certain_only_where_it_is(value: float | None, expected: str) -> None:
    assert probability(value) == expected


@pytest.mark.parametrize("level", [0.0, 50.0, 89.0, 89.94, 89.96, 89.999, 90.0, 90.04, 100.0])
def test_level_and_headroom_agree_and_nothing_below_the_threshold_has_none(level: float) -> None:
    shown, room = float(level_of(level, 90.0).removesuffix(" %")), float(headroom(level, 90.0))
    assert (room > 0) == (level < 90.0) == (shown < 90.0)
    assert shown + room == pytest.approx(90.0, abs=0.11)


def test_what_is_not_known_is_a_dash() -> None:
    assert {headroom(None, 90.0), decimals(None), share(None), level_of(None, 90.0)} == {"–"}


@pytest.mark.parametrize(("value", "expected"), [(90.0, "90"), (92.5, "92.5"), (100.0, "100"), (0.12345, "0.1235")])
def test_thresholds_have_the_digits_they_have(value: float, expected: str) -> None:
    assert plain(value) == expected


def test_texts_are_one_line_and_end() -> None:
    assert name("a\nb") == "a\\nb"
    assert name("x" * 300) == "x" * 199 + "…"
    assert sentence("one\n\ttwo\u202e") == "one two\\u202e"
    assert len(sentence("x" * 3_000)) == 1_000
