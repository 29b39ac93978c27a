"""What is planned: rows of the file of plans as they take effect, and scenarios by what they change most."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from turbo_forecast.answers.planned import MOST_COMPARED, MOST_PLANS, NAMED, planned
from turbo_forecast.outlook.plans import APPLIED, NO_FORECAST
from turbo_forecast.schemas import PLANNED_CHANGES, SCENARIO_OUTLOOK
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.tables import Table
from turbo_forecast_tests.published_months import SCENARIO

CUTOFF = date(2025, 12, 31)


@dataclass(frozen=True)
class Held:
    """A month that has just these rows. It stands for a `PublishedMonth`."""

    tables: dict[str, pl.DataFrame]

    def frame(self, table: Table) -> pl.DataFrame:
        return self.tables.get(table.name, pl.DataFrame(schema=table.polars_schema))


def change(
    row: int, host: str, what: str, amount: float | None, *, kind: str = "series", other: str = "", day: int = 1
) -> dict:
    """A row of PLANNED_CHANGES that takes effect."""
    return {
        "cutoff": CUTOFF, "scenario": "baseline", "file_row": row, "kind": kind, "host_id": host, "resource": "cpu", "other": other,
        "from_ds": CUTOFF + timedelta(days=day), "what": what, "amount": amount, "effect": APPLIED, "plan": None,
    }  # fmt: skip


def held(table: Table, rows: list[dict]) -> PublishedMonth:
    return Held({table.name: table.conform(pl.DataFrame(rows, infer_schema_length=None))})  # type: ignore[return-value]


def compared(host: str, before: float, now: float, *, likely: int | None = None, baseline: int | None = None) -> dict:
    """A row of SCENARIO_OUTLOOK; likely, baseline: days after the cutoff."""
    days = [None if n is None else CUTOFF + timedelta(days=n) for n in (likely, baseline)]
    gained = None if likely is None or baseline is None else likely - baseline
    states = ["unlikely" if share < 0.1 else "possible" if share < 0.5 else "expected" for share in (now, before)]
    return {
        "cutoff": CUTOFF, "scenario": "s", "kind": "series", "host_id": host, "resource": "cpu", "threshold": 90.0,
        "probability_182": now, "baseline_probability_182": before, "likely": days[0], "baseline_likely": days[1],
        "days_gained": gained, "state": states[0], "baseline_state": states[1],
    }  # fmt: skip


def test_plans_stand_by_day_and_say_whom_they_change_and_how() -> None:
    rows = [
        change(2, "web", "move_to", 1.0, other="db", day=9),
        change(2, "db", "move_from", 1.0, other="web", day=9),
        change(1, "late", "change", 5.0, day=30),
    ]
    found = planned(held(PLANNED_CHANGES, rows))
    assert [plan.row for plan in found.plans] == [2, 1]
    assert [plan.day for plan in found.plans] == [date(2026, 1, 9), date(2026, 1, 30)]
    assert [(each.names, each.words) for each in found.plans[0].changed] == [
        ([("web", "cpu")], "its whole load moves to db"),
        ([("db", "cpu")], "the load of web comes to it"),
    ]
    assert found.plans[1].changed[0].words == "5 points more"


def test_those_a_plan_changes_alike_are_named_together_and_groups_by_themselves() -> None:
    hosts = [f"h{n}" for n in range(NAMED + 4)]
    rows = [change(1, host, "factor", 0.5) for host in hosts] + [change(1, "site", "factor", 0.5, kind="group")]
    (plan,) = planned(held(PLANNED_CHANGES, rows)).plans
    series, group = plan.changed
    assert (series.kind, len(series.names), series.more) == ("series", NAMED, 4)
    assert (group.kind, list(group.names), group.more) == ("group", [("site", "cpu")], 0)


def test_the_first_plans_are_named_and_all_are_counted() -> None:
    rows = [change(n, f"h{n}", "change", 1.0, day=n) for n in range(1, MOST_PLANS + 6)]
    found = planned(held(PLANNED_CHANGES, rows))
    assert [plan.row for plan in found.plans] == list(range(1, MOST_PLANS + 1))
    assert found.plan_count == MOST_PLANS + 5


def test_a_row_without_effect_is_counted_with_its_reason_unless_it_changes_somebody_else() -> None:
    idle = [{**change(n, "off", "change", None), "effect": NO_FORECAST} for n in (1, 2)]
    partly = [{**change(3, "off", "change", None), "effect": NO_FORECAST}, change(3, "on", "change", 1.0)]
    found = planned(held(PLANNED_CHANGES, [*idle, *partly]))
    assert list(found.without_effect) == [(2, "there is no forecast of the series")]
    assert [plan.row for plan in found.plans] == [3]


def test_changes_of_a_scenario_are_none_of_what_is_published() -> None:
    rows = [{**change(1, "web", "change", 1.0), "scenario": "s"}]
    assert planned(held(PLANNED_CHANGES, rows)).plan_count == 0


def test_a_scenarios_rows_stand_by_what_they_change_most() -> None:
    rows = [
        compared("little", 0.2, 0.25),
        compared("newly", 0.3, 0.6, likely=40),
        compared("no longer", 0.7, 0.4, baseline=90),
        compared("later", 0.9, 0.8, likely=100, baseline=40),
        compared("sooner", 0.8, 0.9, likely=10, baseline=90),
        compared("same", 0.2, 0.2),
    ]
    (found,) = planned(held(SCENARIO_OUTLOOK, rows)).scenarios
    assert (found.name, found.compared, found.newly, found.no_longer) == ("s", 6, 1, 1)
    assert set(found.rows["host_id"][:2]) == {"newly", "no longer"}
    assert found.rows["host_id"][2:].to_list() == ["sooner", "later", "little"], "80 days, 60 days, 5 points"


def test_of_many_rows_the_most_changed_are_named_and_each_series_by_its_threshold_nearest_to_ninety() -> None:
    rows = [compared(f"h{n:02}", 0.2, 0.2 + n / 100) for n in range(1, MOST_COMPARED + 5)]
    rows += [{**row, "threshold": 70.0, "probability_182": 0.99} for row in rows]
    (found,) = planned(held(SCENARIO_OUTLOOK, rows)).scenarios
    assert found.compared == MOST_COMPARED + 4
    assert len(found.rows) == MOST_COMPARED
    assert found.rows["threshold"].unique().to_list() == [90.0]
    assert found.rows["host_id"][0] == f"h{MOST_COMPARED + 4:02}"


@pytest.mark.parametrize("month", ["2025-10", "2025-12"])
def test_a_published_months_scenario_is_found(month: str, published_fleet: Path) -> None:
    found = planned(Published(published_fleet).month(month))
    assert [each.name for each in found.scenarios] == [SCENARIO]
    assert found.scenario_count == 1
    assert found.plans == []
    row = found.scenarios[0].rows.row(0, named=True)
    assert (row["host_id"], row["resource"], row["threshold"]) == ("web-1", "cpu", 90.0)
