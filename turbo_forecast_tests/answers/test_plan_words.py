"""Planned changes in words: of every kind that the file of plans knows, and of what follows from it."""

from datetime import date

import pytest

from turbo_forecast.answers.plan_words import change_words, dated_words
from turbo_forecast.outlook.plans import RETIRED, TOO_EARLY
from turbo_forecast.types import Change


@pytest.mark.parametrize(
    ("what", "amount", "other", "words"),
    [
        ("change", 12.5, "", "12.5 points more"),
        ("change", -20.0, "", "20 points less"),
        ("change", 1.0, "", "1 point more"),
        ("change", 0.1 + 0.2, "", "0.3 points more"),
        ("factor", 15.0, "", "the load becomes 1,500 % of what it is"),
        ("factor", 0.0004, "", "the load becomes 0.04 % of what it is"),
        ("factor", 0.5, "", "the load becomes 50 % of what it is"),
        ("factor", 1.25, "web-2", "web-2 leaves, and the others take its load: 125 % of what it is"),
        ("add_hosts", 2 / 3, "", "hosts are added: the load becomes 66.7 % of what it is"),
        ("move_to", 1.0, "web-2", "its whole load moves to web-2"),
        ("move_to", 0.5, "web-2", "its whole load moves to web-2, a point of it counting 0.5 there"),
        ("move_from", 2.0, "web-1", "the load of web-1 comes to it, a point of it counting 2 here"),
        ("share", 0.25, "web-1", "25 % of the load of web-1 is added"),
        ("share", -0.25, "web-1", "25 % of the load of web-1 goes"),
        ("retire", None, "", "switched off"),
        ("retire", None, "web-1", "web-1 is switched off, and with it the group"),
    ],
)
def test_each_change_is_said_with_its_amount(what: str, amount: float | None, other: str, words: str) -> None:
    assert change_words(what, amount, other) == words
    assert dated_words(date(2026, 3, 1), words) == f"from 2026-03-01: {words}"


@pytest.mark.parametrize("what", list(Change))
@pytest.mark.parametrize("effect", [TOO_EARLY, RETIRED])
def test_what_has_no_effect_says_why_even_where_no_amount_is_stored(what: Change, effect: str) -> None:
    words = change_words(what.value, None, "web-2", effect)
    assert words.endswith(f"({effect})")
    assert not words.startswith("(")
