"""How exports write a value: with a percent sign, with a unit, or as a word for nothing.

Belongs here: text that the reader would not take for a number although the tool means one.
Does not belong here: decimal and thousands marks (`numerals`), and whether a value is usable (`validation`).
"""

import re

from turbo_forecast.errors import TelemetryError
from turbo_forecast.storage.telemetry import sql
from turbo_forecast.storage.telemetry.wording import quoted

NULL_STRINGS = {"undefined", "no data", "-nan", "invalid date"}
"""What tools that run in a browser or print C's numbers write for no value, besides what every reader knows (`sql.NULL_STRINGS`)."""
INFINITE = ("inf", "infinity")
PERCENT = re.compile(r"([-+]?[0-9][0-9.,'\u2019\u00a0\u202f ]*)[\s\u00a0\u202f]*%")
WITH_A_UNIT = re.compile(r"[-+]?[0-9][0-9.,]*[\s\u00a0\u202f]*(?![eE][-+]?[0-9])[^\W\d_][\w/ ]*")


def plain_value(text: str, column: str, where: str) -> str:
    """A value's text without a percent sign; empty where it says that there is none.

    Raises TelemetryError for a value with a unit other than percent, as `1.5 GiB` has (rounded, and of changing scale), and
    for words.
    """
    if not text or text[-1].isdigit():
        return text
    if text.casefold() in NULL_STRINGS:
        return ""
    if percent := PERCENT.fullmatch(text):
        return percent[1].strip()
    if WITH_A_UNIT.fullmatch(text):
        raise TelemetryError(
            f"column {quoted(column)} of {where} holds {quoted(text)}, a value with a unit: export values without "
            "formatting (in Grafana, switch 'Formatted data' off), or list the column in ignore_columns"
        )
    if text.isalpha() and text.casefold() not in (*sql.NULL_STRINGS, *INFINITE):
        raise TelemetryError(
            f"column {quoted(column)} of {where} holds {quoted(text)}, which is not a number: list it in ignore_columns"
        )
    return text
