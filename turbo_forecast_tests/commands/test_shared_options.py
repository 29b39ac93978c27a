"""What is typed after the command: days and months as people write them."""

from datetime import date

import pytest

from turbo_forecast.commands.shared_options import day_of_option
from turbo_forecast.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "day"), [("2026-06-01", date(2026, 6, 1)), ("2026-06-15", date(2026, 6, 15)), ("2026-06", date(2026, 6, 1)), ("", None)]
)  # fmt: skip
def test_a_month_is_its_first_day(text: str, day: date | None) -> None:
    assert day_of_option("--before", text) == day


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-02-30", "2026", "June", "2026-6", "2026-06-", "٢٠٢٦-٠٦", "2026-06\n"]
)
def test_what_is_neither_day_nor_month_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(
        SettingsError, match=r"^--before must be a day as in 2026-06-01, or a month as in 2026-06, not "
    ):
        day_of_option("--before", text)
