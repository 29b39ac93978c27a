"""The file of planned changes: read, and every cell understood or refused in a sentence that names file, row and column.

Belongs here: what such a file must look like. Does not belong here: which hosts there are, and what a change does to
their forecasts (`outlook/plans.py`).
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from turbo_forecast.errors import SettingsError, refusal
from turbo_forecast.option_rules import nearest, shown
from turbo_forecast.text import printable, shortened
from turbo_forecast.types import Change

KINDS = (Change.CHANGE, Change.FACTOR, Change.MOVE_TO, Change.RETIRE, Change.ADD_HOSTS)
"""Columns of which each row fills one."""
COLUMNS = ("date", "host_id", "group", "resource", *KINDS, "scenario", "note")
"""What a file may have; `note` is for its readers."""
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
SEPARATORS = ",;\t|"
LONGEST_NAME = 200
YES, NO = {"yes", "y", "true", "1", "1.0", "x"}, {"no", "n", "false", "0", "0.0", ""}
_MIDNIGHT = r"^(\d{4}-\d{2}-\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?)?$"


def read_plans(path: str) -> pl.DataFrame:
    """The plans of a CSV or Parquet file, as PLAN_SCHEMA has them; none for an empty path.

    A CSV's cells may be parted by commas, semicolons, tabs or bars. Raises SettingsError, which names file, row and column.
    """
    if not path:
        return pl.DataFrame(schema=PLAN_SCHEMA)
    file, name = Path(os.path.expanduser(path)), file_name(path)
    try:
        raw = pl.read_parquet(file, glob=False) if file.suffix.lower() == ".parquet" else _read_csv(file, name)
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {refusal(error)}") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        why = shortened(printable(" ".join(str(error).split())), LONGEST_NAME)
        raise SettingsError(f"{name} cannot be read as a table: {why}") from None
    return plan_rows(raw, name)


def file_name(path: str) -> str:
    """What a message calls the file of plans."""
    return f"outlook.plans: {printable(path)}"


def _read_csv(file: Path, name: str) -> pl.DataFrame:
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{name} is not a text file in UTF-8") from None
    if not text.strip():
        raise SettingsError(f"{name} is empty: its first line must name columns, such as date,host_id,change")
    header = text.lstrip().splitlines()[0]
    separator = max(SEPARATORS, key=header.count)
    return pl.read_csv(text.encode(), separator=separator, infer_schema=False)


def plan_rows(raw: pl.DataFrame, name: str) -> pl.DataFrame:
    """A frame with the file's columns as PLAN_SCHEMA has it; wholly empty rows are passed over.

    name: how a message calls it. Raises SettingsError, with a sentence of the first cell that cannot be understood.
    """
    texts = _texts(raw, name)
    plans = [_plan(row, place, name) for place, row in enumerate(texts.iter_rows(named=True), 1) if any(row.values())]
    return pl.DataFrame(plans, schema=PLAN_SCHEMA, orient="row")


def _texts(raw: pl.DataFrame, name: str) -> pl.DataFrame:
    """Every column of COLUMNS as trimmed text, empty where there is nothing."""
    named = {column: column.strip().lower() for column in raw.columns}
    for column, known in named.items():
        if known not in COLUMNS:
            near = nearest(known, COLUMNS)
            hint = f"did you mean {near}?" if near else f"known are {', '.join(COLUMNS)}"
            raise SettingsError(f"{name}: column {shown(column)} is none of a plan's; {hint}")
        if list(named.values()).count(known) > 1:
            raise SettingsError(f"{name}: column {known} comes twice")
        if raw[column].dtype.is_nested() or raw[column].dtype in (pl.Binary, pl.Object):
            raise SettingsError(f"{name}: column {known} must hold texts, numbers or dates, not {raw[column].dtype}")
    present = set(named.values())
    if "date" not in present or not present & {"host_id", "group"} or not present & set(KINDS):
        needs = f"date, host_id or group, and one of {', '.join(KINDS)}"
        raise SettingsError(f"{name}: the columns must be {needs}; there are {printable(', '.join(raw.columns)[:120])}")
    texts = raw.rename(named).select(pl.all().cast(pl.String).str.strip_chars().fill_null(""))
    return texts.with_columns(pl.lit("").alias(column) for column in COLUMNS if column not in present)


def _plan(row: dict[str, str], place: int, name: str) -> tuple[Any, ...]:
    """A row's plan, in the order of PLAN_SCHEMA."""

    def refuse(column: str, why: str) -> SettingsError:
        return SettingsError(f"{name}: row {place} (below the header), column {column}: {why}")

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
    scenario = row["scenario"] or "baseline"
    return place, day, scenario, row["host_id"], row["group"], row["resource"], what.value, amount, target


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
    """The number in a cell. The refusals are SettingsErrors of that cell."""
    try:
        number = float(text)
    except ValueError:
        hint = "; write a decimal point, not a comma" if "," in text else ""
        raise refuse(what, f"{shown(text)} is no number{hint}") from None
    if not math.isfinite(number):
        raise refuse(what, f"{shown(text)} is not a finite number")
    if what is Change.CHANGE and abs(number) > 100:
        raise refuse(what, f"a change is in points of percent, from -100 to 100, not {shown(text)}")
    if what is Change.FACTOR and not 0 <= number <= 1000:
        raise refuse(what, f"a load is multiplied by 0 to 1000, not by {shown(text)}")
    if what is Change.ADD_HOSTS and (number != int(number) or not 1 <= number <= 1e6):
        raise refuse(what, f"hosts are added in whole numbers from 1, not {shown(text)}")
    return number
