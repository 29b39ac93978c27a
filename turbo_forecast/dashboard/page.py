"""What a page is: an address, a template, and a function from a visit to what the template shows.

Does not belong here: any one page (`pages/`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import Response

from turbo_forecast.errors import SettingsError
from turbo_forecast.option_rules import shown
from turbo_forecast.storage.published.manifest import MonthStanding
from turbo_forecast.storage.published.reading import Published, PublishedMonth

DIGITS = 9
"""Digits of a whole number in an address."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks at what: the published months, the one that is asked for, the address's parameters, and a form that was sent."""

    published: Published
    month: PublishedMonth
    query: QueryParams
    form: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        """A parameter's text, trimmed; empty without one."""
        return self.query.get(name, "").strip()

    def number(self, name: str) -> float | None:
        """A parameter's number. Raises SettingsError where it is none."""
        text = self.text(name)
        try:
            found = float(text) if text else None
        except ValueError:
            found = math.nan
        if found is not None and not math.isfinite(found):
            raise SettingsError(f"{name} must be a number, not {shown(text)}")
        return found

    def whole(self, name: str, least: int, default: int) -> int:
        """A parameter's whole number. Raises SettingsError where it is none, or below the least."""
        text = self.text(name)
        if not text:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > DIGITS or int(text) < least:
            raise SettingsError(f"{name} must be a whole number from {least}, not {shown(text)}")
        return int(text)

    def day(self, name: str) -> date | None:
        """A parameter's day. Raises SettingsError where it is none."""
        text = self.text(name)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            raise SettingsError(f"{name} must be a day such as 2026-06-01, not {shown(text)}") from None

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """One of the choices, the first without the parameter. Raises SettingsError, which names them."""
        text = self.text(name)
        if text and text not in choices:
            raise SettingsError(f"{name} must be one of {', '.join(filter(None, choices))}, not {shown(text)}")
        return text or choices[0]

    def several(self, name: str) -> tuple[str, ...]:
        """All that a parameter is given."""
        return tuple(each for each in self.query.getlist(name) if each)


@dataclass(frozen=True, slots=True)
class Page:
    """path: of its address; title: in the menu; template: in `templates/`; answer: what the template is given, and `status`, the answer's
    status where it is not 200.

    in_menu: whether the menu has it. takes_form: whether a form may be sent to it. draws: whether it has a chart that Vega draws.
    """

    path: str
    title: str
    template: str
    answer: Callable[[Visit], Mapping[str, Any] | Response]
    in_menu: bool = True
    takes_form: bool = False
    draws: bool = False

    @property
    def methods(self) -> list[str]:
        """What a request may do with it."""
        return ["GET", "POST"] if self.takes_form else ["GET"]


@dataclass(frozen=True, slots=True)
class Notice:
    """What the reader must know of the month before all else. kind: warning or problem."""

    kind: str
    text: str


def notices(month: PublishedMonth, standings: Sequence[MonthStanding]) -> list[Notice]:
    """What is to be known of the month's own state, and of later months that are not published."""
    found = []
    for standing in standings:
        if standing.month == month.key and standing.state != "complete":
            why = (
                f": {', '.join(standing.failed)} failed"
                if standing.failed
                else f", reached {standing.reached or 'nothing yet'}"
            )
            found.append(
                Notice(
                    "problem" if standing.failed else "warning",
                    f"Month {month.key} is being made again, or ended half-way (run {standing.run_id}{why}). What is shown is what "
                    f"run {month.manifest.run_id} published.",
                )
            )
        elif standing.month > month.key and standing.state != "complete":
            what = "failed" if standing.failed else "is not complete"
            found.append(Notice("warning", f"Month {standing.month} {what}: it is not published, and not shown."))
    return found
