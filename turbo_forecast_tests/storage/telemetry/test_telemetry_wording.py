"""Messages stay readable whatever telemetry holds."""

import pytest

from turbo_forecast.storage.telemetry.wording import figure, names, quoted, shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("web-1", "'web-1'"),
        ("x" * 40, f"'{'x' * 40}'"),
        ("x" * 3_000_000, f"'{'x' * 39}…'"),
        ("a\x00b\x1f\x7f\x9b", r"'a\x00b\x1f\x7f\x9b'"),
        ("one\ntwo\ttabs", r"'one\x0atwo\x09tabs'"),
        ("a\u2028b\u200bc\ufeff\ud800", r"'a\u2028b\u200bc\ufeff\ud800'"),
        ("Zürich ☃", "'Zürich ☃'"),
        (None, "'None'"),
    ],
)
def test_a_quote_is_short_and_shows_what_cannot_be_seen(text, said):
    assert quoted(text) == said
    assert f"'{shown(text)}'" == said


@pytest.mark.parametrize("text", ["\x00" * 400, "a\x00" * 400])
def test_escapes_count_towards_the_length(text):
    assert len(shown(text)) == 40


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1e308, "1e+308"),
        (-1e308, "-1e+308"),
        (10**400, "above 1e+308"),
        (-(10**400), "below -1e+308"),
        (10**20, "1e+20"),
        (26_304, "26,304"),
        (5000.0, "5,000"),
        (12.5, "12.5"),
        (99.123456789, "99.1235"),
        (1e-300, "1e-300"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_a_figure_is_short(number, said):
    assert figure(number) == said


def test_of_many_names_the_first_are_shown_and_all_are_counted():
    assert names(["cpu", "mem"]) == "cpu, mem"
    assert names(f"h{n}" for n in range(2000)) == "h0, h1, h2, h3, h4, … (2,000 in all)"
