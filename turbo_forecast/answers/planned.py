"""What is planned of the fleet: changes that the published forecast has in it, and scenarios beside it.

Belongs here: what readers are shown of both. Does not belong here: what a plan means for a series (`outlook/plans.py`), and in words
(`plan_words.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from turbo_forecast.answers.outlook import nearest_threshold
from turbo_forecast.answers.plan_words import change_words
from turbo_forecast.outlook.plans import APPLIED
from turbo_forecast.outlook.rows import BASELINE
from turbo_forecast.outlook.scenarios import COMPARED
from turbo_forecast.schemas import PLANNED_CHANGES, SCENARIO_OUTLOOK
from turbo_forecast.storage.published.reading import PublishedMonth
from turbo_forecast.types import State

MOST_PLANS, MOST_SCENARIOS, MOST_COMPARED, NAMED = 20, 6, 8, 3
"""Rows of the file of plans, scenarios, rows of each, and names of those that a plan changes alike."""
REACHED = (State.OVER, State.EXPECTED)


@dataclass(frozen=True, slots=True)
class Changed:
    """Series, or groups, that a plan changes alike: words say how. kind: series or group; names: host or group, and resource."""

    kind: str
    names: Sequence[tuple[str, str]]
    more: int
    words: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A row of the file of plans that takes effect. row: from 1; changed: whom it changes, and how."""

    row: int
    day: date
    changed: Sequence[Changed]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario beside the baseline, over all series and groups that it changes, each by the threshold that stands for it.

    compared: how many; newly, no_longer: of these, thresholds that are expected to be reached only with it, or only without. rows:
    of SCENARIO_OUTLOOK, the most changed first, MOST_COMPARED of them.
    """

    name: str
    compared: int
    newly: int
    no_longer: int
    rows: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Planned:
    """plans: of the baseline that take effect, by day, MOST_PLANS of `plan_count`; without_effect: rows that change nothing, and why.

    scenarios: MOST_SCENARIOS of `scenario_count`.
    """

    plans: Sequence[Plan]
    plan_count: int
    without_effect: Sequence[tuple[int, str]]
    scenarios: Sequence[Scenario]
    scenario_count: int


def planned(month: PublishedMonth) -> Planned:
    """What is planned within the month's forecast."""
    rows = month.frame(PLANNED_CHANGES).filter(pl.col("scenario") == BASELINE)
    applied = rows.filter(pl.col("effect") == APPLIED).sort("from_ds", "file_row", maintain_order=True)
    effective = applied.partition_by("file_row", maintain_order=True)
    idle = rows.join(applied, on="file_row", how="anti").group_by("effect", maintain_order=True).agg(_PLANS)
    compared = month.frame(SCENARIO_OUTLOOK).partition_by("scenario", maintain_order=True)
    return Planned(
        plans=[_plan(each) for each in effective[:MOST_PLANS]],
        plan_count=len(effective),
        without_effect=[(count, effect.removeprefix("no effect: ")) for effect, count in idle.iter_rows()],
        scenarios=[_scenario(each) for each in compared[:MOST_SCENARIOS]],
        scenario_count=len(compared),
    )


_PLANS = pl.col("file_row").n_unique()


def _plan(rows: pl.DataFrame) -> Plan:
    """rows: of PLANNED_CHANGES, of one row of the file."""
    alike: dict[tuple[str, str], list[tuple[str, str]]] = {}
    columns = ("kind", "host_id", "resource", "other", "what", "amount")
    for kind, name, resource, other, what, amount in rows.sort("kind", descending=True).select(columns).iter_rows():
        alike.setdefault((kind, change_words(what, amount, other)), []).append((name, resource))
    changed = [Changed(kind, names[:NAMED], len(names[NAMED:]), words) for (kind, words), names in alike.items()]
    return Plan(int(rows["file_row"][0]), rows["from_ds"][0], changed)


def _scenario(rows: pl.DataFrame) -> Scenario:
    first = nearest_threshold(rows)
    now, before = (pl.col(name).is_in(REACHED) for name in ("state", "baseline_state"))
    changed = first.filter(pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"baseline_{name}")) for name in COMPARED))
    moved = (pl.col("probability_182") - pl.col("baseline_probability_182")).abs()
    order = [now != before, pl.col("days_gained").abs().fill_null(0), moved]
    return Scenario(
        name=rows["scenario"][0],
        compared=len(first),
        newly=first.filter(now & ~before).height,
        no_longer=first.filter(before & ~now).height,
        rows=changed.sort(order, descending=True, maintain_order=True).head(MOST_COMPARED),
    )
