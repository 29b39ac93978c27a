"""Groups: how full each is, when it runs full, what it consists of; and of one, its most urgent hosts.

Does not belong here: the answers (`answers/groups.py`, `answers/outlook.py`), a group's chart (the page Host shows it).
"""

from collections.abc import Mapping
from typing import Any

import polars as pl
from starlette.responses import Response

from turbo_forecast import deep_links
from turbo_forecast.answers.groups import groups_answer
from turbo_forecast.answers.outlook import OutlookQuestion, outlook_answer
from turbo_forecast.dashboard.formats import UNIT
from turbo_forecast.dashboard.page import Page, Visit
from turbo_forecast.dashboard.pages.outlook import parameters_of
from turbo_forecast.dashboard.pagination import page_links, page_of
from turbo_forecast.dashboard.row_sparklines import row_sparklines
from turbo_forecast.dashboard.sorting import Heading, Sorting
from turbo_forecast.storage.outlook_findings import PLANNED_FOR
from turbo_forecast.types import State

SORTING = Sorting(
    headings=(
        Heading("host_id", "Group"),
        Heading("resource", "Resource"),
        Heading("present", "Hosts", number=True, downwards=True),
        Heading("capacity", "Capacity", number=True, downwards=True),
        Heading("usable", "Reserve"),
        Heading("threshold", "Reaches", number=True),
        Heading("level", "Now", number=True, downwards=True),
        Heading("state", "State"),
        Heading("probability", "Probability", number=True, downwards=True),
        Heading("early", f"Early (10{UNIT})"),
        Heading("likely", f"Likely (50{UNIT})"),
        Heading("late", f"Late (90{UNIT})"),
    ),
    order={"state": [state.value for state in State]},
)
MEMBERS = 10
"""Of a group's hosts, how many are named; the page Outlook has all."""


def answer(visit: Visit) -> Mapping[str, Any] | Response:
    """All groups, and of one that is asked for, its most urgent hosts. Raises TurboForecastError."""
    month = visit.month
    order = SORTING.parse(visit.text("sort"))
    found = order.sorted(groups_answer(month))
    group = visit.text("group") or None
    members = outlook_answer(month, OutlookQuestion(group=group, kind="series")) if group else pl.DataFrame()
    page = page_of(found.filter(pl.col("host_id") == group) if group else found, visit.whole("page", 1, 1))
    parameters = parameters_of(visit)
    return {
        "group": group,
        "members": members.head(MEMBERS).to_dicts(),
        "members_in_all": len(members),
        "member_pictures": row_sparklines(visit.published, month, members.head(MEMBERS)),
        "rows": page.frame.to_dicts(),
        "pictures": row_sparklines(visit.published, month, page.frame),
        "shown": page,
        "pages": page_links(page, parameters),
        "headings": order.headings(parameters),
        "parameters": parameters,
        "planned_for": PLANNED_FOR,
        "has_groups": bool(month.outlook_settings.groups),
    }


PAGE = Page(deep_links.GROUPS, "Groups", "groups.html", answer)
