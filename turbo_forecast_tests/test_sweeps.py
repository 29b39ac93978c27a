"""Of a family of cases the suite tries as many as it says, the same in every test process, others with another number, all in the drill."""

from types import SimpleNamespace
from typing import Any

import pytest

from turbo_forecast_tests import sweeps
from turbo_forecast_tests.sweeps import chosen, parted


def item(nodeid: str, keep: int | None = None) -> Any:
    mark = pytest.mark.sweep(keep=keep).mark if keep else None
    return SimpleNamespace(nodeid=nodeid, get_closest_marker=lambda name: mark if name == "sweep" else None)


FAMILY = [item(f"test_a.py::test_family[{case}]", keep=3) for case in range(20)]
ITEMS = [
    item("test_a.py::test_alone"),
    *FAMILY,
    item("test_a.py::test_cases[1]"),
    item("test_a.py::test_few[x]", keep=3),
]


@pytest.fixture(autouse=True)
def _suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(sweeps.ALL, raising=False)
    monkeypatch.setenv(sweeps.NUMBER, "7")


def test_so_many_cases_of_a_family_are_tried_and_all_of_what_is_none() -> None:
    stay, left = parted(ITEMS)
    assert sum(each in FAMILY for each in stay) == 3
    assert [each for each in stay if each not in FAMILY] == [each for each in ITEMS if each not in FAMILY]
    assert [each for each in ITEMS if each in stay or each in left] == ITEMS
    assert len(stay) + len(left) == len(ITEMS)


def test_the_same_number_tries_the_same_cases_and_another_others() -> None:
    assert chosen(ITEMS, "7") == chosen(ITEMS, "7")
    assert len({frozenset(chosen(ITEMS, str(number))) for number in range(50)}) > 25
    assert set.union(*(chosen(FAMILY, str(number)) for number in range(100))) == {each.nodeid for each in FAMILY}


def test_the_drill_tries_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sweeps.ALL, "1")
    assert parted(ITEMS) == (ITEMS, [])


def test_a_case_that_is_named_is_tried() -> None:
    assert parted(ITEMS, ["turbo_forecast_tests/test_a.py::test_family[19]"]) == (ITEMS, [])
