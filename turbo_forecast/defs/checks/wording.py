"""A verdict in words: first what is wrong (or right), with the numbers it rests on, then what to do.

Does not belong here: where a verdict comes from, and what becomes of it.
"""

import polars as pl

from turbo_forecast.defs.checks.properties import Property, Verdict
from turbo_forecast.number_words import rounded

FIGURES = 9
"""Significant digits of a number that a message names; the table has all of them."""
PLACE_WIDTH = 90
"""Characters of the first offender that are shown in the sentence; the check's metadata has all of it."""


def description(prop: Property, verdict: Verdict) -> str:
    """The verdict in words: first what is wrong, or right, and then what to do."""
    text = _verdict(prop, verdict)
    return text if verdict.holds(prop.tolerated) else f"{text}. {prop.remedy}."


def _verdict(prop: Property, verdict: Verdict) -> str:
    """One month's verdict, without what to do."""
    if prop.says:
        return prop.says(verdict)
    if len(verdict.offenders):
        return _broken(prop, verdict)
    if not verdict.expected:
        return f"there were no {prop.items} to check; the rule is: {prop.sentence}"
    return f"{prop.sentence}: true of {verdict.expected:,} of {verdict.expected:,} {prop.items}"


def _broken(prop: Property, verdict: Verdict) -> str:
    wrong = len(verdict.offenders)
    number = (
        f"{wrong:,} of {verdict.expected:,}" if wrong <= verdict.expected else f"{wrong:,} (not {verdict.expected:,})"
    )
    return f"{number} {prop.items} break{'s' if wrong == 1 else ''} this rule: {prop.sentence}; the first: {_place(verdict.offenders)}"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return rounded(value, FIGURES) if isinstance(value, float) else str(value)


def _place(offenders: pl.DataFrame) -> str:
    """The first offender as `column value, …`, cut where it is long."""
    row = offenders.row(0, named=True)
    text = ", ".join(f"{name} {_shown(value)}" for name, value in row.items())
    text = " ".join(text.split())  # a host may be called anything, and this is one line
    return text if len(text) <= PLACE_WIDTH else f"{text[: PLACE_WIDTH - 2].rstrip(', ')} …"
