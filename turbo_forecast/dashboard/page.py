"""What a page is: an address, a template, and a function from a visit to what the template shows.

Does not belong here: any one page (`pages/`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import Response

from turbo_forecast.errors import SettingsError
from turbo_forecast.option_rules import shown
from turbo_forecast.storage.published.manifest import MonthStanding
from turbo_forecast.storage.published.reading import Published, PublishedMonth


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
            return float(text) if text else None
        except ValueError:
            raise SettingsError(f"{name} must be a number, not {shown(text)}") from None

    def several(self, name: str) -> tuple[str, ...]:
        """All that a parameter is given."""
        return tuple(each for each in self.query.getlist(name) if each)


@dataclass(frozen=True, slots=True)
class Page:
    """path: of its address; title: in the menu; template: in `templates/`; answer: what the template is given.

    in_menu: whether the menu has it. takes_form: whether a form may be sent to it.
    """

    path: str
    title: str
    template: str
    answer: Callable[[Visit], Mapping[str, Any] | Response]
    in_menu: bool = True
    takes_form: bool = False


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
