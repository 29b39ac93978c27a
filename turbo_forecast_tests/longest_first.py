"""In which order test processes take groups of tests: those that take long first, so that all processes end at about the same time.

A group that shares a fixture (`xdist_group`) is the work of one process. Began one of minutes last, all others would wait for it.
Seconds need not be exact: they only decide the order. What is not listed comes after, as pytest collects it.
"""

from collections.abc import Iterable

import pytest

SECONDS = {
    "browser": 350,
    "definitions": 250,
    "s3": 250,
    "postgres": 220,
    "dashboard": 180,
    "months": 160,
    "prometheus": 150,
    "steps": 130,
    "tournament": 110,
    "sql_servers": 100,
    "parity/test_prophets_own_suite.py": 100,
    "end_to_end/test_interruptions.py": 100,
    "dask": 90,
    "timeouts": 60,
    "killed range": 60,
    "faults": 60,
    "memory": 60,
    "parity/test_published_numbers.py": 40,
    "process contract": 40,
    "end_to_end/test_official_commands.py": 30,
    "dominance": 25,
    "resume": 25,
    "end_to_end/test_bad_input.py": 20,
    "defs/test_instance.py": 20,
    "children": 15,
    "derivatives": 12,
    "folds": 10,
}
"""About how long a group takes, or the longest test of a file without a group, while three processes share two processors."""


def seconds(item: pytest.Item) -> float:
    """About how long what the test belongs to takes; 0 where nobody has noted it."""
    group = item.get_closest_marker("xdist_group")
    name = group.args[0] if group and group.args else item.nodeid.split("::")[0].partition("/")[2]
    return SECONDS.get(name, 0)


def keep_together(items: Iterable[pytest.Item]) -> None:
    """Make each file a group of its own, but for what is in a group already, and for files whose tests take long one by one.

    Else each process has some tests of every file, and makes what the file's tests share for itself: three times in all.
    """
    for item in items:
        name = item.nodeid.split("::")[0].partition("/")[2]
        if name not in SECONDS and not item.get_closest_marker("xdist_group") and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.xdist_group(name))


def in_order(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The tests, those of long groups first, each group's in the order that they had."""
    return sorted(items, key=seconds, reverse=True)
