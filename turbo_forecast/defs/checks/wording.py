"""A check's result in words: first what is wrong (or right), with the numbers it rests on, then what to do.

Does not belong here: where a result comes from, and what becomes of it.
"""

import polars as pl

from turbo_forecast.defs.checks.expectations import Expectation, Validation
from turbo_forecast.number_words import rounded

DIGITS = 9
"""Significant digits of a number that a message names; the table has all of them."""
ROW_WIDTH = 90
"""Characters of the first failing row that are shown in the sentence; the check's metadata has all of it."""


def describe(expectation: Expectation, validation: Validation) -> str:
    """The result in words: first what is wrong, or right, and then what to do."""
    text = _result(expectation, validation)
    return text if validation.passes(expectation.tolerance) else f"{text}. {expectation.remedy}."


def _result(expectation: Expectation, validation: Validation) -> str:
    """The result, without what to do."""
    if expectation.summary:
        return expectation.summary(validation)
    if len(validation.failing_rows):
        return _broken(expectation, validation)
    if not validation.total:
        return f"there were no {expectation.items} to check; the rule is: {expectation.description}"
    return f"{expectation.description}: true of {validation.total:,} of {validation.total:,} {expectation.items}"


def _broken(expectation: Expectation, validation: Validation) -> str:
    wrong = len(validation.failing_rows)
    number = (
        f"{wrong:,} of {validation.total:,}" if wrong <= validation.total else f"{wrong:,} (not {validation.total:,})"
    )
    return f"{number} {expectation.items} break{'s' if wrong == 1 else ''} this rule: {expectation.description}; the first: {_first_row(validation.failing_rows)}"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return rounded(value, DIGITS) if isinstance(value, float) else str(value)


def _first_row(failing_rows: pl.DataFrame) -> str:
    """The first failing row as `column value, …`, cut where it is long."""
    row = failing_rows.row(0, named=True)
    text = ", ".join(f"{name} {_shown(value)}" for name, value in row.items())
    text = " ".join(text.split())  # a host may be called anything, and this is one line
    return text if len(text) <= ROW_WIDTH else f"{text[: ROW_WIDTH - 2].rstrip(', ')} …"
