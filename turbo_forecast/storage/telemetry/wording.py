"""How messages show what telemetry holds: texts and figures of any length and content, made short and readable.

Belongs here: one value, or a list of names, as part of a sentence. Does not belong here: the sentences.
"""

import unicodedata
from collections.abc import Iterable

LONGEST_QUOTE = 40
"""Characters of a text that a message shows."""
LONGEST_FIGURE = 1e15
"""Numbers from here on are shown with an exponent: nobody counts digits."""
UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn")
"""Unicode categories whose characters change or hide what surrounds them: they are shown by their number."""


def shown(text: object) -> str:
    """A text for a message: at most 40 characters, the rest an ellipsis; control and invisible characters escaped."""
    whole = str(text)
    characters = "".join(_escaped(character) for character in whole[: LONGEST_QUOTE + 1])
    return characters if len(characters) <= LONGEST_QUOTE else characters[: LONGEST_QUOTE - 1] + "…"


def quoted(text: object) -> str:
    """A text in single quotes, made short as `shown` does."""
    return f"'{shown(text)}'"


def figure(number: float) -> str:
    """A number for a message: whole ones with commas, others with six digits, great and tiny ones with an exponent."""
    if isinstance(number, int) and abs(number) < LONGEST_FIGURE:
        return f"{number:,}"
    try:
        value = float(number)
    except OverflowError:
        return "below -1e+308" if number < 0 else "above 1e+308"
    if value.is_integer() and abs(value) < LONGEST_FIGURE:
        return f"{value:,.0f}"
    return f"{value:.6g}"


def rounded(number: float) -> str:
    """A number for a message, to the whole unless it is below ten."""
    return figure(round(number) if 10 <= abs(number) < LONGEST_FIGURE else number)


def names(them: Iterable[object], most: int = 5) -> str:
    """Names with commas between, each made short as `shown` does; of many, the first ones and how many there are."""
    every = list(them)
    rest = f", … ({len(every):,} in all)" if len(every) > most else ""
    return ", ".join(shown(name) for name in every[:most]) + rest


def _escaped(character: str) -> str:
    if unicodedata.category(character) in UNSEEN:
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character
