"""Long groups of tests are taken first; their own order stays, and no name in the list is nobody's."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from turbo_forecast_tests.longest_first import SECONDS, in_order, keep_together

HERE = Path(__file__).parent


def item(nodeid: str, group: str | None = None) -> Any:
    mark = pytest.mark.xdist_group(group).mark if group else None
    return SimpleNamespace(nodeid=f"turbo_forecast_tests/{nodeid}", get_closest_marker=lambda name: mark)


def test_long_groups_come_first_and_each_keeps_its_order() -> None:
    items = [
        item("a/test_quick.py::test_one"),
        item("end_to_end/test_months.py::test_second", "months"),
        item("parity/test_prophets_own_suite.py::test_part"),
        item("browser/test_range.py::test_range", "browser"),
        item("end_to_end/test_months.py::test_first", "months"),
        item("b/test_quick.py::test_two", "of nobody"),
    ]
    assert in_order(items) == [items[at] for at in (3, 1, 4, 2, 0, 5)]


def test_a_file_is_a_group_unless_its_tests_have_one_or_take_long_one_by_one() -> None:
    named: dict[str, list[str]] = {}

    def marked(nodeid: str, *marks: pytest.MarkDecorator) -> Any:
        own = {each.name: each.mark for each in marks}
        taken = named.setdefault(nodeid, [])
        return SimpleNamespace(
            nodeid=f"turbo_forecast_tests/{nodeid}",
            get_closest_marker=own.get,
            add_marker=lambda mark: taken.append(*mark.args),
        )

    keep_together(
        [
            marked("a/test_quick.py::test_one"),
            marked("a/test_quick.py::test_two"),
            marked("a/test_quick.py::test_grouped", pytest.mark.xdist_group("months")),
            marked("a/test_quick.py::test_slow", pytest.mark.slow),
            marked("parity/test_prophets_own_suite.py::test_part"),
        ]
    )
    assert list(named.values()) == [["a/test_quick.py"], ["a/test_quick.py"], [], [], []]


@pytest.mark.parametrize("name", SECONDS)
def test_every_listed_name_is_a_group_or_a_file_of_tests(name: str) -> None:
    marks = (
        f'xdist_group("{name}")',
        f'xdist_group("dashboard" if of_dashboard else "{name}")',
        f'"{name}" if of_dashboard',
    )
    assert (HERE / name).is_file() or any(mark in path.read_text() for path in HERE.rglob("*.py") for mark in marks)


def test_seconds_are_listed_from_the_longest_on() -> None:
    assert list(SECONDS.values()) == sorted(SECONDS.values(), reverse=True)
