"""Workers that come, go and fall silent at awkward moments: on a cluster that is made up."""

import pickle
from collections.abc import Callable

import pytest

from turbo_forecast.fleet.executors.dask_cluster import Resolved
from turbo_forecast.fleet.executors.dask_messages import Done, Ended, Heartbeat, Ready, Refused
from turbo_forecast.fleet.tasks import TaskReport
from turbo_forecast_tests.fleet.executors.made_up_cluster import OPTIONS, Stage


def test_a_worker_that_leaves_while_it_is_asked_has_its_question_taken_back(stage: Callable[..., Stage]) -> None:
    """Else it stays with the scheduler, and is put to whoever comes to that address, after the run, even."""
    made = stage(a=1)
    made.cluster.see(a=1, b=1)
    made.executor.wait(0)
    made.executor.wait(0)
    (question,) = made.cluster.leases("b")
    made.cluster.see(a=1)
    made.executor.wait(0)
    assert question in made.cluster.cancelled


def test_the_end_of_what_a_worker_had_before_it_was_asked_again_is_no_end_of_what_it_has_now(
    stage: Callable[..., Stage],
) -> None:
    """Each answer belongs to one question: else every end would end what comes after it, for ever."""
    made = stage(a=1)
    made.submit(0)
    made.executor.wait(0)
    (before,) = made.cluster.leases("a")
    made.cluster.see()
    made.cluster.see(a=1)
    made.executor.wait(0)
    made.executor.wait(0)
    made.cluster.hear("a", Ready(0.0), before.key)
    made.executor.wait(0)
    assert made.cluster.tasks("a") == [], "it has not answered the new question"
    made.cluster.hear("a", Ready(0.0))
    made.cluster.hear("a", Ended(), before.key)
    made.executor.wait(0)
    assert len(made.cluster.tasks("a")) == 1
    assert len(made.cluster.leases("a")) == 1


@pytest.mark.parametrize("workers", [1, 50, 1000])
def test_a_large_crew_beats_often_enough_not_to_be_missed(stage: Callable[..., Stage], workers: int) -> None:
    made = stage(**{f"w{number}": 1 for number in range(workers)})
    spec = pickle.loads(made.cluster.sent[0].arguments[0])
    assert spec.heartbeat_seconds <= OPTIONS.silence_seconds / 3


def test_a_silent_worker_is_waited_for_though_another_was_refused(
    stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turbo_forecast.fleet.executors.dask_membership.GRACE_SECONDS", -1.0)
    made = stage(a=1, b=1)
    made.submit(0)
    made.cluster.hear("b", Refused("has numpy 1 where the run has 2"))
    made.executor.wait(0)
    made.executor._membership.members["a"].last_seen -= 6
    made.executor.wait(0)
    assert made.cluster.tasks() == []
    made.cluster.hear("a", Heartbeat({}, []))
    made.executor.wait(0)
    assert len(made.cluster.tasks("a")) == 1


def test_closing_takes_back_what_was_done_but_not_yet_ended(stage: Callable[..., Stage]) -> None:
    """Its worker may have died in between: the scheduler would keep the task."""
    made = stage(a=1)
    (task,) = made.submit(0)
    made.executor.wait(0)
    (sent,) = made.cluster.tasks()
    made.cluster.hear("a", Done(sent.key, [TaskReport(task)]))
    made.completed(1)
    made.cluster.is_alive = False
    made.executor.close()
    assert sent in made.cluster.cancelled


def test_a_worker_that_dask_has_paused_keeps_what_it_is_at_and_gets_nothing_else(stage: Callable[..., Stage]) -> None:
    made = stage(a=2, b=1)
    made.submit(0, 2, 4)
    made.executor.wait(0)
    begun, waiting = made.cluster.tasks("a")
    made.cluster.hear("a", Heartbeat({begun.key: 1}, []))
    made.cluster.pause("a")
    made.cluster.hear("b", Done(made.cluster.tasks("b")[0].key, []))
    for _ in range(2):
        made.executor.wait(0)
    assert made.cluster.tasks("a") == [begun]
    assert made.cluster.tasks("b")[-1].task == waiting.task
    assert made.lines[-1].startswith("the Dask worker a is paused by Dask, by its memory limit: it is given nothing")
    made.cluster.see(a=2, b=1)
    made.submit(6)
    made.executor.wait(0)
    assert len(made.cluster.tasks("a")) == 2


def test_a_task_that_dask_gives_up_because_its_worker_died_goes_to_others(stage: Callable[..., Stage]) -> None:
    """Dask's setting allowed-failures says after how many deaths; with 0 it is the first."""
    made = stage(a=1, b=1)
    (task,) = made.submit(0)
    made.executor.wait(0)
    (first,) = made.cluster.tasks()
    made.cluster.post(Resolved(first.key, "killed", "KilledWorker: Attempted to run task on 1 different workers"))
    made.executor.wait(0)
    (again,) = made.cluster.tasks()
    assert (again.task, again.key != first.key) == (task, True)


def test_a_question_that_somebody_has_cancelled_is_put_again(stage: Callable[..., Stage]) -> None:
    """As the client does with all that it holds, when it has to connect anew."""
    made = stage(a=1)
    made.cluster.see(a=1, b=1)
    made.executor.wait(0)
    made.executor.wait(0)
    (question,) = made.cluster.leases("b")
    made.cluster.post(Resolved(question.key, "cancelled"))
    made.executor.wait(0)
    made.executor.wait(0)
    assert made.cluster.leases("b")[-1].key != question.key


def test_a_fleet_that_is_cut_before_any_worker_is_there_has_chunks_for_many(stage: Callable[..., Stage]) -> None:
    """A cluster's workers are often asked for together with the run, and come when they get a machine."""
    size = stage().executor.chunk_size(8_000, 0)
    assert 8_000 / size >= 8 * 16
