"""Which worker gets which task, and what becomes of tasks whose worker is gone: on a cluster that is made up."""

from collections.abc import Callable

import pytest

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.executors import dask_executor
from turbo_forecast.fleet.executors.dask_cluster import NoWorkers, Resolved
from turbo_forecast.fleet.executors.dask_executor import TaskFailed
from turbo_forecast.fleet.executors.dask_messages import Done, Ended, Failed, Heartbeat, Ready, Refused
from turbo_forecast.fleet.executors.protocol import Events, Lost, WorkersCannotStart
from turbo_forecast.fleet.tasks import Step, Task, TaskReport
from turbo_forecast_tests.fleet.executors.made_up_cluster import Stage, ready


def test_no_worker_has_more_tasks_than_threads_and_the_least_busy_is_next(stage: Callable[..., Stage]) -> None:
    made = stage(small=1, large=3)
    made.submit(0, 2, 4, 6, 8, 10)
    made.executor.wait(0)
    assert made.executor.workers == 4
    assert len(made.cluster.tasks("small")) == 1
    assert len(made.cluster.tasks("large")) == 3
    assert [each.task.span.lo for each in made.cluster.tasks() if each.task] == [0, 2, 4, 6]


def test_of_small_parts_a_worker_has_one_that_waits(stage: Callable[..., Stage]) -> None:
    made = stage(a=1, b=1)
    made.submit(0, 2, 4, 6, 8, step=Step.COMBINE)
    made.executor.wait(0)
    assert [len(made.cluster.tasks(worker)) for worker in ("a", "b")] == [2, 2]


def test_keys_read_like_the_job(stage: Callable[..., Stage]) -> None:
    made = stage(a=1)
    made.submit(2, step=Step.COMBINE)
    made.executor.wait(0)
    assert made.cluster.tasks()[0].key.startswith("combine-2025-12-00000002-00000004-")


def test_a_done_task_is_collected_whole_and_then_completed_once(stage: Callable[..., Stage]) -> None:
    made = stage(a=1)
    (task,) = made.submit(0)
    made.executor.wait(0)
    key = made.cluster.tasks()[0].key
    parts = [TaskReport(Task(Step.FORECAST, Span(lo, lo + 1)), failed=1, peak_memory_mb=lo) for lo in (0, 1)]
    for _ in range(2):
        made.cluster.hear("a", Done(key, parts))
    assert made.completed(1) == [TaskReport(task, failed=2, peak_memory_mb=1)]
    assert made.exchange.noted == ["offer forecast", "collect 00000000-00000001", "collect 00000001-00000002"]
    assert made.executor.wait(0) == Events()


def test_each_step_is_offered_before_its_first_task(stage: Callable[..., Stage]) -> None:
    made = stage(a=1)
    made.submit(0, 2)
    made.submit(0, 2, step=Step.COMBINE)
    assert made.exchange.noted == ["offer forecast", "offer combine"]


def test_what_cannot_be_collected_ends_the_run(stage: Callable[..., Stage]) -> None:
    made = stage(a=1)
    made.exchange.fails = True
    (task,) = made.submit(0)
    made.executor.wait(0)
    made.cluster.hear("a", Done(made.cluster.tasks()[0].key, [TaskReport(task)]))
    with pytest.raises(StorageError, match="the bucket is gone"):
        made.completed(1)


def test_the_tasks_of_a_worker_that_leaves_go_to_others_first_of_all(stage: Callable[..., Stage]) -> None:
    made = stage(a=1, b=1)
    made.submit(0, 2, 4)
    made.executor.wait(0)
    lost = made.cluster.tasks("a")[0]
    made.cluster.see(b=1)
    made.cluster.hear("b", Done(made.cluster.tasks("b")[0].key, []))
    made.executor.wait(0)
    assert lost in made.cluster.cancelled
    assert made.cluster.tasks("b")[-1].task == lost.task
    assert made.lines[-1] == "workers of the made-up scheduler: 1 left, 1 worker, 1 at a time"


def test_a_task_that_three_workers_died_of_is_the_policys_to_cut(stage: Callable[..., Stage]) -> None:
    made = stage(a=1)
    (task,) = made.submit(0)
    lost: list[Lost] = []
    for worker, following in (("a", "b"), ("b", "c"), ("c", "d")):
        made.executor.wait(0)
        assert [each.worker for each in made.cluster.tasks()] == [worker]
        made.cluster.see(**{following: 1})
        lost = made.executor.wait(0).lost
        assert (lost == []) == (worker != "c")
        ready(made, following)
    assert lost == [Lost(task)]


def test_a_task_that_has_ended_without_its_workers_word_is_given_away(
    stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stage(a=1)
    (task,) = made.submit(0)
    made.executor.wait(0)
    first = made.cluster.tasks()[0]
    made.cluster.post(Resolved(first.key, "finished"))
    made.executor.wait(0)
    assert first in made.cluster.tasks(), "the word may still come"
    monkeypatch.setattr(dask_executor, "LOST_RESULT_SECONDS", -1.0)
    made.executor.wait(0)
    (again,) = made.cluster.tasks()
    assert (again.task, again.key != first.key) == (task, True)


def test_a_worker_that_is_not_heard_of_loses_its_task_and_gets_none_until_it_speaks(
    stage: Callable[..., Stage],
) -> None:
    made = stage(a=1, b=1)
    made.submit(0, 2)
    made.executor.wait(0)
    made.executor._membership.members["a"].last_seen -= 6
    made.cluster.hear("b", Heartbeat({}, []))
    made.executor.wait(0)
    assert made.cluster.tasks("a") == []
    assert "the Dask worker a has sent no heartbeat for 5 s: others get its tasks" in made.lines
    made.cluster.hear("a", Heartbeat({}, []))
    made.executor.wait(0)
    assert len(made.cluster.tasks("a")) == 1


def test_a_process_that_stood_still_blames_nobody_for_silence(
    stage: Callable[..., Stage],
) -> None:
    made = stage(a=1)
    made.submit(0)
    made.executor.wait(0)
    made.executor._membership.members["a"].last_seen -= 60
    made.executor._looked_at -= 60
    made.executor.wait(0)
    assert len(made.cluster.tasks("a")) == 1


def test_a_refused_worker_gets_nothing_and_where_all_are_the_run_ends(
    stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turbo_forecast.fleet.executors.dask_membership.GRACE_SECONDS", -1.0)
    made = stage(a=1, b=1)
    made.submit(0, 2)
    made.cluster.hear("a", Refused("has numpy 1 where the run has 2"))
    made.executor.wait(0)
    assert [each.worker for each in made.cluster.tasks()] == ["b"]
    assert made.executor.workers == 1
    made.cluster.see(a=1)
    with pytest.raises(
        NoWorkers, match="no worker of the made-up scheduler can take part: the Dask worker a has numpy 1"
    ):
        made.executor.wait(0)


def test_a_worker_whose_processes_do_not_start_is_refused_and_its_task_goes_on(stage: Callable[..., Stage]) -> None:
    made = stage(a=1, b=1)
    (task,) = made.submit(0)
    made.executor.wait(0)
    (first,) = made.cluster.tasks()
    made.cluster.hear(first.worker, Failed(first.key, WorkersCannotStart("no memory"), cannot_start=True))
    made.executor.wait(0)
    (second,) = made.cluster.tasks()
    assert (second.task, second.worker) == (task, "b" if first.worker == "a" else "a")


def test_an_error_of_a_task_ends_the_run_with_the_workers_name(stage: Callable[..., Stage]) -> None:
    made = stage(a=1)
    made.submit(0)
    made.executor.wait(0)
    made.cluster.hear("a", Failed(made.cluster.tasks()[0].key, StorageError("/data/x cannot be written: No space")))
    with pytest.raises(StorageError, match="^the Dask worker a: /data/x cannot be written: No space$"):
        made.executor.wait(0)


def test_a_task_that_dask_cannot_carry_ends_the_run_with_its_words(stage: Callable[..., Stage]) -> None:
    made = stage(a=1)
    made.submit(0)
    made.executor.wait(0)
    made.cluster.post(Resolved(made.cluster.tasks()[0].key, "error", "ModuleNotFoundError: turbo_forecast"))
    with pytest.raises(TaskFailed, match="cannot carry the task forecast-2025-12-.*: ModuleNotFoundError"):
        made.executor.wait(0)


def test_a_worker_that_has_ended_its_part_is_asked_again(stage: Callable[..., Stage]) -> None:
    made = stage(a=1)
    made.submit(0)
    made.executor.wait(0)
    asked = [each for each in made.cluster.sent if each.task is None]
    made.cluster.hear("a", Ended())
    made.executor.wait(0)
    made.executor.wait(0)
    assert made.cluster.tasks() == []
    assert len([each for each in made.cluster.sent if each.task is None]) == len(asked) + 1
    made.cluster.hear("a", Ready(0.0))
    made.executor.wait(0)
    assert len(made.cluster.tasks()) == 1


def test_a_task_that_is_killed_is_taken_back_and_told_as_lost(stage: Callable[..., Stage]) -> None:
    made = stage(a=1)
    (task,) = made.submit(0)
    made.executor.wait(0)
    made.executor.kill(task)
    assert made.cluster.tasks() == []
    assert made.executor.wait(0).lost == [Lost(task)]


def test_how_far_a_task_is_and_when_is_told_in_this_machines_time(stage: Callable[..., Stage]) -> None:
    made = stage(a=1)
    (task,) = made.submit(0)
    made.executor.wait(0)
    key = made.cluster.tasks()[0].key
    made.cluster.hear("a", Heartbeat({key: 1}, [(7, 1, 100.0, 101.0, 102.0, True, 1)]))
    events = made.executor.wait(0)
    assert [(entry.task, entry.finished, entry.series) for entry in events.in_flight] == [(task, 1, None)]
    (tally,) = made.executor.tallies()
    ahead = made.executor._membership.members["a"].ahead
    assert (tally.begun, tally.first, tally.until) == (100.0 + ahead, 101.0 + ahead, 102.0 + ahead)


def test_closing_takes_every_task_and_every_lease_back(stage: Callable[..., Stage]) -> None:
    made = stage(a=1, b=2)
    made.submit(0, 2, 4)
    made.executor.wait(0)
    made.cluster.is_alive = False  # nobody is waited for
    made.executor.close()
    assert len(made.cluster.cancelled) == len(made.cluster.sent) == 5
    made.executor.close()
    assert len(made.cluster.cancelled) == 5


def test_chunks_grow_with_the_fleet_and_are_as_many_as_dask_bears(stage: Callable[..., Stage]) -> None:
    executor = stage(a=10, b=10).executor
    sizes = {total: executor.chunk_size(total, 0) for total in (0, 100, 8_000, 64_000, 10**6, 10**7, 10**8)}
    assert sizes == {0: 1, 100: 1, 8_000: 50, 64_000: 400, 10**6: 2000, 10**7: 5000, 10**8: 10_000}
    assert executor.chunk_size(10**6, 77) == 77
