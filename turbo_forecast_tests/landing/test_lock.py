"""One landing of a source at a time, whoever else lands it, and however that ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.landing.lock import source_lock

HOLDER = "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"


def test_another_process_is_waited_for_until_it_is_dead(tmp_path: Path) -> None:
    said: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / ".shop.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with source_lock(tmp_path, "other", said.append):
            assert said == [], "another source is another lock"
        with source_lock(tmp_path, "shop", said.append, holder.kill):
            assert said == ["source shop: waiting for another process that lands it"]
    assert holder.returncode == -9


def test_who_is_interrupted_while_waiting_waits_no_longer(tmp_path: Path) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with (
        source_lock(tmp_path, "shop", print),
        pytest.raises(KeyboardInterrupt),
        source_lock(tmp_path, "shop", print, interrupted),
    ):
        raise AssertionError
    with source_lock(tmp_path, "shop", print, interrupted):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/landing/\.shop\.lock cannot be written: Not a directory"):
        source_lock(tmp_path / "file" / "landing", "shop", print).__enter__()
