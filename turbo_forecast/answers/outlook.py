"""Which hosts run full, by when, and how sure is that: a month's outlook, filtered and ranked.

Belongs here: the question's parts and the rows that answer it. Does not belong here: how statements are made (`outlook/`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from turbo_forecast.errors import SettingsError
from turbo_forecast.option_rules import nearest
from turbo_forecast.outlook.rows import BASELINE
from turbo_forecast.outlook.statements import EARLY, LATE, LIKELY
from turbo_forecast.schemas import CAPACITY_OUTLOOK, GROUP_MEMBERS
from turbo_forecast.schemas.outlook import STATED
from turbo_forecast.storage.outlook_findings import PLANNED_FOR
from turbo_forecast.storage.published.reading import PublishedMonth
from turbo_forecast.types import State

NAMES = ["kind", "host_id", "resource"]
APPROACHING = (State.EXPECTED, State.POSSIBLE)
"""States of who is not over the threshold yet, and may reach it."""
PROBABILITY = "probability"
"""The column that answers `before`."""


@dataclass(frozen=True, slots=True)
class OutlookQuestion:
    """What is asked of a month's outlook; what is empty is not asked.

    before: the day by which the threshold is reached; the forecast's last day without it. resources, states: any of them.
    every_threshold: all of them instead.
    group: of hosts in this group, and the group itself. kind: series or group. threshold: percent; without it, each series'
    threshold nearest to 90. at_least: probability, in [0, 1]. text: part of the host's name.
    """

    before: date | None = None
    resources: tuple[str, ...] = ()
    group: str | None = None
    kind: Literal["series", "group"] | None = None
    threshold: float | None = None
    every_threshold: bool = False
    at_least: float | None = None
    states: tuple[str, ...] = ()
    text: str = ""
    scenario: str = BASELINE


def outlook_answer(month: PublishedMonth, question: OutlookQuestion) -> pl.DataFrame:
    """Rows of CAPACITY_OUTLOOK that answer the question, in `by_urgency`, with one more column.

    probability: that the threshold is reached before the day `before`, in [0, 1]; by the forecast's last day without one. Between
    days for which the outlook states a probability, by a straight line.

    Raises SettingsError, which names what there is, for a resource, group, threshold or scenario that the month does not have,
    and for a day outside of its forecast.
    """
    rows = _of_scenario(month.frame(CAPACITY_OUTLOOK), question.scenario)
    rows = rows.filter(*_conditions(month, rows, question))
    if not question.every_threshold and question.threshold is None:
        rows = nearest_threshold(rows)
    end = month.windows.horizon_end
    rows = rows.with_columns(_probability_before(question.before, month.cutoff, end).alias(PROBABILITY))
    if question.states:  # of the threshold that stands for the series
        _require(question.states, pl.Series([state.value for state in State]), "state")
        rows = rows.filter(pl.col("state").is_in(question.states))
    if question.at_least is not None:
        rows = rows.filter(pl.col(PROBABILITY) >= question.at_least)
    return by_urgency(rows)


def by_urgency(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of CAPACITY_OUTLOOK, the most urgent first.

    Of those ahead, who was not observed just before the cutoff comes after the others: he may have been over it for weeks.
    """
    ahead, over = pl.col("state").is_in(APPROACHING), pl.col("state") == State.OVER
    part = pl.when(over).then(0).when(ahead & pl.col("level").is_not_null()).then(1).when(ahead).then(2).otherwise(3)
    return rows.sort(part, "urgency")


def _of_scenario(rows: pl.DataFrame, scenario: str) -> pl.DataFrame:
    available = rows["scenario"].unique().sort().to_list()
    if scenario not in available and available:
        raise SettingsError(f"scenario {scenario!r} is not in the month's outlook{_suggestion(scenario, available)}")
    return rows.filter(pl.col("scenario") == scenario)


def _conditions(month: PublishedMonth, rows: pl.DataFrame, question: OutlookQuestion) -> list[pl.Expr]:
    """What rows must be. Raises SettingsError."""
    found = []
    if question.resources:
        _require(question.resources, rows["resource"], "resource")
        found.append(pl.col("resource").is_in(question.resources))
    if question.group is not None:
        members = month.frame(GROUP_MEMBERS)
        _require([question.group], members["group_name"], "group")
        hosts = members.filter(pl.col("group_name") == question.group)["host_id"].unique()
        own = (pl.col("kind") == "group") & (pl.col("host_id") == question.group)
        found.append(own | ((pl.col("kind") == "series") & pl.col("host_id").is_in(hosts.implode())))
    if question.kind:
        found.append(pl.col("kind") == question.kind)
    if question.threshold is not None:
        _require([question.threshold], rows["threshold"], "threshold")
        found.append(pl.col("threshold") == question.threshold)
    if question.text:
        found.append(pl.col("host_id").str.to_lowercase().str.contains(question.text.lower(), literal=True))
    return found


def _require(wanted: Sequence[str | float], available: pl.Series, what: str) -> None:
    known = available.unique().sort().to_list()
    wrong = next((each for each in wanted if each not in known), None)
    if wrong is not None:
        shown = f"{wrong:g} %" if isinstance(wrong, float) else repr(wrong)
        raise SettingsError(f"{what} {shown} is not in the month's outlook{_suggestion(wrong, known)}")


def _suggestion(wrong: object, known: list[object]) -> str:
    names = [f"{each:g}" if isinstance(each, float) else str(each) for each in known]
    guess = nearest(str(wrong), names)
    return (
        f"; did you mean {guess}?"
        if guess
        else f"; there is {', '.join(names[:10])}{' …' if names[10:] else ''}"
        if names
        else ""
    )


def nearest_threshold(rows: pl.DataFrame) -> pl.DataFrame:
    """Of each series and group, the rows of its threshold nearest to PLANNED_FOR, the lower of two that are as near."""
    away = (pl.col("threshold") - PLANNED_FOR).abs()
    first = rows.sort(away, "threshold").unique(NAMES, keep="first", maintain_order=True)
    return rows.join(first.select(*NAMES, "threshold"), on=[*NAMES, "threshold"], how="semi", maintain_order="left")


def _probability_before(before: date | None, cutoff: date, end: date) -> pl.Expr:
    """The probability by the day before `before`. Raises SettingsError."""
    if before is None:
        return pl.col(f"probability_{STATED[-1]}")
    days = (before - cutoff).days - 1
    if not days >= 1 or (before > end and days > (end - cutoff).days):
        raise SettingsError(f"{before} is outside of the forecast: ask for a day after {cutoff} and up to {end}")
    known = [(pl.lit(0), pl.lit(0.0))]
    known += [(pl.lit(min(n, (end - cutoff).days)), pl.col(f"probability_{n}")) for n in STATED]
    for name, probability in (("early", EARLY), ("likely", LIKELY), ("late", LATE)):
        known.append(((pl.col(name) - pl.lit(cutoff)).dt.total_days(), pl.lit(probability)))
    return _interpolated(known, days)


def _interpolated(known: list[tuple[pl.Expr, pl.Expr]], days: int) -> pl.Expr:
    """A rising line through points (day, probability), where both are there, at a day: from the last point before it to the first after."""
    below = [pl.when(day <= days).then(probability) for day, probability in known]
    above = [pl.when(day >= days).then(probability) for day, probability in known]
    left_day = pl.max_horizontal(
        pl.when((day <= days) & probability.is_not_null()).then(day) for day, probability in known
    )
    right_day = pl.min_horizontal(
        pl.when((day >= days) & probability.is_not_null()).then(day) for day, probability in known
    )
    left, right = pl.max_horizontal(below), pl.min_horizontal(above)
    share = pl.when(right_day > left_day).then((days - left_day) / (right_day - left_day)).otherwise(1.0)
    return left + (pl.coalesce(right, left) - left) * share.fill_null(0.0)
