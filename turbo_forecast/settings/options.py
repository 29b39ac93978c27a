"""What every section of options shares: strict types, and text that can be shown.

Does not belong here: any one option.
"""

import unicodedata
from collections.abc import Iterator

from pydantic import BaseModel, field_validator

from turbo_forecast import option_rules


def _texts(value: object) -> Iterator[str]:
    """All text in an option's value: itself, a list's elements, a mapping's names and values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(each)


def _cannot_be_text(text: str) -> bool:
    """Whether it holds a control character (a tab is none), or half of a character, which no file can hold."""
    return any(unicodedata.category(each) in ("Cc", "Cs") and each != "\t" for each in text)


class Options(BaseModel, extra="forbid", strict=True, allow_inf_nan=False):
    """A section of options. Their types are meant strictly: "3" is no number, 3 no text, yes no number, 2.0 not whole."""

    @field_validator("*")
    @classmethod
    def _printable(cls, value: object) -> object:
        bad = next(filter(_cannot_be_text, _texts(value)), None)
        if bad is not None:
            raise ValueError(f"must not hold control characters, as {option_rules.shown(bad)} does")
        return value
