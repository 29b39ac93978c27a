"""A row of the outlook in a sentence."""

from datetime import date
from typing import Any

import pytest

from turbo_forecast.answers.threshold_words import chance, threshold_words

ROW: dict[str, Any] = {
    "threshold": 90.0, "state": "expected", "level": 79.96, "probability_30": 0.06, "probability_91": 0.41,
    "probability_182": 0.8, "early": date(2026, 2, 21), "likely": date(2026, 4, 13), "late": None,
}  # fmt: skip


def test_dates_come_first_then_probabilities_then_the_level_of_today() -> None:
    assert threshold_words(ROW) == (
        "90 %: expected, likely on 2026-04-13 (early on 2026-02-21), 6 % within 30 days, 41 % within 91 days, "
        "80 % within 182 days; 80.0 % now."
    )


def test_a_threshold_without_dates_has_probabilities_alone() -> None:
    row = ROW | {"state": "unlikely", "early": None, "likely": None, "probability_30": 0.0, "probability_91": None}
    assert threshold_words(row) == "90 %: unlikely, 0 % within 30 days, 80 % within 182 days; 80.0 % now."
    possible = threshold_words(ROW | {"state": "possible", "likely": None})
    assert possible.startswith("90 %: possible, early on 2026-02-21, 6 %")


def test_what_is_over_and_what_nothing_fits_into_say_so_and_no_more() -> None:
    assert threshold_words(ROW | {"state": "over", "level": 93.14}) == "90 %: over it already, 93.1 % now."
    unusable = threshold_words(ROW | {"state": "unusable", "level": None})
    assert unusable == "90 %: the reserve takes all of the capacity, so nothing fits into what is left."


def test_an_unknown_level_is_said_to_be_unknown() -> None:
    assert threshold_words(ROW | {"level": None}).endswith("; its level of today is not known.")


def test_a_level_is_never_rounded_up_to_the_threshold_it_is_below() -> None:
    assert "; 89.9 % now." in threshold_words(ROW | {"level": 89.99})


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0 %"), (0.001, "less than 1 %"), (0.5, "50 %"), (0.997, "more than 99 %"), (1.0, "100 %")],
)
def test_what_is_not_sure_is_never_shown_as_sure(share: float, words: str) -> None:
    assert chance(share) == words
