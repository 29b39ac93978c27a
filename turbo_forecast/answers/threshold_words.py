"""What a row of CAPACITY_OUTLOOK says, in a sentence.

Belongs here: words for one threshold of one series or group. Does not belong here: which rows (`outlook.py`, `host.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from turbo_forecast.schemas.outlook import STATED
from turbo_forecast.storage.outlook_findings import level_of
from turbo_forecast.types import State


def threshold_words(row: Mapping[str, Any]) -> str:
    """When and how probably the threshold is reached: "90 %: likely on 2026-04-13 (…), 31 % within 91 days, …".

    row: of CAPACITY_OUTLOOK.
    """
    threshold = f"{row['threshold']:g} %"
    if row["state"] == State.UNUSABLE:
        return f"{threshold}: the reserve takes all of the capacity, so nothing fits into what is left."
    now = f"{level_of(row['level'], row['threshold'])} now"
    if row["state"] == State.OVER:
        return f"{threshold}: over it already, {now}."
    level = "its level of today is not known" if row["level"] is None else now
    dates = [f"{name} on {row[name]}" for name in ("likely", "early", "late") if row[name] is not None]
    when = f"{dates[0]}{_in_brackets(dates[1:])}" if row["likely"] else ", ".join(dates)
    return f"{threshold}: {row['state']}, {f'{when}, ' if when else ''}{_probabilities(row)}; {level}."


def _in_brackets(dates: Sequence[str]) -> str:
    return f" ({', '.join(dates)})" if dates else ""


def _probabilities(row: Mapping[str, Any]) -> str:
    parts = [
        f"{chance(row[f'probability_{days}'])} within {days} days"
        for days in STATED
        if row[f"probability_{days}"] is not None
    ]
    return ", ".join(parts)


def chance(share: float) -> str:
    """A probability as percent: what is not sure is never shown as 0 or 100 %."""
    if 0 < share < 0.005:
        return "less than 1 %"
    return "more than 99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"
