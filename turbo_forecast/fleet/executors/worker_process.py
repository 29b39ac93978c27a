"""One worker process, from its parent's side: started lean, sent one order at a time, ended with all it has started.

Belongs here: the process, its pipe, its memory. Does not belong here: which worker gets which task (`processes.py`).
"""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import current_process, get_context, resource_tracker
from types import ModuleType
from typing import cast

from turbo_forecast.fleet.executors.descendants import end_all
from turbo_forecast.fleet.executors.process_tags import TAG_VARIABLE
from turbo_forecast.fleet.executors.worker import Answer, Order, Ready, work
from turbo_forecast.fleet.executors.worker_status import SIZE, Memory, WorkerStatus
from turbo_forecast.fleet.tasks import Job, Step, Task
from turbo_forecast.fleet.worker_steps import Prepare

THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
JOIN_SECONDS = 5.0


class WorkerProcess:
    """A worker with the task that is meant for it: it is prepared for the task's step first, then sent the task.

    task: None while it has nothing to do. at_work: whether the task has been sent. step: what it was prepared for last.
    used: whether it has ever been sent a task. waited_since: since when it starts or prepares, or, at work, since
    when it has its task. tag: what it and all that it starts are known by (`process_tags.py`). has_started: whether its first
    answer has come. has_hung_up: whether its end of the pipe is closed.
    """

    def __init__(self, job: Job, steps: Mapping[Step, Prepare], tag: str) -> None:
        context = get_context("spawn")
        self.task: Task | None = None
        self.fresh = False
        self.at_work = self.used = False
        self.step: Step | None = None
        self.waited_since = time.monotonic()
        self.has_started = self.has_hung_up = False
        self.tag = tag
        self._memory = cast(Memory, context.RawArray("c", SIZE))
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(job, steps, self._memory, theirs), daemon=False)
        with theirs, _lean_start(tag):
            self._process.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return cast(int, self._process.pid)

    @property
    def status(self) -> WorkerStatus:
        """What the worker has reported last."""
        return WorkerStatus.read(self._memory)

    @property
    def is_starting(self) -> bool:
        """Whether the worker starts, or prepares a step."""
        return self.task is not None and not self.at_work

    def take(self, task: Task, fresh: bool) -> None:
        """Mean the task for this worker, and send what can be sent by now."""
        self.task, self.fresh = task, fresh
        if self.has_started:
            if self.step is not task.step:
                self.waited_since = time.monotonic()
            self._send_next(task)

    def _send_next(self, task: Task) -> None:
        if self.step is not task.step:
            self._send(task.step)
        else:
            self.at_work = self.used = True
            self.waited_since = time.monotonic()
            self._send(task)

    def _send(self, order: Order) -> None:
        with suppress(OSError):  # it has died: its end is seen by who waits for its answer
            self.connection.send(order)

    def go_on(self, answer: Ready | object) -> None:
        """The worker has started, or is ready for a step: send what comes next."""
        self.has_started = True
        self.step = answer.step if isinstance(answer, Ready) else None
        if self.task is not None:
            self._send_next(self.task)

    def release(self) -> None:
        """The task is done."""
        self.task, self.at_work = None, False

    def answer(self) -> Answer | None:
        """What the worker has sent and nobody has read: one answer at most, since it gets one order at a time."""
        try:
            return cast(Answer, self.connection.recv()) if self.connection.poll() else None
        except (EOFError, OSError):
            self.has_hung_up = True
            return None

    def has_died(self) -> bool:
        """Whether the process has ended by itself. Its number stays its own until `join`.

        The pipe alone does not show it: what the worker has forked may keep it open.
        """
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # somebody else has asked for it
            return True

    def join(self) -> None:
        """Take leave of a process that has been ended."""
        self.connection.close()
        self._process.join(timeout=JOIN_SECONDS)


def end_workers(*workers: WorkerProcess) -> None:
    """End these workers now, whatever they are at, and what they have started."""
    end_all([worker.pid for worker in workers], [worker.tag for worker in workers])


_starting = threading.Lock()


@contextmanager
def _lean_start(tag: str) -> Iterator[None]:
    """A process started inside carries the tag, and does not import this process's main module.

    `spawn` makes every child import it to find pickled functions; ours live in `worker.py`, and a main module
    such as Dagster's command line would bring its thousand modules into each worker. It also inherits one
    thread a library, set before any library is imported: two workers on two cores are enough.

    Who starts it may be a daemon of multiprocessing, such as Dask's worker under its nanny. Daemons may have no children,
    since nobody would end those; ours leave with their parent, whatever ends it.
    """
    with _starting:  # what is changed here belongs to the whole process
        resource_tracker.ensure_running()  # multiprocessing's own helper serves the whole process: not to be marked
        wanted = {**dict.fromkeys(THREAD_LIMITS, "1"), TAG_VARIABLE: tag}
        main, before = sys.modules["__main__"], {name: os.environ.get(name) for name in wanted}
        own = vars(current_process())["_config"]
        is_daemon = own.get("daemon", False)
        own["daemon"] = False
        sys.modules["__main__"] = ModuleType("__main__")
        os.environ.update(wanted)
        try:
            yield
        finally:
            own["daemon"] = is_daemon
            sys.modules["__main__"] = main
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value
