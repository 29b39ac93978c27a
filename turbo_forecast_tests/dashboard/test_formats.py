"""Numbers and words as pages write them."""

from datetime import date

import pytest

from turbo_forecast.dashboard import formats


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0 %"), (0.0004, "< 1 %"), (0.005, "< 1 %"), (0.006, "1 %"), (0.5, "50 %"), (0.994, "99 %"), (0.995, "> 99 %"), (0.99999, "> 99 %"), (1.0, "100 %"), (None, "–")],
)  # fmt: skip
def test_what_is_not_certain_is_never_written_as_certain(share: float | None, shown: str) -> None:
    assert formats.probability(share).replace("\u00a0", " ") == shown


def test_points_have_a_sign_and_nothing_has_minus_nothing() -> None:
    assert [formats.points(each) for each in (1.25, -0.04, -3.26, 0.0, None)] == ["+1.2", "+0.0", "−3.3", "+0.0", "–"]


def test_a_level_is_never_rounded_up_to_its_threshold() -> None:
    assert formats.level(89.99, 90.0) == "89.9\u00a0%"
    assert formats.level(90.0, 90.0) == "90.0\u00a0%"


def test_what_is_not_known_has_a_dash() -> None:
    assert {formats.number(None), formats.whole(None), formats.percent(None), formats.threshold(None), formats.day(None), formats.moment(None)} == {"–"}  # fmt: skip
    assert formats.day(date(2026, 3, 1)) == "2026-03-01"


def test_sentences_keep_percentages_together_and_show_what_hides() -> None:
    assert formats.sentence("a\u202eb is at 90 %") == "a\\u202eb is at 90\u00a0%"
    assert formats.sentence("90\u00a0%") == "90\u00a0%"
    assert [formats.plural(n, "row") for n in (0, 1, 1234)] == ["0 rows", "1 row", "1,234 rows"]
