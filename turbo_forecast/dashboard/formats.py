"""How pages write numbers, days and words: the filters of the templates.

Belongs here: what pages add to `number_words.py`: no line is broken between a number and its unit. Does not belong here: layout.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from turbo_forecast import number_words
from turbo_forecast.number_words import counted, day, moment, number, points, whole
from turbo_forecast.storage.outlook_findings import level_of
from turbo_forecast.text import printable

UNIT = "\u00a0%"
"""The unit with a space that no line is broken at."""
Arguments = ParamSpec("Arguments")


def _tied(words: Callable[Arguments, str]) -> Callable[Arguments, str]:
    """The same words with the unit tied to its number."""

    @wraps(words)
    def tied(*args: Arguments.args, **kwargs: Arguments.kwargs) -> str:
        return words(*args, **kwargs).replace(" %", UNIT)

    return tied


percent = _tied(number_words.percent)
threshold = _tied(number_words.threshold)
probability = _tied(number_words.probability)
level = _tied(level_of)


def name(value: object) -> str:
    """A name that others chose: what cannot be seen in it is written out."""
    return printable(str(value))


def sentence(text: str) -> str:
    """Sentences that hold names: as `name`, and no percentage is parted from its sign."""
    return printable(text.replace(UNIT, " %")).replace(" %", UNIT)


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "whole": whole,
    "points": points,
    "percent": percent,
    "threshold": threshold,
    "probability": probability,
    "level": level,
    "day": day,
    "moment": moment,
    "plural": counted,
    "name": name,
    "sentence": sentence,
}
