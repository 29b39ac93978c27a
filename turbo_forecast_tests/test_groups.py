"""Tests that share an expensive fixture run in one process: pytest and xdist agree on what a group is."""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("groups")


@pytest.mark.parametrize("turn", range(6))
def test_a_group_is_run_by_one_process(turn: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.getbasetemp()
    shared = root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root
    mine = Path(shared) / f"process-of-the-group-{os.getpid()}"
    mine.touch()
    assert list(Path(shared).glob("process-of-the-group-*")) == [mine]
