"""Planned changes in a form: what is filled in is what the file of plans would say, and a mistake is told where it is."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from turbo_forecast.dashboard.plan_rows import PlanRow, place_of, plans_of_rows, rows_of_form, rows_of_plans
from turbo_forecast.errors import SettingsError
from turbo_forecast.storage.plans import PLAN_SCHEMA

NAMES = st.text("aé雪<&\"',;=-1", min_size=1, max_size=5)
AMOUNTS = {
    "change": st.floats(-100, 100),
    "factor": st.floats(0, 1000),
    "add_hosts": st.integers(1, 10_000).map(float),
}


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    what = draw(st.sampled_from(["change", "factor", "move_to", "retire", "add_hosts"]))
    is_group = what == "add_hosts" or (what != "move_to" and draw(st.booleans()))
    owner = draw(NAMES)
    return {
        "day": draw(st.dates(date(2000, 1, 1), date(2100, 1, 1))),
        "scenario": "baseline",
        "host_id": "" if is_group else owner,
        "group": owner if is_group else "",
        "resource": draw(st.one_of(st.just(""), NAMES)),
        "what": what,
        "amount": draw(AMOUNTS[what]) if what in AMOUNTS else None,
        "target": draw(NAMES.filter(lambda name: name != owner)) if what == "move_to" else "",
    }


@given(st.lists(plans(), max_size=6))
@settings(deadline=None)
def test_plans_go_into_the_form_and_come_back_as_they_were(rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame([{"row": place, **row} for place, row in enumerate(rows, 1)], schema=PLAN_SCHEMA)
    assert_frame_equal(plans_of_rows(rows_of_plans(frame), "plans"), frame, check_exact=True)


def test_a_form_is_read_row_by_row_without_the_empty_ones_below() -> None:
    form = {
        "day": ["2026-02-01", "", " 2026-03-01 ", ""],
        "of": ["host", "host", "group", "host"],
        "owner": ["a", "", "web", ""],
        "what": ["retire", "", "factor", ""],
        "amount": ["", "", "0.5"],
    }
    found = rows_of_form(form)
    assert found == [
        PlanRow("2026-02-01", "host", "a", "", "retire", ""),
        PlanRow("", "host", "", "", "", ""),
        PlanRow("2026-03-01", "group", "web", "", "factor", "0.5"),
    ]
    read = plans_of_rows(found, "plans")
    assert read.select("row", "host_id", "group", "what", "amount").rows() == [
        (1, "a", "", "retire", None),
        (3, "", "web", "factor", 0.5),
    ]
    assert rows_of_form({}) == []
    assert rows_of_form({"owner": ["", ""], "of": ["host", "host"]}) == []


@pytest.mark.parametrize(
    ("row", "place", "words"),
    [
        (PlanRow("soon", "host", "a", "", "change", "5"), (1, "day"), "'soon' is no day"),
        (PlanRow("2026-02-01", "host", "", "", "change", "5"), (1, "owner"), "neither is given"),
        (PlanRow("2026-02-01", "host", "a", "", "change", "much"), (1, "amount"), "'much' is no number"),
        (PlanRow("2026-02-01", "host", "a", "", "change", ""), (1, "amount"), "none is given"),
        (PlanRow("2026-02-01", "host", "a", "", "", "5"), (1, "amount"), "none is given"),
        (PlanRow("2026-02-01", "host", "a", "", "explode", "5"), (1, "amount"), "none is given"),
        (PlanRow("2026-02-01", "host", "a", "", "retire", "5"), (1, "amount"), "neither yes nor no"),
        (PlanRow("2026-02-01", "group", "web", "", "move_to", "b"), (1, "amount"), "not a group"),
        (PlanRow("2026-02-01", "host", "a", "r\u202e", "change", "5"), (1, "resource"), "is no name"),
    ],
)
def test_a_mistake_is_told_by_row_and_field(row: PlanRow, place: tuple[int, str], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        plans_of_rows([row], "plans")
    assert words in str(refused.value)
    assert place_of(str(refused.value)) == place


def test_a_sentence_without_a_place_names_none() -> None:
    assert place_of("a scenario needs a name") is None
    assert place_of("plans: row 1,234, column host_id: 'x' is not known") == (1234, "owner")
