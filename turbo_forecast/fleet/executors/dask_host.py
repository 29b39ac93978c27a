"""A run's worker processes on one Dask worker, one for each of its threads.

Belongs here: opening, working and ending, in the process of Dask's worker. Does not belong here: what a worker process does
(`worker.py`), what becomes of a series that takes it down (`retry_policy.py`: the same as on one machine, and decided here),
and which worker gets which task (`dask_executor.py`).

A host lives as long as its lease: the result of the task that opened it, which Dask's worker keeps while the run's client
wants it. A run that is closed, cancelled or killed leaves no client; the scheduler then takes the lease away, and what
runs here is ended within a second.
"""

import pickle
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

from distributed import Worker, get_worker

from turbo_forecast.errors import StorageError, TurboForecastError, writing
from turbo_forecast.fleet.checkpoint import temporary
from turbo_forecast.fleet.chunks import cut
from turbo_forecast.fleet.exchange import Exchange
from turbo_forecast.fleet.executors.compatibility import installed_here, mismatch, unusable_entrants
from turbo_forecast.fleet.executors.dask_messages import (
    Done,
    Ended,
    Failed,
    FilesNotVisible,
    Heartbeat,
    LogLine,
    Message,
    Ready,
    Refused,
    Spec,
    packed,
)
from turbo_forecast.fleet.executors.processes import ProcessExecutor
from turbo_forecast.fleet.executors.protocol import WorkersCannotStart
from turbo_forecast.fleet.pace import WorkSnapshot
from turbo_forecast.fleet.retry_policy import StoreLedger, Work
from turbo_forecast.fleet.tasks import Job, Step, Task, TaskReport
from turbo_forecast.models.registry import prepare_entrants

WATCH_SECONDS = 0.5
"""So often a host looks whether its run still wants it."""
PIECE_SERIES = 1000
"""Series whose forecasts one process keeps until they are written: some 200 MB at the default settings."""
AWAITED_STATES = {"executing", "long-running", "memory", "ready", "flight", "resumed"}
"""States of a task, in Dask's worker, in which somebody still waits for it."""
LIVE_STATES = {"init", "running", "paused", "closing_gracefully"}
"""States of Dask's worker in which it works."""

Send = Callable[[Message], None]

_hosts: dict[str, "Host"] = {}
"""The hosts of this process, by run and worker: a cluster within one process has several workers."""
_opening = threading.Lock()


class TaskCancelled(BaseException):
    """Nobody waits for this task any more. A BaseException, so that no handler of errors catches it."""


def open_host(spec: Spec) -> str:
    """Check this worker, prepare it for the run, and report to the run how that went; returns what becomes the lease."""
    worker = get_worker()

    def send(message: Message) -> None:
        with suppress(Exception):  # the worker is closing: nobody receives it
            worker.log_event(spec.topic, packed(worker.address, spec.lease, message))

    with _opening:
        host = _opened(spec, worker, send)
    if host is not None:
        _hosts[_host_key(spec.run, worker)] = host
        host.watch()
        send(Ready(time.monotonic()))
    return "taking part" if host is not None else "not taking part"


def _opened(spec: Spec, worker: Worker, send: Send) -> "Host | None":
    """The host; None where this worker cannot take part, which has been sent."""
    try:
        job, exchange = pickle.loads(spec.job)
        refusal = mismatch(spec.installed, installed_here(job.settings)) or unusable_entrants(job.settings)
        if refusal:
            send(Refused(refusal))
            return None
        with ExitStack() as stack:
            folder = _own_folder(Path(worker.local_directory), spec)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            localised = exchange.localise(job, folder)
            temp = stack.enter_context(temporary(folder))
            prepare_entrants(job.settings, lambda line: send(LogLine(line)))
            return Host(spec, worker, send, replace(localised, temp=temp), exchange, stack.pop_all())
    except StorageError as error:
        send(FilesNotVisible(str(error)))
    except Exception as error:  # it is this machine's: others may do
        send(Refused(f"cannot take part: {type(error).__name__}: {error}"))
    return None


def perform_task(run: str, key: str, task: bytes) -> None:
    """Work a task by the run's host on this worker; none is there where the run has ended, or the host has."""
    worker = get_worker()
    host = _hosts.get(_host_key(run, worker))
    if host is not None:
        host.work(key, *pickle.loads(task))


def _host_key(run: str, worker: Worker) -> str:
    return f"{run} {worker.address}"


def _own_folder(local: Path, spec: Spec) -> Path:
    """A folder of this host alone: another one of the same run may just be ending here, and removes its own."""
    with writing(local):
        local.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"turbo-forecast-{spec.lease}-", dir=local))


@dataclass(slots=True)
class Slot:
    """One worker process with the policy on it. finished: series of the task in flight; tallies: as seen last."""

    executor: ProcessExecutor
    work: Work
    finished: int = 0
    tallies: list[tuple[Any, ...]] = field(default_factory=list)


class Host:
    """A run's worker processes on one Dask worker, started when there is a task for them."""

    def __init__(
        self, spec: Spec, worker: Worker, send: Send, job: Job, exchange: Exchange, resources: ExitStack
    ) -> None:
        self._spec, self._worker, self._send = spec, worker, send
        self._job, self._exchange, self._resources = job, exchange, resources
        self._lock = threading.Lock()
        self._idle: list[Slot] = []
        self._busy: dict[str, Slot] = {}
        self._ended = threading.Event()

    def watch(self) -> None:
        """Send heartbeats, and end everything as soon as the lease is gone, or Dask's worker closes."""
        threading.Thread(target=self._watch, name="turbo-forecast", daemon=True).start()

    def work(self, key: str, task: Task, fresh: bool) -> None:
        """Work a task with the policy of one machine, and send what comes of it. fresh: in a new process."""
        try:
            slot = self._acquire(key, fresh)
        except WorkersCannotStart as error:
            self._send(Failed(key, error, cannot_start=True))
            return
        if slot is None:
            self._send(Ended(key))
            return
        try:
            reports = self._reports(key, slot, task)
        except TaskCancelled:
            self._release(key, slot, keep=False)
        except WorkersCannotStart as error:
            self._release(key, slot, keep=False)
            self._send(Failed(key, error, cannot_start=True))
        except Exception as error:
            self._release(key, slot, keep=False)
            self._send(Failed(key, _sendable(error)))
        else:
            self._release(key, slot, keep=True)
            self._send(Done(key, reports))

    def _reports(self, key: str, slot: Slot, task: Task) -> list[TaskReport]:
        reports: list[TaskReport] = []

        def on_report(report: TaskReport) -> None:
            self._exchange.stage_out(self._job, report.task)
            reports.append(report)

        def look(snapshot: Callable[[], WorkSnapshot]) -> None:
            if self._is_cancelled(key):
                raise TaskCancelled
            work_snapshot = snapshot()
            slot.finished = sum(len(report.task.span) for report in reports) + work_snapshot.unreported
            slot.tallies = [astuple(tally) for tally in work_snapshot.tallies]

        self._exchange.stage_in(self._job, task)
        slot.work.run_tasks(_pieces(task), on_report, look)
        return reports

    def _is_cancelled(self, key: str) -> bool:
        return self._ended.is_set() or not self._is_awaited(key)

    def _is_awaited(self, key: str) -> bool:
        """Whether somebody waits for a task, or its result, of this worker."""
        state = self._worker.state.tasks.get(key)
        return state is not None and state.state in AWAITED_STATES

    def _acquire(self, key: str, fresh: bool) -> Slot | None:
        with self._lock:
            if self._ended.is_set():
                return None
            slot = self._idle.pop() if self._idle else self._new_slot()
            self._busy[key] = slot
        if fresh:
            slot.executor.close()  # it starts another when it is given a task
        slot.finished = 0
        return slot

    def _new_slot(self) -> Slot:
        executor = ProcessExecutor(self._job, 1, lambda line: self._send(LogLine(line)))
        ledger = StoreLedger(self._job)  # what it records is staged out like everything else
        return Slot(executor, Work(executor, ledger, self._job.settings.series_timeout_seconds))

    def _release(self, key: str, slot: Slot, *, keep: bool) -> None:
        with self._lock:
            self._busy.pop(key, None)
            kept = keep and not self._ended.is_set()
            if kept:
                self._idle.append(slot)
        if not kept:
            slot.executor.close()

    def _watch(self) -> None:
        sent = 0.0
        while self._is_wanted():
            if time.monotonic() - sent >= self._spec.heartbeat_seconds:
                sent = time.monotonic()
                self._send(self._heartbeat())
            time.sleep(WATCH_SECONDS)
        self.end()

    def _is_wanted(self) -> bool:
        return self._worker.status.name in LIVE_STATES and self._is_awaited(self._spec.lease)

    def _heartbeat(self) -> Heartbeat:
        with self._lock:
            busy, slots = dict(self._busy), [*self._idle, *self._busy.values()]
        tallies = [tally for slot in slots for tally in slot.tallies]
        return Heartbeat({key: slot.finished for key, slot in busy.items()}, tallies)

    def end(self) -> None:
        """End all worker processes; those at work are ended by the threads that wait for them."""
        with self._lock:
            self._ended.set()
            idle, self._idle = self._idle, []
        for slot in idle:
            slot.executor.close()
        deadline = time.monotonic() + 60 * WATCH_SECONDS
        while self._busy and time.monotonic() < deadline:
            time.sleep(WATCH_SECONDS / 10)
        self._resources.close()
        name = _host_key(self._spec.run, self._worker)
        if _hosts.get(name) is self:  # a worker that was missed and is asked again has another by now
            del _hosts[name]
        self._send(Ended())


def _pieces(task: Task) -> list[Task]:
    """The task in pieces that a process can hold: all results of a piece are in its memory before they are written."""
    if task.step is not Step.FORECAST or len(task.span) <= PIECE_SERIES:
        return [task]
    return [replace(task, span=span) for span in cut([task.span], PIECE_SERIES)]


def _sendable(error: Exception) -> Exception:
    """The error, or a copy of its text where its class is not ours, or cannot be unpickled."""
    notes = getattr(error, "__notes__", [])
    with suppress(Exception):
        if isinstance(error, TurboForecastError) and isinstance(pickle.loads(pickle.dumps(error)), type(error)):
            return error
    copy = RuntimeError(f"{type(error).__name__}: {error}")
    for note in notes:
        copy.add_note(note)
    return copy
