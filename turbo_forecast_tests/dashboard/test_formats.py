"""Numbers and words as pages write them."""

import pytest

from turbo_forecast.dashboard import formats


@pytest.mark.parametrize(
    "shown",
    [formats.percent(90.0), formats.threshold(92.5), formats.probability(0.004), formats.probability(0.5), formats.level(50.0, 90.0)],
)  # fmt: skip
def test_no_line_is_broken_between_a_number_and_its_unit(shown: str) -> None:
    assert shown.endswith("\u00a0%")
    assert " %" not in shown


def test_a_level_is_never_rounded_up_to_its_threshold() -> None:
    assert formats.level(89.99, 90.0) == "89.9\u00a0%"
    assert formats.level(90.0, 90.0) == "90.0\u00a0%"


def test_sentences_keep_percentages_together_and_show_what_hides() -> None:
    assert formats.sentence("a\u202eb is at 90 %") == "a\\u202eb is at 90\u00a0%"
    assert formats.sentence("90\u00a0%") == "90\u00a0%"
