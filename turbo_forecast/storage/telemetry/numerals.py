"""Numbers written as text: which texts are numbers, in which notation, and what to set for those that are not.

Belongs here: decimal and thousands marks, and DuckDB's own ideas of a number that no exporter shares.
Does not belong here: text that stands for no value (`sql.NULL_STRINGS`), and what a number means (`units`).
"""

import re

from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.sql import literal, trimmed

SPACES = "\u00a0\u2009\u202f"
"""What typesetters put between thousands instead of a space."""
STRAIGHT, APOSTROPHE = "'", "\u2019"
LIKE_A_NUMBER = (
    r"^\(?[-+\x{2212}]?\s?("
    r"\p{Nd}+([.,]\p{Nd}*)?([eE][-+]?\p{Nd}+)?|[.,]\p{Nd}+|"  # 1234  1234,5  1.5e3  ,5
    r"\p{Nd}{1,3}(,\p{Nd}{2})*,\p{Nd}{3}(\.\p{Nd}*)?|"  # 1,010.5, and 1,00,000.5 as in India
    r"\p{Nd}{1,3}(\.\p{Nd}{3})+(,\p{Nd}*)?|"  # 1.010,5
    r"\p{Nd}{1,3}(['\x{2019}_\s\x{a0}\x{2009}\x{202f}]\p{Nd}{3})+([.,]\p{Nd}*)?|"  # 1'010.5  1 010,5
    r"\p{Nd}+(_\p{Nd}+)+(\.\p{Nd}*)?|0[xX][0-9a-fA-F]+"  # 1_0, 0x1F: programs' notation
    r")\s?[%\x{2030}\x{ff05}]?\)?$"
)
"""A regular expression of RE2: text that a person takes for a number, in whatever notation."""


def number(text: str, settings: TelemetrySettings) -> str:
    """A DuckDB expression: the number that `text` is in the notation of `settings`; null where it is none.

    Only texts that hold the thousands mark pay for a regular expression.
    """
    plain = _cast(text, settings.decimal)
    marks = {"": "", " ": " " + SPACES, "'": STRAIGHT + APOSTROPHE}.get(settings.thousands, settings.thousands)
    if not marks:
        return plain
    whole = f"[0-9]{{1,3}}([{marks}][0-9]{{3}})+"
    grouped = f"[-+]?{whole}({re.escape(settings.decimal)}[0-9]*)?([eE][-+]?[0-9]+)?"
    ungrouped = f"translate({text}, {literal(marks)}, '')"
    return f"""CASE WHEN ({" OR ".join(f"contains({text}, {literal(mark)})" for mark in marks)})
            AND regexp_full_match({trimmed(text)}, {literal(grouped)})
        THEN {_cast(ungrouped, settings.decimal)} ELSE {plain} END"""


def _cast(text: str, decimal: str) -> str:
    """A text without marks between thousands as a number.

    DuckDB's own cast takes 1_0 for 10 (and no other notation that exporters do not write): kept from it.
    """
    plain, strange = text, f"contains({text}, '_')"
    if decimal != ".":
        plain, strange = f"replace({text}, {literal(decimal)}, '.')", f"{strange} OR contains({text}, '.')"
    return f"CASE WHEN NOT ({strange}) THEN coalesce(TRY_CAST({plain} AS DOUBLE), TRY_CAST({trimmed(plain)} AS DOUBLE)) END"


def looks_like_a_number(text: str) -> str:
    """A DuckDB expression: whether a person would take `text` for a number, in whatever notation."""
    return f"regexp_matches({trimmed(text)}, {literal(LIKE_A_NUMBER)})"


def remedy(text: str, settings: TelemetrySettings) -> str:
    """What to do about a text that is no number, as the end of a sentence."""
    bare = text.strip()
    if bare.endswith(("%", "\u2030", "\uff05", "%)")):
        return "export the number without its sign"
    if settings.decimal != "." or settings.thousands:
        return f"it does not fit decimal: {settings.decimal!r}, thousands: {settings.thousands!r}"
    marks = "".join(character for character in bare if not character.isdigit()).lstrip("+-")
    if marks == ",":
        return "set decimal: ',' (1,5 is one and a half) or thousands: ',' (1,500 is fifteen hundred)"
    if marks and set(marks) <= set(",.'" + APOSTROPHE + SPACES + " ") and any(c.isdigit() for c in bare):
        return "set decimal and thousands to the marks it is written with"
    return "correct the export"
