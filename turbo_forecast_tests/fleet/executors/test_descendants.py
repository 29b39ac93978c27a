"""Ending workers with what they have started."""

import os
import signal
import subprocess
import sys

import pytest

from turbo_forecast.fleet.executors import descendants
from turbo_forecast.fleet.executors.marks import MARK

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_a_second_interrupt_leaves_no_worker_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = subprocess.Popen(SLEEP, start_new_session=True)

    def interrupted(pids: object) -> set[int]:
        raise KeyboardInterrupt

    monkeypatch.setattr(descendants, "descendants", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            descendants.end_all([worker.pid])
        assert worker.wait(timeout=5) == -signal.SIGKILL
    finally:
        worker.kill()
        worker.wait()


def test_the_end_of_one_worker_is_not_that_of_what_another_has_started() -> None:
    """Both have left their workers' groups, and belong to nobody: only their marks tell whose they are."""
    orphan = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=2, start_new_session=True).pid)"
    started = {}
    for mark in ("one", "two"):
        environment = {**os.environ, MARK: mark}
        made = subprocess.run(
            [sys.executable, "-c", orphan, *SLEEP], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        started[mark] = int(made.stdout)
    try:
        descendants.end_all([], ["one"])
        assert not descendants._lives(started["one"])
        assert descendants._lives(started["two"])
    finally:
        descendants.end_all([], started)
    assert not descendants._lives(started["two"])
