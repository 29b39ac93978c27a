"""What plans mean for series and groups: whom they concern, in which order, how much of it, and why they may have no effect."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast.errors import SettingsError
from turbo_forecast.outlook.plans import Fleet, resolved, stated_plans
from turbo_forecast.storage.plans import PLAN_SCHEMA

CUTOFF, END = date(2025, 12, 31), date(2026, 6, 30)
SERIES = [("a", "cpu", True), ("a", "mem", True), ("b", "cpu", True), ("c", "cpu", True), ("c", "mem", True)]
OLD = [("gone", "cpu", False)]
MEMBERS = [("web", "a", "cpu", 2.0), ("web", "b", "cpu", 1.0), ("web", "c", "cpu", 1.0)]
SITE = [("site", "b", "cpu", 1.0), ("site", "gone", "cpu", 1.0)]


def fleet(members: list[tuple[str, str, str, float]] = MEMBERS, *, present: int = 1) -> Fleet:
    series = pl.DataFrame(SERIES + OLD, schema=["host_id", "resource", "has_forecast"], orient="row")
    schema = {"group_name": pl.String, "host_id": pl.String, "resource": pl.String, "capacity": pl.Float64}
    return Fleet.of(series, pl.DataFrame(members, schema=schema, orient="row").with_columns(present=pl.lit(present)))


def plan(what: str, amount: float | None = None, *, day: date = date(2026, 2, 1), **of: str) -> dict[str, Any]:
    empty = {"host_id": "", "group": "", "resource": "", "target": "", "scenario": "baseline"}
    return {**empty, "day": day, "what": what, "amount": amount, **of}


def changes(*plans: dict[str, Any], known: Fleet | None = None) -> pl.DataFrame:
    numbered = [{"row": row, **each} for row, each in enumerate(plans, 1)]
    return resolved(pl.DataFrame(numbered, schema=PLAN_SCHEMA), known or fleet(), CUTOFF, END)


def said(found: pl.DataFrame, kind: str = "series") -> list[tuple[Any, ...]]:
    """host, resource, other, what, amount of what is applied."""
    rows = found.filter(kind=kind, effect="applied")
    return rows.select("host_id", "resource", "other", "what", "amount").rows()


def test_a_host_means_all_of_its_resources_and_a_resource_one() -> None:
    both, one = plan("change", 5.0, host_id="a"), plan("factor", 2.0, host_id="a", resource="mem")
    assert said(changes(both, one)) == [
        ("a", "cpu", "", "change", 5.0),
        ("a", "mem", "", "change", 5.0),
        ("a", "mem", "", "factor", 2.0),
    ]


def test_plans_are_taken_by_day_and_those_of_a_day_in_the_order_of_the_file() -> None:
    later, first, second = (
        plan("change", amount, host_id="b", day=day)
        for amount, day in ((1.0, date(2026, 3, 1)), (2.0, date(2026, 2, 1)), (3.0, date(2026, 2, 1)))
    )
    assert changes(later, first, second).filter(kind="series")["file_row"].to_list() == [2, 3, 1]


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (CUTOFF, "no effect: the day is not after the cutoff"),
        (date(2020, 1, 1), "no effect: the day is not after the cutoff"),
        (date(2026, 7, 1), "no effect: the day is after the forecast's last"),
    ],
)
def test_a_day_outside_the_forecast_is_told_whatever_host_it_names(day: date, why: str) -> None:
    found = changes(plan("change", 5.0, host_id="a", day=day), plan("retire", host_id="forgotten", day=day))
    assert found["effect"].to_list() == [why, why]
    assert found["host_id"].to_list() == ["a", "forgotten"]


def test_the_first_and_the_last_day_of_the_forecast_count() -> None:
    days = (date(2026, 1, 1), END)
    assert len(said(changes(*(plan("change", 5.0, host_id="b", day=day) for day in days)))) == 2


def test_a_group_whose_hosts_have_all_left_is_told() -> None:
    found = changes(plan("add_hosts", 2.0, group="web"), plan("change", 5.0, host_id="b"), known=fleet(present=0))
    assert found.select("kind", "host_id", "resource", "effect").rows() == [
        ("group", "web", "cpu", "no effect: none of the group's hosts is there at the cutoff"),
        ("series", "b", "cpu", "applied"),
    ]


def test_a_series_without_a_forecast_is_told() -> None:
    assert changes(plan("change", 5.0, host_id="gone"))["effect"].to_list() == [
        "no effect: there is no forecast of the series"
    ]


def test_nothing_changes_what_is_retired() -> None:
    found = changes(
        plan("retire", host_id="b"), plan("change", 5.0, host_id="b"), plan("move_to", host_id="a", target="b")
    )
    idle = found.filter(pl.col("effect") != "applied").select("host_id", "resource", "effect").rows()
    assert idle == [
        ("b", "cpu", "no effect: retired by then"),
        ("a", "cpu", "no effect: the host that the load moves to is retired by then"),
        ("a", "mem", "no effect: there is no forecast of the host that the load moves to"),
    ]


def test_a_load_that_moves_is_counted_in_the_capacity_of_where_it_goes() -> None:
    found = changes(plan("move_to", host_id="a", target="c"))
    assert said(found) == [
        ("a", "cpu", "c", "move_to", 2.0),
        ("c", "cpu", "a", "move_from", 2.0),
        ("a", "mem", "c", "move_to", 1.0),
        ("c", "mem", "a", "move_from", 1.0),
    ], "web knows a's cpu to be twice c's; of memory nobody knows"
    assert said(found, "group") == [], "a load that moves within a group leaves it as it is"


def test_a_groups_plan_changes_its_hosts_and_itself_alike() -> None:
    found = changes(plan("factor", 0.5, group="web"))
    assert said(found) == [(host, "cpu", "", "factor", 0.5) for host in "abc"]
    assert said(found, "group") == [("web", "cpu", "", "factor", 0.5)]


def test_hosts_that_join_take_their_share_and_the_next_ones_share_with_them() -> None:
    found = changes(plan("add_hosts", 3.0, group="web"), plan("add_hosts", 2.0, group="web"))
    of_group = [amount for *_, amount in said(found, "group")]
    assert of_group == pytest.approx([3 / 6, 6 / 8])
    assert [amount for host, *_, amount in said(found) if host == "a"] == pytest.approx([3 / 6, 6 / 8])


def test_a_retired_hosts_load_falls_on_the_others_of_its_group() -> None:
    found = changes(plan("retire", host_id="a"), plan("retire", host_id="b"), plan("retire", host_id="c"))
    assert said(found, "group") == [
        ("web", "cpu", "a", "factor", 4 / 2),
        ("web", "cpu", "b", "factor", 2 / 1),
        ("web", "cpu", "c", "retire", None),
    ], "of capacity 4, a is 2; when the last goes, nothing is left"


def test_a_hosts_change_is_its_share_of_every_group_it_belongs_to() -> None:
    known = fleet(MEMBERS + SITE)
    found = changes(plan("change", 8.0, host_id="b"), plan("factor", 3.0, host_id="b"), known=known)
    assert sorted(said(found, "group")) == [
        ("site", "cpu", "", "change", 8.0 / 2),
        ("site", "cpu", "b", "share", 2 / 2),
        ("web", "cpu", "", "change", 8.0 / 4),
        ("web", "cpu", "b", "share", 2 / 4),
    ]


def test_a_load_that_leaves_a_group_for_another_is_missing_here_and_counts_there() -> None:
    known = fleet([("one", "a", "cpu", 4.0), ("one", "b", "cpu", 4.0), ("two", "c", "cpu", 2.0)])
    found = changes(plan("move_to", host_id="a", target="c", resource="cpu"), known=known)
    assert sorted(said(found, "group")) == [("one", "cpu", "a", "share", -0.5), ("two", "cpu", "a", "share", 2.0)]


def test_a_scenario_has_the_baselines_plans_and_its_own() -> None:
    found = changes(
        plan("change", 5.0, host_id="b"),
        plan("change", 6.0, host_id="b", scenario="more"),
        plan("retire", host_id="b", scenario="less"),
    )
    rows = {name: own["file_row"].to_list() for (name,), own in found.filter(kind="series").group_by("scenario")}
    assert rows == {"baseline": [1], "more": [1, 2], "less": [1, 3]}


UNKNOWN = [
    (plan("change", 5.0, host_id="aa"), "row 1, column host_id: 'aa' is not known"),
    (plan("change", 5.0, group="weB"), "row 1, column group: 'weB' is not known; did you mean web?"),
    (
        plan("change", 5.0, host_id="a", resource="cpus"),
        "row 1, column resource: 'cpus' is not known; did you mean cpu?",
    ),
    (plan("move_to", host_id="a", target="x"), "row 1, column move_to: 'x' is not known"),
    (plan("change", 5.0, host_id="b", resource="mem"), "row 1, column resource: 'b' has no 'mem'"),
    (plan("change", 5.0, group="web", resource="mem"), "row 1, column resource: 'web' has no 'mem'"),
]


@pytest.mark.parametrize(("unknown", "why"), UNKNOWN)
def test_what_the_fleet_does_not_have_is_refused_where_it_would_change_something(
    unknown: dict[str, Any], why: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        changes(unknown)
    assert str(caught.value).startswith(f"outlook.plans: {why}")
    known_later = {**unknown, "day": date(2026, 7, 1)}
    assert changes(known_later)["effect"].to_list() == ["no effect: the day is after the forecast's last"]


def test_a_plan_of_a_group_where_there_are_no_groups_says_so() -> None:
    with pytest.raises(SettingsError, match="column group: 'web' is not known; there are none"):
        changes(plan("retire", group="web"), known=fleet([]))


def test_no_plans_change_nothing() -> None:
    assert changes().is_empty()


def test_the_rows_of_the_file_can_be_read_from_what_they_mean_whatever_they_do() -> None:
    plans = [
        plan("change", 0.1, host_id="a"),
        plan("move_to", host_id="b", target="c", scenario="x"),
        plan("retire", group="web", day=date(2026, 3, 1)),
        plan("add_hosts", 3.0, group="web", resource="cpu", scenario="x"),
        plan("factor", 1e-7, host_id="gone", day=date(2020, 1, 1), scenario='late "quoted", ünï'),
        plan("move_to", host_id="b, \\n", target="{}", day=date(2030, 1, 1)),
    ]
    numbered = pl.DataFrame([{"row": row, **each} for row, each in enumerate(plans, 3)], schema=PLAN_SCHEMA)
    found = stated_plans(resolved(numbered, fleet(), CUTOFF, END).sort("scenario", "kind", "host_id", descending=True))
    assert found is not None
    assert_frame_equal(found, numbered)
    nothing = stated_plans(resolved(numbered.clear(), fleet(), CUTOFF, END))
    assert nothing is not None
    assert_frame_equal(nothing, numbered.clear())


def test_rows_of_the_file_that_an_earlier_version_did_not_keep_are_not_guessed() -> None:
    found = changes(plan("change", 5.0, host_id="a"), plan("change", 6.0, host_id="b"))
    assert stated_plans(found.with_columns(plan=pl.lit(None, pl.String))) is None


def test_a_months_tables_tell_its_fleet() -> None:
    names = ["host_id", "resource"]
    outcomes = pl.DataFrame([("a", "cpu"), ("gone", "cpu")], schema=names, orient="row")
    members = pl.DataFrame(
        [("web", "a", "cpu", 2.0, 1), ("web", "gone", "cpu", 1.0, 0)],
        schema=["group_name", "host_id", "resource", "capacity", "present"],
        orient="row",
    )
    found = Fleet.of_month(outcomes, outcomes.head(1), members)
    assert found.forecasts == {("a", "cpu"): True, ("gone", "cpu"): False}
    assert found.hosts_of == {("web", "cpu"): {"a": 2.0}}
