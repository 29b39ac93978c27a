"""In which order test processes take groups of tests: those that take long first, so that all processes end at about the same time.

A group that shares a fixture (`xdist_group`) is the work of one process. Began one of minutes last, all others would wait for it.
Seconds need not be exact: they only decide the order. What is not listed comes after, as pytest collects it.
"""

from collections.abc import Iterable

import pytest

SECONDS = {
    "browser": 400,
    "definitions": 300,
    "interruptions": 300,
    "s3": 200,
    "months": 150,
    "postgres": 250,
    "dashboard": 200,
    "tournament": 120,
    "dask": 120,
}
"""About how long a group takes, or a file whose tests are of no group, on a machine of two processors."""


def seconds(item: pytest.Item) -> float:
    """About how long what the test belongs to takes; 0 where nobody has noted it."""
    group = item.get_closest_marker("xdist_group")
    name = group.args[0] if group and group.args else item.nodeid.split("::")[0].partition("/")[2]
    return SECONDS.get(name, 0)


def in_order(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The tests, those of long groups first, each group's in the order that they had."""
    return sorted(items, key=seconds, reverse=True)
