"""What a planned change does to a load, in words.

Belongs here: a row of PLANNED_CHANGES as half a sentence. Does not belong here: what it makes of the forecast (`outlook/loads.py`).
"""

from datetime import date

from turbo_forecast.number_words import noun, rounded
from turbo_forecast.outlook.plans import APPLIED
from turbo_forecast.types import Change


def change_words(what: str, amount: float | None, other: str, effect: str = APPLIED) -> str:
    """What changes from its day on: "20 points less", "its load moves to web-2"; with why it does not, where it has no effect.

    what, amount, other, effect: as PLANNED_CHANGES has them.
    """
    found = _words(Change(what), amount, other)
    return found if effect == APPLIED else f"{found} ({effect})"


def dated_words(day: date, words: str) -> str:
    """The change with its day."""
    return f"from {day}: {words}"


def _words(what: Change, amount: float | None, other: str) -> str:
    if what is Change.RETIRE:
        return f"{other} is switched off, and with it the group" if other else "switched off"
    if what is Change.MOVE_TO:
        return f"its whole load moves to {other}{_times(amount, 'there')}"
    if what is Change.MOVE_FROM:
        return f"the load of {other} comes to it{_times(amount, 'here')}"
    if amount is None:  # a plan without effect states none
        return what.value.replace("_", " ")
    if what is Change.CHANGE:
        return f"{rounded(abs(amount))} {noun(abs(amount), 'point')} {'more' if amount >= 0 else 'less'}"
    if what is Change.ADD_HOSTS:
        return f"hosts are added: the load becomes {_share(amount)} of what it is"
    if what is Change.SHARE:
        return f"{_share(abs(amount))} of the load of {other} {'is added' if amount >= 0 else 'goes'}"
    if other:
        return f"{other} leaves, and the others take its load: {_share(amount)} of what it is"
    return f"the load becomes {_share(amount)} of what it is"


def _share(amount: float) -> str:
    return f"{rounded(100 * amount)} %"


def _times(amount: float | None, where: str) -> str:
    """How a point of one host's load counts on the other, where their capacities differ."""
    return "" if amount is None or abs(amount - 1) < 0.0005 else f", a point of it counting {rounded(amount)} {where}"
