"""What if: planned changes are edited, dates move, and the rows can be saved as a scenario of the file of plans.

Belongs here: the form, and how the answer is laid out. Does not belong here: the answer (`answers/what_if.py`). Nothing is kept on
the server: what is typed travels with each request.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from starlette.responses import Response

from turbo_forecast import deep_links
from turbo_forecast.answers.what_if import (
    NAME,
    PUBLISHED,
    WhatIf,
    month_plans,
    month_scenarios,
    require_possible,
    require_run_results,
    scenario_file,
    what_if,
)
from turbo_forecast.dashboard.downloads import download
from turbo_forecast.dashboard.formats import name, probability, threshold
from turbo_forecast.dashboard.grid import Cell, Grid, grid
from turbo_forecast.dashboard.page import Page, Visit
from turbo_forecast.dashboard.plan_rows import EMPTY_ROWS, PlanRow, place_of, plans_of_rows, rows_of_form, rows_of_plans
from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.number_words import day, points
from turbo_forecast.schemas import GROUP_MEMBERS, SERIES_OUTCOMES
from turbo_forecast.storage.plans import KINDS, PLAN_SCHEMA, plan_cells, plans_of_text
from turbo_forecast.storage.published.reading import PublishedMonth
from turbo_forecast.types import Change

SHOW, MORE, SAVE = "show", "more", "save"
"""What the form is sent for."""
MORE_ROWS = 5
SHOWN = 100
"""Thresholds that are listed, the most affected first."""
HOSTS_OFFERED = 500
"""Names of hosts that the form offers; of more, the page would grow too large."""
WORDS = {
    Change.CHANGE: "add points",
    Change.FACTOR: "multiply by",
    Change.MOVE_TO: "move to host",
    Change.RETIRE: "retire",
    Change.ADD_HOSTS: "add hosts to group",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form holds. rows: of its table; text: of its text area; scenario: the name; problem: why there is no answer."""

    rows: Sequence[PlanRow]
    text: str
    scenario: str = ""
    empty_rows: int = EMPTY_ROWS
    problem: str = ""
    found: WhatIf | None = None


def answer(visit: Visit) -> Mapping[str, Any] | Response:
    """The form, and once it was sent, what its rows alter; or the file. Raises TurboForecastError."""
    month = visit.month
    require_run_results(month)
    published, unknown = _published(month)
    if visit.form:
        draft = _sent(visit, published)
        if isinstance(draft, Response):
            return draft
    else:
        chosen = visit.text("scenario")
        plans = published if unknown or not chosen else month_plans(month, chosen)
        draft = Draft(rows_of_plans(plans), as_text(plans), "" if chosen == PUBLISHED else chosen)
    return {
        "draft": draft,
        "unknown": unknown,
        "rows": [*draft.rows, *[PlanRow()] * draft.empty_rows],
        "wrong": place_of(draft.problem),
        "kinds": [(kind.value, WORDS[kind]) for kind in KINDS],
        "scenarios": [] if unknown else month_scenarios(month),
        "start": visit.text("scenario") or PUBLISHED,
        "offers": offers(month),
        "moved": moved_grid(visit, draft.found) if draft.found else None,
        "idle": draft.found.without_effect.to_dicts() if draft.found else [],
        "newly": draft.found.newly(reached=True) if draft.found else None,
        "spared": draft.found.newly(reached=False) if draft.found else None,
    }


def _published(month: PublishedMonth) -> tuple[pl.DataFrame, str]:
    """The rows of the month's baseline; or none, and the sentence that says why they are not known."""
    try:
        return month_plans(month), ""
    except StorageError as error:
        return pl.DataFrame(schema=PLAN_SCHEMA), str(error)


def _sent(visit: Visit, published: pl.DataFrame) -> Draft | Response:
    """The answer to a form; a mistake in it is shown beside it, and what was typed stays."""
    wish, scenario = (next(iter(visit.form.get(field, ())), "").strip() for field in ("do", "scenario"))
    typed = visit.form.get("csv")
    rows = [] if typed else rows_of_form(visit.form)
    draft = Draft(rows, typed[0] if typed else "", scenario)
    try:
        if typed:
            plans, named = _of_text(draft.text)
            scenario = scenario or named
        else:
            plans = plans_of_rows(rows, NAME)
        draft = Draft(rows_of_plans(plans) if typed else rows, as_text(plans), scenario)
        if wish == SAVE:
            require_possible(visit.month, plans)
            content = scenario_file(plans, published, scenario)
            return download(content.encode(), file_name(visit.month, scenario))
        return replace(
            draft,
            empty_rows=MORE_ROWS if wish == MORE else EMPTY_ROWS,
            found=what_if(visit.month, plans),
        )
    except SettingsError as error:
        return replace(draft, problem=str(error))


def _of_text(text: str) -> tuple[pl.DataFrame, str]:
    """The plans of the text area, and the one scenario that they name, if they do. Raises SettingsError."""
    if not text.strip():
        return pl.DataFrame(schema=PLAN_SCHEMA), ""
    plans = plans_of_text(text, NAME)
    names = [each for each in plans["scenario"].unique(maintain_order=True) if each != PUBLISHED]
    if len(names) > 1:
        raise SettingsError(
            f"{NAME}: the rows are of {len(names)} scenarios ({', '.join(names[:5])}); ask for one of them, with the rows without a scenario"
        )
    return plans, names[0] if names else ""


def as_text(plans: pl.DataFrame) -> str:
    """The plans as CSV, without a scenario, which has a field of its own."""
    cells = plan_cells(plans).drop("scenario")
    return cells.select(pl.when(pl.all() != "").then(pl.all())).write_csv()


def file_name(month: PublishedMonth, scenario: str) -> str:
    """A name of plain letters."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", scenario).strip("-").lower()[:40]
    return f"plans-{month.key}-{plain or 'scenario'}.csv"


def offers(month: PublishedMonth) -> Mapping[str, Sequence[str]]:
    """Names that the form offers."""
    outcomes = month.frame(SERIES_OUTCOMES)
    hosts = outcomes["host_id"].unique().sort()
    groups = month.frame(GROUP_MEMBERS)["group_name"].unique().sort().to_list()
    return {
        "owners": [*groups, *(hosts.to_list() if len(hosts) <= HOSTS_OFFERED else [])],
        "resources": outcomes["resource"].unique().sort().to_list(),
    }


def moved_grid(visit: Visit, found: WhatIf) -> Grid:
    """What the plans alter, the most affected first."""
    return grid(
        "What these rows alter, beside what is published; the most affected first",
        "Host or group|Resource|> Threshold|State|50 % by|> Days gained|> Probability within the forecast",
        (moved(visit, row) for row in found.compared.head(SHOWN).iter_rows(named=True)),
        "These rows alter nothing of what is published.",
        total=len(found.compared),
        where="what these rows alter, and less affected; fewer rows show them",
    )


def moved(visit: Visit, row: Mapping[str, Any]) -> Sequence[Cell | str]:
    """A threshold before and after."""
    kind = "group" if row["kind"] == "group" else None
    place = {"host": row["host_id"], "resource": row["resource"], "kind": kind, "month": visit.text("month")}
    return [
        Cell(name(row["host_id"]), link=deep_links.page("host", **place), quiet=kind or ""),
        name(row["resource"]),
        threshold(row["threshold"]),
        Cell(
            row["state"],
            kind=row["state"],
            quiet=f"was {row['baseline_state']}" if row["state"] != row["baseline_state"] else "",
        ),
        Cell(
            day(row["likely"]),
            quiet=f"was {day(row['baseline_likely'])}" if row["likely"] != row["baseline_likely"] else "",
        ),
        "–" if row["days_gained"] is None else points(float(row["days_gained"])).removesuffix(".0"),
        Cell(probability(row["probability_182"]), quiet=f"was {probability(row['baseline_probability_182'])}"),
    ]


PAGE = Page(deep_links.WHAT_IF, "What-if", "what_if.html", answer, takes_form=True)
