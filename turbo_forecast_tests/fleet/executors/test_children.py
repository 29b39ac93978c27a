"""What an entrant has started ends with its worker, in every way in which a worker can end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.executors import process_tags
from turbo_forecast.fleet.executors.descendants import end_all
from turbo_forecast.fleet.executors.watchdog import Watchdog
from turbo_forecast.fleet.pace import WorkSnapshot
from turbo_forecast.fleet.tasks import Step, TaskReport
from turbo_forecast.types import Status
from turbo_forecast_tests.fleet.families import READY, SLEEPS, THEN, TOKEN
from turbo_forecast_tests.fleet.working import fleet, forecast, job_of, wait_until, working

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("children"),
    pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="this system does not show other processes"),
]
ROOT = Path(__file__).parents[3]
FAMILIES = "turbo_forecast_tests.fleet.families:{}"
LIMIT_MB = 500
"""Some hundreds more than a worker with one small entrant needs."""


class Family:
    """What carries the token on its command line."""

    def __init__(self, folder: Path) -> None:
        self.token = f"family-{uuid4().hex}"
        self.ready = folder / "ready"

    def living(self) -> set[int]:
        found = set()
        for entry in os.listdir("/proc"):
            with suppress(OSError, IndexError):
                if entry.isdigit() and self.token.encode() in Path(f"/proc/{entry}/cmdline").read_bytes():
                    state = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[0]
                    found |= {int(entry)} if state not in "ZX" else set()
        return found

    def command_lines(self) -> list[str]:
        """What lives, for a person."""
        return [Path(f"/proc/{pid}/cmdline").read_text()[-120:] for pid in self.living()]

    def is_gone(self) -> bool:
        """Looked at more than once: who starts one process after the other may be missed between two of them."""
        return not any(self.living() for _ in range(10))


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Family]:
    made = Family(tmp_path)
    monkeypatch.setenv(TOKEN, made.token)
    monkeypatch.setenv(READY, str(made.ready))
    yield made
    deadline = time.monotonic() + 10
    while (left := made.living()) and time.monotonic() < deadline:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.sweep(keep=3)
@pytest.mark.parametrize(
    ("then", "entrant", "options", "status"),
    [
        ("answer", "founder", {}, None),  # dismissed at the end of the run
        ("answer", "founder_while_built", {}, None),
        ("answer", "keeper", {"worker_memory_mb": LIMIT_MB}, None),  # replaced because it has grown
        ("hold", "founder", {"series_timeout_seconds": 3.0}, Status.TIMED_OUT),  # with every signal blocked
        ("stop", "founder", {"series_timeout_seconds": 3.0}, Status.TIMED_OUT),
        ("grow", "founder", {"worker_memory_mb": LIMIT_MB}, Status.MEMORY_EXCEEDED),
        ("die", "founder", {}, Status.WORKER_DIED),
        ("exit", "founder", {}, Status.WORKER_DIED),
    ],
)
def test_nothing_that_an_entrant_has_started_outlives_the_run(
    then: str,
    entrant: str,
    options: dict[str, float],
    status: Status | None,
    family: Family,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sessions and environments of their own, no parents, one after the other, children without end."""
    monkeypatch.setenv(THEN, then)
    other = subprocess.Popen([sys.executable, "-c", SLEEPS], start_new_session=True)
    size = 12 if entrant == "keeper" else 2
    try:
        job = job_of(fleet(size, marked=(0,)), tmp_path, FAMILIES.format(entrant), **options)
        done = forecast(job, size, chunk=size, workers=1)
        assert family.ready.exists()
        assert family.is_gone(), family.command_lines()
        assert [report.task.status for report in done.reports if report.failed] == [status] * (status is not None)
        assert any(report.is_outgrown for report in done.reports) is (entrant == "keeper")
        assert other.poll() is None, "what is not the workers' goes on"
    finally:
        other.kill()
        other.wait()


def test_what_a_worker_has_started_ends_with_it_and_not_first_with_the_run(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(THEN, "die")
    left: list[bool] = []

    def on_report(report: TaskReport) -> None:
        left.append(family.is_gone())

    with working(job_of(fleet(3, marked=(0,)), tmp_path, FAMILIES.format("founder")), 1) as (work, _):
        work.run(Step.FORECAST, [Span(0, 3)], on_report)
    assert all(left)
    assert left


def test_a_run_that_is_cancelled_leaves_nothing_and_does_not_wait(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(THEN, "sleep")
    cancelled: list[float] = []

    def look(snapshot: Callable[[], WorkSnapshot]) -> None:
        if family.ready.exists():
            cancelled.append(time.monotonic())
            raise KeyboardInterrupt

    job = job_of(fleet(2, marked=(0,)), tmp_path, FAMILIES.format("founder"))
    with pytest.raises(KeyboardInterrupt), working(job, 1) as (work, _):
        work.run(Step.FORECAST, [Span(0, 2)], on_progress=look)
    assert time.monotonic() - cancelled[0] < 5
    assert family.is_gone()


@pytest.mark.parametrize(("then", "watched"), [("sleep", True), ("sleep", False), ("hold", True), ("stop", True)])
def test_workers_and_all_they_have_started_end_when_the_run_is_killed(
    then: str, watched: bool, family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the worker itself can do nothing: another thread has the interpreter, or somebody has stopped it.

    And where the watchdog was killed before.
    """
    monkeypatch.setenv(THEN, then)
    run = _another_run(tmp_path)
    try:
        wait_until(family.ready.exists, 90)
        workers, watchdogs = _children(run.pid, "spawn_main"), _children(run.pid, ".watchdog import watch")
        assert (len(workers), len(watchdogs)) == (1, 1)
        if not watched:
            os.kill(watchdogs[0], signal.SIGKILL)
        run.kill()
        run.wait(timeout=20)
        wait_until(lambda: not any(map(_alive, [*workers, *watchdogs])) and family.is_gone(), 20)
    finally:
        run.kill()
        run.wait()


def test_a_watchdog_that_is_stopped_ends_nobody(family: Family) -> None:
    tag = process_tags.worker_tag(process_tags.run_tag(), 1)
    child = subprocess.Popen([sys.executable, "-c", SLEEPS], env={**os.environ, process_tags.TAG_VARIABLE: tag})
    try:
        watchdog = Watchdog(tag)
        watchdog.stop()
        watchdog.stop()
        assert child.poll() is None
        end_all([], [tag])
        assert child.poll() is None, "a child of this process, whose tag may come from another thread"
    finally:
        child.kill()
        child.wait()


def test_a_mark_is_known_whatever_the_environment_and_is_no_other_executors() -> None:
    tag = process_tags.worker_tag(process_tags.run_tag(), 77)
    code = f"import sys, time; sys.path.insert(0, {str(ROOT)!r}); from turbo_forecast.fleet.executors import process_tags; "
    code += f"process_tags.set_tag({tag!r}); import subprocess; "
    code += "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], env={}, stdout=2).pid)"
    made = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    pid = int(made.stdout)
    try:
        assert (process_tags.tag_in_limits(pid), process_tags.tag_in_environment(pid)) == (tag, None)
        assert list(process_tags.tagged_processes([os.getpid(), pid], [tag])) == [(pid, True)]
        assert list(process_tags.tagged_processes([os.getpid(), pid], [process_tags.run_tag()])) == []
    finally:
        end_all([], [tag])
    assert not _alive(pid)
    assert process_tags.tag_in_limits(os.getpid()) is None, "this process carries no tag"


def test_marks_of_different_executors_and_workers_differ() -> None:
    made = {process_tags.worker_tag(process_tags.run_tag(), number) for number in range(100)}
    assert len(made) == 100
    assert {len(tag) for tag in made} == {14}
    assert process_tags.worker_tag("0" * 9, 16**5 + 1) == process_tags.worker_tag("0" * 9, 1)


def _another_run(folder: Path) -> "subprocess.Popen[bytes]":
    script = f"""
from pathlib import Path
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.tasks import Step
from turbo_forecast_tests.fleet.working import fleet, job_of, working

job = job_of(fleet(1, marked=(0,)), Path({str(folder)!r}), {FAMILIES.format("founder")!r})
with working(job, 1) as (work, _):
    work.run(Step.FORECAST, [Span(0, 1)])
"""
    return subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, start_new_session=True)


def _children(parent: int, words: str) -> list[int]:
    tasks = Path(f"/proc/{parent}/task")
    found = [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
    return [pid for pid in found if words in Path(f"/proc/{pid}/cmdline").read_text()]


def _alive(pid: int) -> bool:
    with suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False
