"""Locks of this process, and the copies of them that a child has which was forked meanwhile. Liveness: `test_leftovers.py`."""

import fcntl
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

from turbo_forecast.landing.lock import source_lock
from turbo_forecast.processes import locked_liveness
from turbo_forecast.storage.objects.local_state import HIDDEN
from turbo_forecast.storage.objects.working_copy import AT_WORK, _locked

Holding = Callable[[Path], AbstractContextManager[object]]


def landing(folder: Path) -> AbstractContextManager[object]:
    return source_lock(folder, "shop", print)


def judging(folder: Path) -> AbstractContextManager[object]:
    (folder / "claim").touch()
    return locked_liveness(None, folder / "claim")


def at_work(folder: Path) -> AbstractContextManager[object]:
    return _locked(folder, AT_WORK)


@pytest.mark.parametrize(
    ("hold", "name"), [(landing, ".shop.lock"), (judging, "claim"), (at_work, f"{HIDDEN}/{AT_WORK}")]
)
def test_a_lock_is_free_after_its_block_though_a_forked_child_has_a_copy(
    hold: Holding, name: str, tmp_path: Path
) -> None:
    with hold(tmp_path):
        assert not is_free(tmp_path / name)
        copies = [os.dup(handle) for handle in handles_of(tmp_path / name)]  # what a fork does
    assert copies
    assert is_free(tmp_path / name)
    for handle in copies:
        os.close(handle)


def is_free(path: Path) -> bool:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def handles_of(path: Path) -> list[int]:
    """Which of this process's handles are of the file."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # that of the listing itself is gone
            if os.readlink(f"/proc/self/fd/{name}") == str(path):
                found.append(int(name))
    return found
