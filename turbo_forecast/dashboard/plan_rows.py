"""Planned changes as a form has them: a row of fields each, to and from the columns of the file of plans.

Belongs here: the fields, and which of them a refusal is about. Does not belong here: what a cell may hold (`storage/plans.py`), and
what plans mean (`outlook/`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import polars as pl

from turbo_forecast.storage.plans import KINDS, OPTIONAL, REQUIRED, plan_cells, plans_of
from turbo_forecast.types import Change

EMPTY_ROWS = 3
"""Rows that stand ready below those that are filled."""
_PLACE = re.compile(r"row ([\d,]+), column (\w+)")
_FIELD = {"date": "day", "group": "owner", "host_id": "owner"}


@dataclass(frozen=True, slots=True)
class PlanRow:
    """What the fields of a row hold, as text. of: host or group; owner: its name; amount: a number, or the host that load moves to."""

    day: str = ""
    of: str = "host"
    owner: str = ""
    resource: str = ""
    what: str = ""
    amount: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is filled in."""
        return not any((self.day, self.owner, self.resource, self.what, self.amount))

    @property
    def cells(self) -> dict[str, str]:
        """The row in the columns of the file of plans."""
        cells = dict.fromkeys((*REQUIRED, *OPTIONAL), "")
        cells |= {"date": self.day, "resource": self.resource, "group" if self.of == "group" else "host_id": self.owner}
        if self.what in KINDS:
            is_bare = self.what == Change.RETIRE and not self.amount
            cells[self.what] = "yes" if is_bare else self.amount
        return cells


def rows_of_form(form: Mapping[str, Sequence[str]]) -> list[PlanRow]:
    """The rows that were sent, without the empty ones at the end."""
    names = [field.name for field in fields(PlanRow)]
    columns = [[text.strip() for text in form.get(name, ())] for name in names]
    longest = max(map(len, columns))
    filled = [[*column, *[""] * (longest - len(column))] for column in columns]
    found = [PlanRow(**dict(zip(names, row, strict=True))) for row in zip(*filled, strict=True)]
    while found and found[-1].is_empty:
        found.pop()
    return found


def rows_of_plans(plans: pl.DataFrame) -> list[PlanRow]:
    """Plans (rows of PLAN_SCHEMA) as a form has them."""
    return [
        PlanRow(
            day=row["date"],
            of="group" if row["group"] else "host",
            owner=row["group"] or row["host_id"],
            resource=row["resource"],
            what=what,
            amount="" if what == Change.RETIRE else row[what],
        )
        for row in plan_cells(plans).iter_rows(named=True)
        for what in KINDS
        if row[what]
    ]


def plans_of_rows(rows: Sequence[PlanRow], where: str) -> pl.DataFrame:
    """The plans of the rows, which keep their numbers. Raises SettingsError, which names row and column."""
    return plans_of(
        pl.DataFrame([row.cells for row in rows], schema=dict.fromkeys((*REQUIRED, *OPTIONAL), pl.String)), where
    )


def place_of(sentence: str) -> tuple[int, str] | None:
    """The row, from 1, and the field that a refusal is about; None where it names none."""
    found = _PLACE.search(sentence)
    if found is None:
        return None
    column = found[2]
    return int(found[1].replace(",", "")), _FIELD.get(column, "amount" if column in KINDS else column)
