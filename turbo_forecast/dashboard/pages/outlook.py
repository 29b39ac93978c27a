"""Outlook, the first page: which hosts run full, by when, and how sure is that; to be filtered, sorted and taken away as a file.

Belongs here: the address's parameters, and what the page shows of the answer. Does not belong here: the answer
(`answers/outlook.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import polars as pl
from starlette.responses import Response

from turbo_forecast import deep_links
from turbo_forecast.answers.exports import csv_bytes, xlsx_bytes
from turbo_forecast.answers.outlook import PROBABILITY, OutlookQuestion, outlook_answer
from turbo_forecast.answers.statement_record import UNKNOWN, statement_record
from turbo_forecast.dashboard.downloads import download
from turbo_forecast.dashboard.formats import UNIT
from turbo_forecast.dashboard.formats import threshold as shown_threshold
from turbo_forecast.dashboard.page import Page, Visit
from turbo_forecast.dashboard.pagination import page_links, page_of
from turbo_forecast.dashboard.row_sparklines import row_sparklines
from turbo_forecast.dashboard.sorting import Heading, Sorting
from turbo_forecast.schemas import CAPACITY_OUTLOOK, GROUP_MEMBERS
from turbo_forecast.storage.outlook_findings import PLANNED_FOR
from turbo_forecast.storage.published.reading import PublishedMonth
from turbo_forecast.types import State

SORTING = Sorting(
    headings=(
        Heading("host_id", "Host"),
        Heading("resource", "Resource"),
        Heading("threshold", "Reaches", number=True),
        Heading("level", "Now", number=True, downwards=True),
        Heading("headroom", "Headroom", number=True),
        Heading("growth", "Per 30 days", number=True, downwards=True),
        Heading("state", "State"),
        Heading(PROBABILITY, "Probability", number=True, downwards=True),
        Heading("early", f"Early (10{UNIT})"),
        Heading("likely", f"Likely (50{UNIT})"),
        Heading("late", f"Late (90{UNIT})"),
    ),
    order={"state": [state.value for state in State]},
)
BASELINE = OutlookQuestion().scenario
EVERY = "every"
"""Of the threshold: all of them, instead of the one nearest to what is planned for."""
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Probabilities that are offered; an address may ask for any."""
FORMATS: Mapping[str, Callable[[pl.DataFrame], bytes]] = {
    "csv": csv_bytes,
    "xlsx": partial(xlsx_bytes, sheet="outlook"),
}


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many rows are in a state. query: of the page that shows these alone, or all where it does so already."""

    state: str
    count: int
    is_chosen: bool
    query: Mapping[str, object]


def question_of(visit: Visit) -> OutlookQuestion:
    """What the address asks. Raises SettingsError for parameters that cannot be used."""
    at_least = visit.number("at_least")
    every = visit.text("threshold") == EVERY
    kind = visit.choice("kind", ["", "series", "group"])
    return OutlookQuestion(
        before=visit.day("before"),
        resources=visit.several("resource"),
        group=visit.text("group") or None,
        kind="series" if kind == "series" else "group" if kind == "group" else None,
        threshold=None if every else visit.number("threshold"),
        every_threshold=every,
        at_least=at_least,
        states=visit.several("state"),
        text=visit.text("text"),
        scenario=visit.text("scenario") or BASELINE,
    )


def answer(visit: Visit) -> Mapping[str, Any] | Response:
    """The page, or all of its rows as a file. Raises TurboForecastError."""
    month, question = visit.month, question_of(visit)
    order = SORTING.parse(visit.text("sort"))
    everybody = outlook_answer(month, replace(question, states=(), at_least=None))
    rows = order.sorted(outlook_answer(month, question))
    wanted = visit.choice("format", ["", *FORMATS])
    if wanted:
        return download(FORMATS[wanted](rows), f"outlook-{month.key}.{wanted}")
    page = page_of(rows, visit.whole("page", 1, 1))
    parameters = parameters_of(visit)
    record = statement_record(month)
    return {
        "question": question,
        "parameters": parameters,
        "counts": counts(everybody, question, parameters),
        "record": record,
        "unknown_record": UNKNOWN,
        "headings": order.headings(parameters),
        "rows": page.frame.to_dicts(),
        "shown": page,
        "pages": page_links(page, parameters),
        "files": {name: {**parameters, "format": name} for name in FORMATS},
        "pictures": row_sparklines(visit.published, month, page.frame),
        "choices": choices(month, question),
        "by": (question.before - timedelta(days=1) if question.before else month.windows.horizon_end),
    }


def parameters_of(visit: Visit) -> dict[str, object]:
    """The address's parameters that hold on every page of the rows: all but the page and the format."""
    found = {name: visit.query.getlist(name) for name in visit.query if name not in ("page", "format")}
    return {name: values for name, each in found.items() if (values := [value for value in each if value])}


def counts(everybody: pl.DataFrame, question: OutlookQuestion, parameters: Mapping[str, object]) -> list[StateCount]:
    """How many are in each state, of all that the other filters leave; of `unusable`, which few fleets have, where there are any."""
    number = dict(everybody["state"].value_counts().iter_rows())
    shown = [state.value for state in State if state is not State.UNUSABLE or number.get(state.value)]
    others = {name: value for name, value in parameters.items() if name != "state"}
    return [
        StateCount(
            state,
            number.get(state, 0),
            is_chosen := question.states == (state,),
            others if is_chosen else {**others, "state": state},
        )
        for state in shown
    ]


def choices(month: PublishedMonth, question: OutlookQuestion) -> dict[str, Any]:
    """What the filters offer: what the month has, as (value, shown)."""
    rows = month.frame(CAPACITY_OUTLOOK)
    thresholds = rows["threshold"].unique().sort().to_list()
    groups = month.frame(GROUP_MEMBERS)["group_name"].unique().sort().to_list() if month.has(GROUP_MEMBERS) else []
    shares = sorted({*SHARES, *([question.at_least] if question.at_least is not None else [])})
    return {
        "resources": rows["resource"].unique().sort().to_list(),
        "groups": groups,
        "thresholds": [
            ("", f"nearest to {PLANNED_FOR:g} %"),
            *((f"{each:g}", shown_threshold(each)) for each in thresholds),
            (EVERY, "every threshold"),
        ],
        "shares": [("", "any"), *((f"{each:g}", f"at least {100 * each:g} %") for each in shares)],
        "scenarios": sorted(rows["scenario"].unique().to_list(), key=lambda name: (name != BASELINE, name)),
        "days": list(_first_days(month.cutoff, month.windows.horizon_end)),
        "first_day": month.cutoff + timedelta(days=2),
        "last_day": month.windows.horizon_end + timedelta(days=1),
    }


def _first_days(cutoff: date, end: date) -> Sequence[date]:
    """The first days of the months of the forecast, and of the month after it."""
    return [
        each
        for each in pl.date_range(cutoff.replace(day=1), end + timedelta(days=1), "1mo", eager=True).to_list()
        if each > cutoff + timedelta(days=1)
    ]


PAGE = Page(deep_links.OUTLOOK, "Outlook", "outlook.html", answer)
