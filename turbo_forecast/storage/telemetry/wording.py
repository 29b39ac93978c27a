"""How messages show what telemetry holds: texts and figures of any length and content, made short and readable.

Belongs here: one value, or a list of names, as part of a sentence. Does not belong here: the sentences.
"""

import unicodedata
from collections.abc import Iterable

LONGEST_QUOTE = 40
"""Characters of a text that a message shows."""
LONGEST_SENTENCE = 300
"""Characters of an error, which a person reads at once."""
LONGEST_REPEATED = 20
"""Characters of a name in a sentence that needs names more than once."""
LONGEST_LIST = 84
"""Characters of a list of names: two of the longest, or several of the usual length."""
LONGEST_FIGURE = 1e15
"""Numbers from here on are shown with an exponent: nobody counts digits."""
UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn")
"""Unicode categories whose characters change or hide what surrounds them: they are shown by their number."""


def shown(text: object, longest: int = LONGEST_QUOTE) -> str:
    """A text for a message: `longest` characters at most, the rest an ellipsis; characters nobody can see escaped."""
    whole = str(text)
    characters = "".join(_escaped(character) for character in whole[: longest + 1])
    return characters if len(characters) <= longest else characters[: longest - 1] + "…"


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


def names(them: Iterable[object], most: int = 5, *, longest: int = LONGEST_LIST, each: int = LONGEST_QUOTE) -> str:
    """Names with commas between, each made short as `shown` does; of many, the first ones and how many there are.

    Long names fill `longest` characters before there are `most` of them; one is listed in any case.
    """
    every = list(them)
    few = [shown(name, each) for name in every[:most]]
    while len(few) > 1 and len(", ".join(few)) > longest:
        few.pop()
    rest = f", … ({len(every):,} in all)" if len(every) > len(few) else ""
    return ", ".join(few) + rest


def fitting(*sentences: str) -> str:
    """The first of several ways to say a thing, most detailed first, that is short enough for an error; else the last."""
    return next((sentence for sentence in sentences if len(sentence) < LONGEST_SENTENCE), sentences[-1])


def _escaped(character: str) -> str:
    if unicodedata.category(character) in UNSEEN:
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character
