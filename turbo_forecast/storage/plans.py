"""The file of planned changes: read, and every cell understood or refused in a sentence that names file, row and column.

Belongs here: what such a file must look like. Does not belong here: which hosts there are, and what a change does to
their forecasts (`outlook/plans.py`).
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import polars as pl

from turbo_forecast.errors import SettingsError
from turbo_forecast.option_rules import nearest, shown
from turbo_forecast.storage.hand_kept_tables import ROW, Listing, listing, listing_of_text, read_listing
from turbo_forecast.types import Change

KINDS = (Change.CHANGE, Change.FACTOR, Change.MOVE_TO, Change.RETIRE, Change.ADD_HOSTS)
"""Columns of which each row fills one."""
OPTION = "outlook.plans"
REQUIRED, OPTIONAL = ("date",), ("host_id", "group", "resource", *(kind.value for kind in KINDS), "scenario", "note")
"""A file's columns; `note` is for its readers."""
PLAN_SCHEMA = pl.Schema(
    {
        "row": pl.Int64,
        "day": pl.Date,
        "scenario": pl.String,
        "host_id": pl.String,
        "group": pl.String,
        "resource": pl.String,
        "what": pl.String,
        "amount": pl.Float64,
        "target": pl.String,
    }
)
"""A plan: its row in the file, counted from 1 below the header; texts are empty where the file says nothing.

amount: points of a change, a factor, or how many hosts are added; null for the others. target: of move_to.
"""
LONGEST_NAME = 200
YES, NO = {"yes", "y", "true", "1", "1.0", "x"}, {"no", "n", "false", "0", "0.0", ""}
_DECIMAL_COMMA = re.compile(r"^([-+]?\d*),(\d+)$")
_MIDNIGHT = r"^(\d{4}-\d{2}-\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?)?$"


def read_plans(path: str) -> pl.DataFrame:
    """The plans of a CSV or Parquet file, as PLAN_SCHEMA has them; none for an empty path.

    Raises SettingsError, which names file, row and column.
    """
    if not path:
        return pl.DataFrame(schema=PLAN_SCHEMA)
    return _plans(read_listing(OPTION, path, REQUIRED, OPTIONAL, may_be_empty=True))


def plans_of(frame: pl.DataFrame, where: str = "plans") -> pl.DataFrame:
    """The plans of a frame with the file's columns. Raises SettingsError, which names row and column. where: its name there."""
    return _plans(listing(where, frame, REQUIRED, OPTIONAL, may_be_empty=True))


def plans_of_text(text: str, where: str = "plans") -> pl.DataFrame:
    """The plans of the text of such a CSV file. Raises SettingsError, which names row and column. where: its name there."""
    return _plans(listing_of_text(where, text, REQUIRED, OPTIONAL, may_be_empty=True))


def plan_cells(plans: pl.DataFrame) -> pl.DataFrame:
    """The rows of a file that says what these plans say: all its columns but `note`, as text. plans: as PLAN_SCHEMA has them."""
    numbers = [repr(number).removesuffix(".0") if number is not None else "" for number in plans["amount"]]
    rows = plans.with_columns(
        pl.Series("amount_text", numbers, pl.String),
        pl.col("day").dt.to_string("%Y-%m-%d").alias("date"),
        pl.when(pl.col("scenario") != "baseline").then("scenario").otherwise(pl.lit("")).alias("scenario"),
    )
    cell = {Change.MOVE_TO: pl.col("target"), Change.RETIRE: pl.lit("yes")}
    kinds = [
        pl.when(pl.col("what") == kind).then(cell.get(kind, pl.col("amount_text"))).otherwise(pl.lit("")).alias(kind)
        for kind in KINDS
    ]
    return rows.select("date", "host_id", "group", "resource", *kinds, "scenario")


def file_name(path: str) -> str:
    """What a message calls the file of plans."""
    return f"{OPTION}: {path}"


def _plans(found: Listing) -> pl.DataFrame:
    """Raises SettingsError for a column that no plan has, where a misspelt one would be passed over, and for a bad cell."""
    for column in found.left_out:
        near = nearest(column, OPTIONAL)
        hint = f"did you mean {near}?" if near else f"known are {', '.join((*REQUIRED, *OPTIONAL))}"
        raise found.error(f"column {shown(column)} is none of a plan's; {hint}")
    rows = found.rows.with_columns(pl.col(pl.String).fill_null(""))
    return pl.DataFrame([_plan(row, found) for row in rows.iter_rows(named=True)], schema=PLAN_SCHEMA, orient="row")


def _plan(row: dict[str, Any], found: Listing) -> tuple[Any, ...]:
    """A row's plan, in the order of PLAN_SCHEMA."""

    def refuse(column: str, why: str) -> SettingsError:
        return found.error(f"row {row[ROW]:,}, column {column}: {why}")

    day = pl.Series([row["date"]]).str.extract(_MIDNIGHT).str.to_date("%Y-%m-%d", strict=False)[0]
    if day is None:
        raise refuse("date", f"{shown(row['date'])} is no day; write it as 2026-03-15")
    if bool(row["host_id"]) == bool(row["group"]):
        both = "both are given" if row["group"] else "neither is given"
        raise refuse("host_id", f"a plan is of a host_id or of a group, and {both}")
    given = list(_given(row, refuse))
    if len(given) != 1:
        what = f"{given[0]} and {given[1]} are both given" if given else "none is given"
        raise refuse(given[1] if given else KINDS[0], f"a row plans one of {', '.join(KINDS)}, and {what}")
    what = given[0]
    if what is Change.MOVE_TO and row["group"]:
        raise refuse(what, "it is a host's load that moves: give a host_id, not a group")
    if what is Change.MOVE_TO and row[what] == row["host_id"]:
        raise refuse(what, f"{shown(row[what])} cannot move to itself")
    if what is Change.ADD_HOSTS and not row["group"]:
        raise refuse(what, "hosts are added to a group: give a group, not a host_id")
    for column in ("host_id", "group", "resource", "scenario", Change.MOVE_TO):
        if len(row[column]) > LONGEST_NAME or not row[column].isprintable():
            raise refuse(
                column, f"{shown(row[column])} is no name: it is too long, or has characters that cannot be seen"
            )
    amount = _amount(row[what], what, refuse) if what not in (Change.MOVE_TO, Change.RETIRE) else None
    target = row[what] if what is Change.MOVE_TO else ""
    scenario = "baseline" if row["scenario"].lower() in ("", "baseline") else row["scenario"]
    return row[ROW], day, scenario, row["host_id"], row["group"], row["resource"], what.value, amount, target


def _given(row: dict[str, str], refuse: Any) -> Iterator[Change]:
    """The kinds of change for which the row says something. `retire: no` says nothing."""
    for kind in KINDS:
        if kind is Change.RETIRE:
            if row[kind].lower() not in YES | NO:
                raise refuse(kind, f"{shown(row[kind])} is neither yes nor no")
            if row[kind].lower() in YES:
                yield kind
        elif row[kind]:
            yield kind


def _amount(text: str, what: Change, refuse: Any) -> float:
    """The number in a cell; a comma is a decimal point too. The refusals are SettingsErrors of that cell."""
    try:
        number = float("" if "_" in text else _DECIMAL_COMMA.sub(r"\1.\2", text))  # Python's 1_5 is 15
    except ValueError:
        raise refuse(what, f"{shown(text)} is no number") from None
    if not math.isfinite(number):
        raise refuse(what, f"{shown(text)} is not a finite number")
    if what is Change.CHANGE and abs(number) > 100:
        raise refuse(what, f"a change is in points of percent, from -100 to 100, not {shown(text)}")
    if what is Change.FACTOR and not 0 <= number <= 1000:
        raise refuse(what, f"a load is multiplied by 0 to 1000, not by {shown(text)}")
    if what is Change.ADD_HOSTS and (number != int(number) or not 1 <= number <= 1e6):
        raise refuse(what, f"hosts are added in whole numbers from 1, not {shown(text)}")
    return number
