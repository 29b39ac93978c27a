"""Families of many nearly equal cases that take long: the suite tries some of each, and `make drill` all.

A test says so by `@pytest.mark.sweep(keep=4)`: of its parametrised cases, so many. What is asserted stays in the suite; how many times
over it is asserted is the drill's. A property of Hypothesis with `tries` says `keep=1`. The number TURBO_FORECAST_SWEEP decides which cases:
0 unless it is set, so that a commit passes or fails on any day alike; another number tries others.

Belongs here: which cases of a family are tried. Does not belong here: which tests are such families (each says it where it stands).
"""

import os
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

import pytest

NUMBER = "TURBO_FORECAST_SWEEP"
ALL = "TURBO_FORECAST_DRILL"


def tries(suite: int, drill: int) -> int:
    """How many examples Hypothesis tries of a property whose examples take long."""
    return drill if os.environ.get(ALL) else suite


def begin() -> None:
    """Settle the number for this process and for the test processes that it starts, which have to choose the same cases."""
    os.environ.setdefault(NUMBER, "0")


def chosen(items: Sequence[pytest.Item], number: str) -> set[str]:
    """The node ids of the cases that this number tries, of every family; tests that are no family are not among them."""
    families: dict[str, list[str]] = defaultdict(list)
    keep: dict[str, int] = {}
    for item in items:
        mark = item.get_closest_marker("sweep")
        if mark is not None:
            family = item.nodeid.partition("[")[0]
            families[family].append(item.nodeid)
            keep[family] = mark.kwargs["keep"]
    found: set[str] = set()
    for family, cases in families.items():
        found |= set(random.Random(f"{number} {family}").sample(cases, min(keep[family], len(cases))))
    return found


def parted(items: Sequence[pytest.Item], named: Iterable[str] = ()) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The tests to run and those that are left to the drill. What the command line names as one test (`named`) is run in any case."""
    if os.environ.get(ALL) or any("::" in each for each in named):
        return list(items), []
    tried = chosen(items, os.environ[NUMBER])
    stay = [item for item in items if item.get_closest_marker("sweep") is None or item.nodeid in tried]
    kept = set(map(id, stay))
    return stay, [item for item in items if id(item) not in kept]
