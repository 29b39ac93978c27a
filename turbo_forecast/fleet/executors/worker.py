"""What runs in a worker process: it prepares and performs what it is sent, and leaves when its parent dies.

Belongs here: one worker's loop, and how it keeps to itself. Imported by each worker at start, so imports here are counted.
Does not belong here: what a task means (`worker_steps.py`), and the parent's side (`processes.py`).
"""

import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from turbo_forecast.fleet.executors import memory as own_memory
from turbo_forecast.fleet.executors.descendants import descendants, end_all
from turbo_forecast.fleet.executors.process_tags import TAG_VARIABLE, set_tag
from turbo_forecast.fleet.executors.worker_status import Memory, StatusWriter
from turbo_forecast.fleet.tasks import Job, Step, Task, TaskReport
from turbo_forecast.fleet.worker_steps import Equipment, Prepare, WornOut

TRACE_CHARACTERS = 8_000
"""Of an error's traceback, the last so many are sent: a message that a pipe takes whole is never seen in part."""


@dataclass(frozen=True, slots=True)
class Started:
    """The worker has imported what it needs and waits for its first order."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker is prepared for a step: its clock may start."""

    step: Step


@dataclass(frozen=True, slots=True)
class CannotStart:
    """The worker could not prepare a step, and ends."""

    words: str


@dataclass(frozen=True, slots=True)
class Raised:
    """A task has raised an error that is no series' own; trace: where."""

    error: BaseException
    trace: str


Order = Step | Task
"""What a worker is sent: to prepare a step; to perform a task of it."""
Answer = Started | Ready | CannotStart | TaskReport | Raised


def work(job: Job, steps: Mapping[Step, Prepare], memory: Memory, parent: Connection) -> None:
    """The worker's life: one answer to each order, until the parent hangs up."""
    os.setpgid(0, 0)  # a group of its own: Ctrl-C reaches only the parent
    set_tag(os.environ[TAG_VARIABLE])
    own_memory.offer_first()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    tempfile.tempdir = str(job.temp)
    equipment = Equipment(job, StatusWriter(memory), steps)
    with suppress(EOFError, OSError):  # the parent has hung up
        parent.send(Started())
        while True:
            order: Order = parent.recv()
            answer = _prepared(equipment, order) if isinstance(order, Step) else _performed(equipment, order)
            parent.send(answer)
            if isinstance(answer, CannotStart):
                return


def _prepared(equipment: Equipment, step: Step) -> Answer:
    try:
        equipment.prepare(step)
    except BaseException as error:  # SystemExit, even: who waits for this worker must hear why it ends
        return CannotStart(f"{type(error).__name__}: {error}")
    return Ready(step)


def _performed(equipment: Equipment, task: Task) -> Answer:
    try:
        return equipment.perform(task)
    except WornOut:
        os._exit(1)  # a loss like any other, with the series in flight
    except BaseException as error:
        return Raised(_sendable(error), traceback.format_exc()[-TRACE_CHARACTERS:])


def _sendable(error: BaseException) -> BaseException:
    """The error, or one that says the same where it cannot be made again from what is sent of it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _leave_with_parent() -> None:
    """Wait for the parent's end, then end this process and its children at once."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    end_all(descendants([os.getpid()]), [os.environ.get(TAG_VARIABLE, "")])
    os.killpg(0, signal.SIGKILL)
