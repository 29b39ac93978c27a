"""Interruptions that come when no step of ours runs, and what a run says while it waits for another."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import dagster as dg
import pytest

from turbo_forecast.defs.interruption import _Wait, interruptions_noticed, waiting_logged
from turbo_forecast.defs.launched import Launched
from turbo_forecast.defs.partitions import WAREHOUSE_POOL
from turbo_forecast.defs.reasons import INTERRUPTED

pytestmark = pytest.mark.xdist_group("steps")


@pytest.fixture
def holder(instance: dg.DagsterInstance) -> str:
    """A run that has the only place at the warehouse."""
    run = instance.create_run_for_job(dg.JobDefinition(graph_def=dg.GraphDefinition("j"), name="j"))
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default(WAREHOUSE_POOL)
    assert storage.claim_concurrency_slot(WAREHOUSE_POOL, run.run_id, "step").is_claimed
    return run.run_id


@pytest.fixture
def handlers() -> Iterator[None]:
    """Dagster leaves SIGTERM as SIGINT is: both as they were, afterwards."""
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)}
    yield
    for kind, handler in before.items():
        signal.signal(kind, handler)


def execute(instance: dg.DagsterInstance) -> tuple[Launched, list[str]]:
    """A run of one step in the warehouse's pool, and what it said while it waited."""
    told: list[str] = []

    @dg.asset(pool=WAREHOUSE_POOL)
    def thing() -> None:
        return None

    job = dg.Definitions([thing], jobs=[dg.define_asset_job("job", [thing])]).resolve_job_def("job")
    with waiting_logged(instance, "2025-12", told.append):
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    launched = Launched("2025-12", result.run_id, result.success, 0.0)
    for event in result.all_events:
        launched.take(event)
    return launched, told


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_waits_for_another_says_for_which_and_can_be_interrupted(
    kind: signal.Signals, instance: dg.DagsterInstance, holder: str, handlers: None
) -> None:
    timer = threading.Timer(6.0, os.kill, (os.getpid(), kind))
    timer.start()
    free = threading.Timer(60.0, instance.event_log_storage.free_concurrency_slots_for_run, (holder,))
    free.start()
    try:
        with interruptions_noticed() as interrupted:
            launched, told = execute(instance)
            assert interrupted()
    finally:
        timer.cancel()
        still_held = free.is_alive()
        free.cancel()
    assert still_held, "the interruption was kept until the place was free"
    assert (launched.success, launched.failures) == (False, [INTERRUPTED])
    assert told == [f"2025-12 · waiting for run {holder[:8]}, now at the warehouse, 2 s so far"]
    info = instance.event_log_storage.get_concurrency_info(WAREHOUSE_POOL)
    assert info.pending_step_count == 0, "it does not stand in the queue any more"


def test_a_run_goes_on_when_the_place_is_free_and_leaves_the_processor_to_others_before(
    instance: dg.DagsterInstance, holder: str
) -> None:
    def free() -> None:
        used.append(time.process_time())
        instance.event_log_storage.free_concurrency_slots_for_run(holder)

    used: list[float] = []
    timer = threading.Timer(8.0, free)
    timer.start()
    threading.Timer(4.0, lambda: used.append(time.process_time())).start()
    launched, _ = execute(instance)
    timer.join()
    assert launched.success
    assert used[1] - used[0] < 1.0, "four seconds of waiting were as many of work"


def test_a_run_that_does_not_wait_says_nothing(instance: dg.DagsterInstance) -> None:
    launched, told = execute(instance)
    assert (launched.success, told) == (True, [])


def test_waits_of_one_run_are_told_apart_and_not_more_often_than_any_silence(
    instance: dg.DagsterInstance, holder: str
) -> None:
    told: list[str] = []
    wait = _Wait(instance, "2025-12", told.append)
    for now in [*range(100, 104), *range(108, 112), *range(120, 124)]:  # three waits; steps of 5 and 9 s between
        wait.look(float(now))
    assert [line.rpartition(", ")[2] for line in told] == ["2 s so far", "2 s so far"], "the second came too soon"


def test_an_interruption_is_noticed_whoever_handles_it(handlers: None) -> None:
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    with interruptions_noticed() as interrupted:
        signal.raise_signal(signal.SIGUSR1)
        assert not interrupted(), "another signal is no interruption"
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        assert interrupted(), "it stays one"
    with interruptions_noticed() as interrupted:
        assert not interrupted(), "that was before"
    assert signal.set_wakeup_fd(-1) == -1, "nothing is left"


def test_in_a_thread_no_interruption_comes() -> None:
    found: list[bool] = []

    def ask() -> None:
        with interruptions_noticed() as interrupted:
            found.append(interrupted())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert found == [False]


@pytest.mark.parametrize(
    ("success", "failures", "expected"),
    [
        (False, [], [INTERRUPTED]),
        (False, [f"champions: {INTERRUPTED}"], [f"champions: {INTERRUPTED}"]),
        (True, [], []),
    ],
)
def test_an_interruption_ends_the_command_and_is_said_once_unless_the_month_was_made(
    success: bool, failures: list[str], expected: list[str]
) -> None:
    launched = Launched("2025-12", "id", success, 1.0, failures)
    launched.interrupt()
    assert (launched.ends_all, launched.failures) == (True, expected)
