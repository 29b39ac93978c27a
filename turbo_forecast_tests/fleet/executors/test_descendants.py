"""Ending workers with what they have started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from turbo_forecast.fleet.executors import descendants, process_tags
from turbo_forecast.fleet.executors.process_tags import TAG_VARIABLE
from turbo_forecast_tests.fleet.working import wait_until

ROOT = Path(__file__).parents[3]
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
    """Both have left their workers' groups, and belong to nobody: only their tags tell whose they are."""
    orphan = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=2, start_new_session=True).pid)"
    started = {}
    for tag in ("one", "two"):
        environment = {**os.environ, TAG_VARIABLE: tag}
        made = subprocess.run(
            [sys.executable, "-c", orphan, *SLEEP], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        started[tag] = int(made.stdout)
    try:
        descendants.end_all([], ["one"])
        assert not descendants._lives(started["one"])
        assert descendants._lives(started["two"])
    finally:
        descendants.end_all([], started)
    assert not descendants._lives(started["two"])


def test_a_group_that_was_there_before_a_worker_is_not_ended_with_it() -> None:
    """Where others may be, such as a pipe's end or a daemon: a worker's process that has gone (back) there ends alone."""
    tag = process_tags.worker_tag(process_tags.run_tag(), 1)
    carries = f"from turbo_forecast.fleet.executors import process_tags; process_tags.set_tag({tag!r}); import time; time.sleep(600)"
    leader = subprocess.Popen(SLEEP, process_group=0)
    member = subprocess.Popen([sys.executable, "-c", carries], process_group=leader.pid, cwd=ROOT)
    try:
        wait_until(lambda: process_tags.tag_in_limits(member.pid) == tag, 60)
        descendants.end_all([], [tag])
        assert member.wait(timeout=5) == -signal.SIGKILL
        assert leader.poll() is None
    finally:
        for process in (member, leader):
            process.kill()
            process.wait()
