"""Worker processes of this machine as an executor: a death costs the one task that its worker was at.

Belongs here: starting workers when there is something to do, handing out tasks, hearing answers and deaths. Does not
belong here: one worker's process and pipe (`worker_process.py`), what it computes (`worker_steps.py`), and what follows
from a loss (`retry_policy.py`).
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import cast
from uuid import uuid4

from turbo_forecast.errors import writing
from turbo_forecast.fleet.chunks import chunk_size
from turbo_forecast.fleet.executors.memory import MemoryWatch, can_be_measured
from turbo_forecast.fleet.executors.process_tags import run_tag, worker_tag
from turbo_forecast.fleet.executors.protocol import Events, InFlight, Lost, WorkersCannotStart
from turbo_forecast.fleet.executors.start_watch import Start, StartWatch
from turbo_forecast.fleet.executors.watchdog import Watchdog
from turbo_forecast.fleet.executors.worker import Answer, CannotStart, Raised, Ready, Started
from turbo_forecast.fleet.executors.worker_process import WorkerProcess, end_workers
from turbo_forecast.fleet.executors.worker_status import Tally
from turbo_forecast.fleet.tasks import Job, Step, Task, TaskReport
from turbo_forecast.fleet.worker_steps import STEPS, Prepare

MAX_START_DEATHS = 10
"""Workers that die this often in a row before they are ready, and without a word why, cannot start at all."""


@contextmanager
def processes(
    job: Job, workers: int, log: Callable[[str], None], steps: Mapping[Step, Prepare] = STEPS
) -> Iterator["ProcessExecutor"]:
    """Worker processes, as many as that at most, until the block ends. log: called with a line about starts that take long."""
    executor = ProcessExecutor(job, workers, log, steps)
    try:
        yield executor
    finally:
        executor.close()


class ProcessExecutor:
    """An `Executor` whose workers are processes, started when there is a task for them.

    Each holds `worker_memory_mb` of the job's settings at most, with all that it starts: who holds more is reported by
    `InFlight.exceeded_mb` while it has a task in flight, and replaced when it has none. Raises WorkersCannotStart where memory
    cannot be measured, and `wait` does where a worker needs more before its first series.
    """

    def __init__(
        self, job: Job, workers: int, log: Callable[[str], None], steps: Mapping[Step, Prepare] = STEPS
    ) -> None:
        self.workers = workers
        self._job, self._steps = job, steps
        self._limit_mb = job.settings.worker_memory_mb
        if self._limit_mb and not can_be_measured():
            raise WorkersCannotStart(
                "worker_memory_mb cannot be kept here: this system does not report what a process holds"
            )
        self._memory = MemoryWatch(self._limit_mb) if self._limit_mb else None
        self._tag, self._started = run_tag(), 0
        self._watchdog: Watchdog | None = None
        self._pool: list[WorkerProcess] = []
        self._queue: deque[tuple[Task, bool]] = deque()
        self._log, self._logged = log, set[str]()
        self._starts = StartWatch(log)
        self._start_deaths = 0
        self._step: Step | None = None

    def chunk_size(self, series: int, wanted: int) -> int:
        """Small: a worker is never far, and the tail is to be short."""
        return chunk_size(series, self.workers, wanted)

    def submit(self, task: Task, fresh: bool = False) -> None:
        """Queue a task; it is handed out as soon as a worker is free, in the order of submission."""
        self._queue.append((task, fresh))
        self._step = task.step
        self._hand_out()

    def wait(self, seconds: float) -> Events:
        """Answers and deaths, after so many seconds at the latest.

        Raises what a task raised, WorkersCannotStart, and StorageError where the disk is full by the time a worker has
        died: it may not have been able to leave word of it.
        """
        if self._memory is not None:
            seconds = min(seconds, self._memory.seconds_left)
        wait([worker.connection for worker in self._pool], timeout=seconds)
        events = Events()
        for worker in list(self._pool):
            dead = worker.has_died()  # asked first: what it has sent before is read below
            answer = worker.answer()
            if answer is not None:
                self._handle_answer(worker, answer, events)
            if worker in self._pool and (dead or worker.has_hung_up):
                self._reap(worker, events)
        too_large = self._too_large()
        self._hand_out()
        self._starts.look(self._starting(), len(self._pool))
        at_work = [worker for worker in self._pool if worker.at_work]
        events.in_flight = [_in_flight(worker, self._limit_mb * (worker.pid in too_large)) for worker in at_work]
        return events

    def kill(self, task: Task) -> None:
        """End the worker that is at the task."""
        end_workers(*(worker for worker in self._pool if worker.task == task and worker.at_work))

    def tallies(self) -> list[Tally]:
        """What each worker that is ready for the present step has finished of it."""
        return [worker.status.tally(worker.pid) for worker in self._pool if worker.step is self._step]

    def close(self) -> None:
        """End the workers now: a cancelled run must not wait for work in flight."""
        self._queue.clear()
        if self._pool:
            end_workers(*self._pool)
        while self._pool:
            self._pool.pop().join()
        if self._watchdog is not None:
            self._watchdog.stop()
            self._watchdog = None

    def _hand_out(self) -> None:
        while self._queue:
            task, fresh = self._queue[0]
            worker = self._worker_for(task, fresh)
            if worker is None:
                return
            self._queue.popleft()
            worker.take(task, fresh)

    def _worker_for(self, task: Task, fresh: bool) -> WorkerProcess | None:
        """A worker that has nothing to do, prepared for the step if there is one; else a new one, if there may be."""
        free = [worker for worker in self._pool if worker.task is None]
        suited = [worker for worker in free if not (fresh and worker.used)]
        if suited:
            return min(suited, key=lambda worker: worker.step is not task.step)
        if free and len(self._pool) >= self.workers:
            self._dismiss(free[0])
        if len(self._pool) >= self.workers:
            return None
        self._pool.append(self._new_worker())
        return self._pool[-1]

    def _new_worker(self) -> WorkerProcess:
        self._watchdog = self._watchdog or Watchdog(self._tag)
        self._started += 1
        return WorkerProcess(self._job, self._steps, worker_tag(self._tag, self._started))

    def _dismiss(self, worker: WorkerProcess) -> None:
        self._pool.remove(worker)
        end_workers(worker)
        worker.join()

    def _handle_answer(self, worker: WorkerProcess, answer: Answer, events: Events) -> None:
        match answer:
            case Started() | Ready():
                if isinstance(answer, Ready):
                    self._start_deaths = 0
                    if self._memory is not None and not self._has_room(worker, self._memory):
                        return
                worker.go_on(answer)
            case TaskReport():
                if answer.task == worker.task:
                    events.completed.append(answer)
                else:
                    events.lost.append(Lost(cast(Task, worker.task), begun=answer))
                worker.release()
                if answer.is_outgrown:
                    self._log_once("a worker has grown, series by series, to near worker_memory_mb, and is replaced")
                    self._dismiss(worker)
            case CannotStart(words):
                raise WorkersCannotStart(f"worker processes cannot start: {words}")
            case Raised(error, trace):
                error.add_note(f"raised in a worker process:\n{trace}")
                raise error

    def _log_once(self, line: str) -> None:
        if line not in self._logged:
            self._logged.add(line)
            self._log(line)

    def _too_large(self) -> set[int]:
        """Workers at work that hold more than they may, and still have in flight what they had when they were measured.

        Those with nothing in flight are replaced.
        """
        if self._memory is None or self._memory.seconds_left:
            return set()
        before = {worker.pid: worker.status for worker in self._pool}
        held = self._memory.measure({worker.pid: worker.tag for worker in self._pool})
        found = [worker for worker in self._pool if held[worker.pid] > self._limit_mb]
        for worker in found:
            if worker.has_started and not worker.at_work:
                self._replace(worker, held[worker.pid])
        return {worker.pid for worker in found if worker.at_work and worker.status.is_at_the_same(before[worker.pid])}

    def _has_room(self, worker: WorkerProcess, memory: MemoryWatch) -> bool:
        """Whether a worker that is ready holds no more than it may, so that what it holds later is due to its task."""
        held = memory.measure({worker.pid: worker.tag})[worker.pid]
        if held > self._limit_mb:
            self._replace(worker, held)
        return held <= self._limit_mb

    def _replace(self, worker: WorkerProcess, held_mb: float) -> None:
        """End a worker that holds too much while it has no task in flight. Raises WorkersCannotStart where it has had none."""
        if not worker.used:
            raise WorkersCannotStart(
                f"a worker needs {math.ceil(held_mb):,} MB before its first series, and worker_memory_mb allows "
                f"{self._limit_mb:,}: give it more, or 0 for no limit"
            )
        self._dismiss(worker)
        if worker.task is not None:
            self._queue.appendleft((worker.task, worker.fresh))

    def _reap(self, worker: WorkerProcess, events: Events) -> None:
        """Bury a dead worker with what it has started; its task is lost, or goes back if it was not begun."""
        self._dismiss(worker)
        require_room(self._job.folder.path)
        if worker.at_work:
            events.lost.append(Lost(cast(Task, worker.task), worker.status.in_flight))
        elif worker.task is not None:
            self._queue.appendleft((worker.task, worker.fresh))
            self._start_deaths += 1
            if self._start_deaths >= MAX_START_DEATHS:
                raise WorkersCannotStart(f"worker processes died {MAX_START_DEATHS} times in a row while they started")

    def _starting(self) -> list[Start]:
        entrants = self._job.settings.base_models
        late = [worker for worker in self._pool if worker.is_starting]
        building = [worker.status.building for worker in late]
        names = [None if number is None else entrants[number] for number in building]
        return [Start(worker.waited_since, name) for worker, name in zip(late, names, strict=True)]


def _in_flight(worker: WorkerProcess, exceeded_mb: float) -> InFlight:
    task, status = cast(Task, worker.task), worker.status
    if status.task != task.span.lo or not status.begun:  # its status is not yet about this task
        return InFlight(task, seconds=time.monotonic() - worker.waited_since)
    return InFlight(task, status.in_flight, status.seconds, status.of_task, exceeded_mb)


def require_room(folder: Path) -> None:
    """Raises StorageError when the disk is full."""
    probe = folder / f"room-{uuid4().hex}"  # other machines may look in the same folder at the same time
    with writing(probe):
        probe.write_bytes(bytes(2**16))
        probe.unlink()
