"""The policy alone, on an executor that loses tasks in every order: each series is reported once, whatever happens."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turbo_forecast.fleet.chunks import Span, cut
from turbo_forecast.fleet.executors.protocol import Events, InFlight, Lost, WorkersCannotStart
from turbo_forecast.fleet.executors.worker_status import Tally
from turbo_forecast.fleet.retry_policy import AHEAD, MAX_ATTEMPTS, MAX_TOO_LARGE, MAX_UNEXPLAINED, PartLost, Work
from turbo_forecast.fleet.tasks import Step, Task, TaskReport
from turbo_forecast.types import Status

TIMEOUT = 60.0
LIMIT_MB = 900.0
PARTS = [Step.COMBINE, Step.PUBLISH]


@dataclass
class Fate:
    """What befalls a fleet's series. killers: kill their worker. sleepers: never end. hogs: need more memory than a worker may
    hold. deadly: kill with the fallback too."""

    killers: frozenset[int] = frozenset()
    sleepers: frozenset[int] = frozenset()
    hogs: frozenset[int] = frozenset()
    deadly: frozenset[int] = frozenset()

    def stops_at(self, task: Task) -> int | None:
        """The series at which the task's worker goes no further."""
        bad = self.deadly if task.quarantined else self.killers | self.sleepers | self.hogs
        return next((series for series in range(task.span.lo, task.span.hi) if series in bad), None)


@dataclass
class Unreliable:
    """An executor whose tasks end in any order, and whose workers also die by themselves, so many times.

    silent: whether it does not know which series a dead worker had in flight. tiring: how often workers hand back the rest of a
    task, having grown; worn: how often they are found too large at a series that is not guilty.
    """

    fate: Fate
    workers: int
    chance: random.Random
    accidents: int = 0
    silent: bool = False
    tiring: int = 0
    worn: int = 0
    queue: list[tuple[Task, bool]] = field(default_factory=list)
    running: list[Task] = field(default_factory=list)
    killed: list[Task] = field(default_factory=list)
    attempts: list[Task] = field(default_factory=list)
    most: int = 0

    def submit(self, task: Task, fresh: bool = False) -> None:
        assert task not in self.running
        if fresh:
            assert not self.running, "a possible poison task is tried alone"
        self.queue.append((task, fresh))
        self.most = max(self.most, len(self.queue) + len(self.running))

    def wait(self, seconds: float) -> Events:
        while self.queue and len(self.running) < self.workers:
            task, _ = self.queue.pop(0)
            self.running.append(task)
            self.attempts.append(task)
        events = Events()
        for task in self.chance.sample(self.running, len(self.running)):
            self._go_on(task, events)
        events.in_flight = [replace(InFlight(task, *self._slept(task)), **self._holds(task)) for task in self.running]
        return events

    def _holds(self, task: Task) -> dict[str, Any]:
        """What is said of the memory of a task's worker, and of the series that it then has in flight."""
        stop = self.fate.stops_at(task)
        if stop in self.fate.hogs and not task.quarantined:
            return {"series": stop, "exceeded_mb": LIMIT_MB}
        if stop is None and self.worn and len(task.span) > 1 and self.chance.random() < 0.5:
            self.worn -= 1
            return {"series": task.span.lo, "exceeded_mb": LIMIT_MB}
        return {}

    def _go_on(self, task: Task, events: Events) -> None:
        stop = self.fate.stops_at(task)
        if task in self.killed:
            self.killed.remove(task)
            self._lose(task, stop, events)
        elif self.chance.random() < 0.4:
            return
        elif self.accidents and self.chance.random() < 0.5 and len(self.queue) + len(self.running) > 1:
            self.accidents -= 1
            self._lose(task, self.chance.choice([None, self.chance.randrange(task.span.lo, task.span.hi)]), events)
        elif self.tiring and len(task.span) > 1 and stop is None and self.chance.random() < 0.5:
            self.tiring -= 1
            self.running.remove(task)
            first = Task(task.step, Span(task.span.lo, self.chance.randrange(task.span.lo + 1, task.span.hi)))
            events.lost.append(Lost(task, begun=TaskReport(first, is_outgrown=True)))
        elif stop is None:
            self.running.remove(task)
            events.completed.append(TaskReport(task))
        elif task.quarantined or stop not in self.fate.sleepers | self.fate.hogs:
            self._lose(task, stop, events)

    def _lose(self, task: Task, series: int | None, events: Events) -> None:
        self.running.remove(task)
        events.lost.append(Lost(task, None if self.silent else series))

    def _slept(self, task: Task) -> tuple[int | None, float]:
        stop = self.fate.stops_at(task)
        return (stop, TIMEOUT + 1) if stop in self.fate.sleepers and not task.quarantined else (None, 0.0)

    def kill(self, task: Task) -> None:
        assert task in self.running
        self.killed.append(task)

    def tallies(self) -> Sequence[Tally]:
        return []

    def close(self) -> None: ...


class Book:
    """Names and records, in memory."""

    def __init__(self) -> None:
        self.recorded: list[Task] = []

    def names(self, span: Span) -> str:
        return f"host-{span.lo} to host-{span.hi - 1}"

    def record(self, task: Task) -> TaskReport:
        self.recorded.append(task)
        return TaskReport(task, failed=1)


def worked(executor: Unreliable, step: Step, spans: Sequence[Span]) -> tuple[list[Task], Book]:
    """The tasks that were reported, and the parent's records."""
    book, reports = Book(), list[TaskReport]()

    def look(snapshot: Callable[[], object]) -> None:
        snapshot()

    Work(executor, book, TIMEOUT).run(step, spans, reports.append, look)
    return [report.task for report in reports], book


def series_of(tasks: Sequence[Task]) -> list[int]:
    return sorted(series for task in tasks for series in range(task.span.lo, task.span.hi))


@st.composite
def fates(draw: st.DrawFn) -> tuple[int, int, Fate]:
    """A fleet's size, its chunks' size, and what befalls some of its series."""
    size, chunk = draw(st.integers(1, 40)), draw(st.integers(1, 9))
    some = st.frozensets(st.integers(0, size - 1), max_size=6)
    killers = draw(some)
    sleepers = draw(some) - killers
    hogs = draw(some) - killers - sleepers
    return size, chunk, Fate(killers, sleepers, hogs, deadly=draw(some) & (killers | sleepers | hogs))


@given(fates(), st.integers(1, 5), st.integers(0, 8), st.integers(0, 5), st.integers(0, 10_000))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_each_series_is_reported_once_and_only_poison_tasks_are_quarantined(
    made: tuple[int, int, Fate], workers: int, accidents: int, growths: int, seed: int
) -> None:
    size, chunk, fate = made
    executor = Unreliable(fate, workers, random.Random(seed), accidents, tiring=growths, worn=growths)
    reported, book = worked(executor, Step.FORECAST, cut([Span(0, size)], chunk))
    assert series_of(reported) == list(range(size))
    quarantined = {task.span.lo: task.status for task in reported if task.quarantined}
    assert quarantined == {
        **dict.fromkeys(fate.killers, Status.WORKER_DIED),
        **dict.fromkeys(fate.sleepers, Status.TIMED_OUT),
        **dict.fromkeys(fate.hogs, Status.MEMORY_EXCEEDED),
    }
    assert all(len(task.span) == 1 for task in reported if task.quarantined)
    assert {task.span.lo for task in book.recorded} == fate.deadly
    assert not executor.queue
    assert not executor.running


@given(st.integers(2, 60), st.integers(1, 16), st.integers(0, 10_000), st.data())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_killer_is_found_by_halving_where_nobody_knows_what_dead_workers_had_in_flight(
    size: int, chunk: int, seed: int, data: st.DataObject
) -> None:
    killers = data.draw(st.frozensets(st.integers(0, size - 1), max_size=2))
    executor = Unreliable(Fate(killers), 2, random.Random(seed), silent=True)
    reported, _ = worked(executor, Step.FORECAST, cut([Span(0, size)], chunk))
    assert series_of(reported) == list(range(size))
    assert {task.span.lo for task in reported if task.quarantined} == killers


@pytest.mark.parametrize("step", PARTS)
@given(size=st.integers(1, 40), workers=st.integers(1, 5), accidents=st.integers(0, 8), seed=st.integers(0, 10_000))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_parts_stay_whole_and_are_reported_once(step: Step, size: int, workers: int, accidents: int, seed: int) -> None:
    parts = cut([Span(0, size)], 4)
    reported, _ = worked(Unreliable(Fate(), workers, random.Random(seed), accidents), step, parts)
    assert sorted(reported) == [Task(step, part) for part in parts]


@pytest.mark.parametrize("step", PARTS)
def test_a_part_that_cannot_be_done_ends_the_run_with_its_series_after_it_was_tried_alone(step: Step) -> None:
    executor = Unreliable(Fate(killers=frozenset({5})), 2, random.Random(0))
    with pytest.raises(PartLost, match=f"the step {step} took .* 3 times at series host-4 to host-7: .* memory"):
        worked(executor, step, cut([Span(0, 12)], 4))
    attempts = [task.span for task in executor.attempts]
    assert attempts.count(Span(4, 8)) == 1 + MAX_ATTEMPTS
    assert attempts[-MAX_ATTEMPTS:] == [Span(4, 8)] * MAX_ATTEMPTS
    assert attempts.count(Span(0, 4)) == attempts.count(Span(8, 12)) == 1


def test_a_possible_poison_task_gets_two_attempts_after_all_else_is_done_then_only_its_fallback() -> None:
    executor = Unreliable(Fate(killers=frozenset({2})), 1, random.Random(0))
    worked(executor, Step.FORECAST, [Span(0, 4), Span(4, 8)])
    tried = [(task.span.lo, task.span.hi, task.status) for task in executor.attempts]
    died = Status.WORKER_DIED
    assert sorted(tried[:-3]) == [(0, 2, None), (0, 4, None), (3, 4, None), (4, 8, None)]
    assert tried[-3:] == [(2, 3, None), (2, 3, None), (2, 3, died)]


def test_a_series_that_needs_too_much_memory_is_tried_alone_once_and_its_reason_names_the_setting() -> None:
    executor = Unreliable(Fate(hogs=frozenset({1})), 1, random.Random(0))
    reported, _ = worked(executor, Step.FORECAST, [Span(0, 3)])
    assert reported[-1] == Task(
        Step.FORECAST,
        Span(1, 2),
        "the worker needed more than 900 MB at this series (worker_memory_mb)",
        Status.MEMORY_EXCEEDED,
    )
    assert [(task.span.lo, task.span.hi, task.status) for task in executor.attempts[-2:]] == [
        (1, 2, None),
        (1, 2, Status.MEMORY_EXCEEDED),
    ]
    assert [task.span for task in executor.attempts].count(Span(1, 2)) == 2


def test_a_series_that_was_in_flight_when_a_worker_had_grown_is_done_by_another() -> None:
    executor = Unreliable(Fate(), 2, random.Random(1), worn=4)
    reported, _ = worked(executor, Step.FORECAST, cut([Span(0, 30)], 6))
    assert executor.worn < 4, "nothing was tried"
    assert series_of(reported) == list(range(30))
    assert not any(task.quarantined for task in reported)


@pytest.mark.parametrize("size", [MAX_TOO_LARGE - 1, MAX_TOO_LARGE, 200])
def test_a_limit_that_no_series_keeps_ends_the_run_unless_there_are_few(size: int) -> None:
    executor = Unreliable(Fate(hogs=frozenset(range(size))), 2, random.Random(0))
    if size < MAX_TOO_LARGE:
        reported, _ = worked(executor, Step.FORECAST, cut([Span(0, size)], 3))
        assert {task.status for task in reported} == {Status.MEMORY_EXCEEDED}
        return
    with pytest.raises(
        WorkersCannotStart, match="20 workers needed more than 900 MB .* finished a series: worker_memory_mb is too low"
    ):
        worked(executor, Step.FORECAST, cut([Span(0, size)], 3))


class NoEnd(Unreliable):
    """The fallback of series 1 never ends either."""

    def _slept(self, task: Task) -> tuple[int | None, float]:
        return (1, TIMEOUT + 1) if self._is_bad(task) else (None, 0.0)

    def _go_on(self, task: Task, events: Events) -> None:
        if not self._is_bad(task):
            super()._go_on(task, events)
        elif task in self.killed:
            self.killed.remove(task)
            self._lose(task, 1, events)

    @staticmethod
    def _is_bad(task: Task) -> bool:
        return task.span.lo <= 1 < task.span.hi


def test_a_fallback_that_never_ends_is_ended_too_and_the_series_recorded() -> None:
    reported, book = worked(NoEnd(Fate(), 1, random.Random(0)), Step.FORECAST, [Span(0, 3)])
    assert series_of(reported) == [0, 1, 2]
    assert [(task.span, task.status) for task in book.recorded] == [(Span(1, 2), Status.TIMED_OUT)]


def test_many_series_that_need_too_much_end_no_run_in_which_others_are_finished() -> None:
    hogs = frozenset(range(1, 200, 2))
    reported, _ = worked(Unreliable(Fate(hogs=hogs), 2, random.Random(0)), Step.FORECAST, cut([Span(0, 200)], 8))
    assert {task.span.lo for task in reported if task.quarantined} == hogs


@pytest.mark.parametrize("step", PARTS)
def test_a_part_that_needs_too_much_memory_ends_the_run_with_the_limits_name(step: Step) -> None:
    executor = Unreliable(Fate(hogs=frozenset({5})), 2, random.Random(0))
    with pytest.raises(
        PartLost, match=f"the step {step} took .* twice at series host-4 to host-7: .* 900 MB .worker_memory_mb"
    ):
        worked(executor, step, cut([Span(0, 12)], 4))
    assert [task.span for task in executor.attempts].count(Span(4, 8)) == 2


def test_writing_that_always_needs_too_much_is_no_endless_loop() -> None:
    """The worker has nothing in flight by then: the chunk is tried again, then halved, down to the series."""
    executor = Greedy(Fate(), 2, random.Random(0))
    reported, _ = worked(executor, Step.FORECAST, [Span(0, 4), Span(4, 8)])
    assert series_of(reported) == list(range(8))
    assert {task.span.lo for task in reported if task.quarantined} == {5}


class Greedy(Unreliable):
    """Whatever holds series 5 needs too much when it is written, and nobody has that series in flight."""

    def _holds(self, task: Task) -> dict[str, Any]:
        return {"exceeded_mb": LIMIT_MB} if self._is_bad(task) else {}

    def _go_on(self, task: Task, events: Events) -> None:
        if not self._is_bad(task):
            super()._go_on(task, events)
        elif task in self.killed:
            self.killed.remove(task)
            self._lose(task, None, events)

    @staticmethod
    def _is_bad(task: Task) -> bool:
        return task.span.lo <= 5 < task.span.hi and not task.quarantined


def test_a_series_that_never_ends_gets_no_second_trial_and_its_reason_names_the_setting() -> None:
    executor = Unreliable(Fate(sleepers=frozenset({0})), 1, random.Random(0))
    reported, _ = worked(executor, Step.FORECAST, [Span(0, 2)])
    assert reported[-1] == Task(
        Step.FORECAST,
        Span(0, 1),
        "the series took longer than 60 s (series_timeout_seconds)",
        Status.TIMED_OUT,
    )
    assert [task.span for task in executor.attempts].count(Span(0, 1)) == 1


class Paused(Unreliable):
    """Everything stands still, once, while every worker is working on a series; all else takes no time."""

    now = 0.0
    pause = 3600.0

    def wait(self, seconds: float) -> Events:
        first = not self.now
        self.now += self.pause if first else 0.1
        if first:
            return Events(in_flight=[InFlight(task, task.span.lo, self.now) for task, _ in self.queue])
        done = [TaskReport(task) for task, _ in self.queue]
        self.queue.clear()
        return Events(done)

    def kill(self, task: Task) -> None:
        raise AssertionError(f"{task} was taken for overdue after a pause")


@pytest.mark.parametrize(("pause", "timeout"), [(3600.0, TIMEOUT), (61.0, TIMEOUT), (8.0, 5.0), (2.5, 0.5)])
def test_a_pause_of_the_whole_machine_is_no_series_fault(pause: float, timeout: float) -> None:
    executor = Paused(Fate(), 2, random.Random(0))
    executor.pause = pause
    reports: list[TaskReport] = []
    Work(executor, Book(), timeout, clock=lambda: executor.now).run(
        Step.FORECAST, cut([Span(0, 12)], 1), reports.append
    )
    assert series_of([report.task for report in reports]) == list(range(12))


@pytest.mark.parametrize("step", PARTS)
def test_a_part_whose_worker_never_answers_is_told_from_one_that_dies(step: Step) -> None:
    executor = Stuck(Fate(), 2, random.Random(0))
    with pytest.raises(
        PartLost, match="3 times at series host-4 to host-7: it was ended after 600 s without an answer"
    ):
        worked(executor, step, cut([Span(0, 12)], 4))


class Stuck(Unreliable):
    """The part of series 4 stands still, and says nothing of any series."""

    def _go_on(self, task: Task, events: Events) -> None:
        if task.span.lo != 4:
            super()._go_on(task, events)
        elif task in self.killed:
            self.killed.remove(task)
            self._lose(task, None, events)

    def _slept(self, task: Task) -> tuple[int | None, float]:
        return None, 601.0 if task.span.lo == 4 else 599.0


class Late(Unreliable):
    """A worker that is to be ended has gone on to the next series by then."""

    def _lose(self, task: Task, series: int | None, events: Events) -> None:
        super()._lose(task, None if series is None else series + 1, events)


def test_a_series_that_was_in_flight_when_another_took_too_long_is_only_retried_alone() -> None:
    """The overdue one is finished at last, so that it is worked again with what is left of its chunk."""
    executor = Late(Fate(sleepers=frozenset({3})), 1, random.Random(0))
    original = executor.fate.stops_at
    executor.fate.stops_at = lambda task: original(task) if len(task.span) == 8 else None  # type: ignore[method-assign]
    reported, _ = worked(executor, Step.FORECAST, [Span(0, 8)])
    assert sorted(reported) == [Task(Step.FORECAST, span) for span in (Span(0, 4), Span(4, 5), Span(5, 8))]


def test_no_more_tasks_are_handed_over_than_keep_the_workers_busy() -> None:
    executor = Unreliable(Fate(), 3, random.Random(0))
    worked(executor, Step.COMBINE, cut([Span(0, 200)], 1))
    assert executor.most == AHEAD * 3


class Hopeless(Unreliable):
    """Loses everything, and nobody knows why."""

    def wait(self, seconds: float) -> Events:
        tasks = [task for task, _ in self.queue]
        self.queue.clear()
        return Events(lost=[Lost(task) for task in tasks])


def test_workers_that_finish_nothing_and_have_nothing_in_flight_end_the_run() -> None:
    with pytest.raises(
        WorkersCannotStart, match=f"died {MAX_UNEXPLAINED} times in a row while they had no series in flight"
    ):
        worked(Hopeless(Fate(), 2, random.Random(0)), Step.FORECAST, cut([Span(0, 640)], 64))
    with pytest.raises(
        PartLost, match=f"{MAX_UNEXPLAINED} times in a row at the step publish, .* host-1152 to host-1279"
    ):
        worked(Hopeless(Fate(), 2, random.Random(0)), Step.PUBLISH, cut([Span(0, 6400)], 128))


@pytest.mark.parametrize(
    ("executor", "why"),
    [
        (Unreliable(Fate(hogs=frozenset(range(640))), 2, random.Random(0)), "20 workers needed more than 900 MB"),
        (Hopeless(Fate(), 2, random.Random(0)), "died 10 times in a row while they had no series in flight"),
    ],
)
def test_what_no_worker_can_do_is_found_out_though_each_chunk_is_given_by_itself(
    executor: Unreliable, why: str
) -> None:
    """As a Dask worker gets them: else each series of a small chunk would be quarantined, and the run take that for its result."""
    work, reports = Work(executor, Book(), TIMEOUT), list[TaskReport]()
    with pytest.raises(WorkersCannotStart, match=why):
        for lo in range(0, 640, 2):
            work.run(Step.FORECAST, [Span(lo, lo + 2)], reports.append)
    assert len(reports) <= MAX_TOO_LARGE
