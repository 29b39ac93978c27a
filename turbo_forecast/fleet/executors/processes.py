"""Worker processes that cannot lose a run: a death costs at most the series that caused it.

Belongs here: starting, watching, replacing and ending workers. Does not belong here: what a worker computes, and how
what it has started is found (`descendants.py`).

How a death is handled: a dead worker breaks the whole executor (its design), so the executor is rebuilt and
what was unfinished is repeated. Each series that was in hand at the time is a suspect and is tried alone, in
a pool of one; if that dies too, the series is the culprit, and only its fallback is computed.
"""

import os
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from multiprocessing import get_context, resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from uuid import uuid4

from turbo_forecast.errors import TurboForecastError, writing
from turbo_forecast.fleet.chunks import Span, write_chunk
from turbo_forecast.fleet.executors.board import in_hand
from turbo_forecast.fleet.executors.descendants import MARK, end_all
from turbo_forecast.fleet.executors.start_watch import StartWatch
from turbo_forecast.fleet.executors.worker import START_ERROR, Job, SpanReport, start, work_span
from turbo_forecast.fleet.pace import Standing, standing
from turbo_forecast.fleet.series_forecaster import WORKER_DIED, Result
from turbo_forecast.fleet.store import SeriesStore

THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
POLL_SECONDS = 0.5
MAX_IDLE_BREAKS = 10
"""Pools that break this often in a row with nothing in hand, and no word why, cannot start at all."""
TRIALS = 2
"""A suspect must take its worker down this often, alone, to be condemned: something else may kill workers too."""

Report = Callable[[SpanReport], None]
Look = Callable[[Callable[[], Standing]], None]
"""Called often, with what tells how the pool stands."""


class WorkersCannotStart(TurboForecastError):
    """Workers die before they take any series; the message says what the last one said."""


class FleetPool:
    """Works spans of a job on worker processes, whatever becomes of them."""

    def __init__(
        self, job: Job, workers: int, on_report: Report, say: Callable[[str], None], on_look: Look = lambda see: None
    ) -> None:
        self._job = job
        self._workers = workers
        self._on_report = on_report
        self._on_look = on_look
        self._say = say
        self._timeout = job.settings.series_timeout_seconds
        self._idle_breaks = 0
        self._condemned: dict[int, str] = {}

    def run(self, spans: Sequence[Span]) -> None:
        """Work all spans; returns when each has been reported. Raises WorkersCannotStart."""
        todo = deque(spans)
        while todo:
            suspects = self._work(todo, self._workers)
            for index in suspects:
                _take_out(todo, index)
                self._try_alone(index)

    def _try_alone(self, index: int) -> None:
        """A suspect in a pool of its own; if it dies there, its fallback only; if even that dies, its record."""
        if index not in self._condemned:
            for _ in range(TRIALS):
                if not self._dies_alone(index):
                    return
                if index in self._condemned:
                    break
            self._condemned.setdefault(index, "the worker process died while working on this series")
        if self._dies_alone(index, self._condemned[index]):
            self._record_lost(Span(index, index + 1), self._condemned[index])

    def _dies_alone(self, index: int, condemned: str | None = None) -> bool:
        single = deque([Span(index, index + 1)])
        while single:
            if self._work(single, 1, condemned):
                return True
        return False

    def _record_lost(self, span: Span, reason: str) -> None:
        """An outcome without rows, written by the parent: the coverage checks will name the series."""
        series = SeriesStore(self._job.store)[span.lo]
        lost = Result(series, outcome="failed", error_class=WORKER_DIED, error_message=reason, reasons=[reason])
        write_chunk(self._job.chunks, span, [lost], self._job.settings.field_of_entrants)
        self._on_report(SpanReport(span, failed=1, peak_memory_mb=0.0))

    def _work(self, todo: deque[Span], workers: int, condemned: str | None = None) -> list[int]:
        """Work spans off `todo` until it is empty or the pool breaks; then what is unfinished is back in
        `todo` and the series that were in hand are returned."""
        job = replace(self._job, board=_fresh_board(self._job.board))
        active: dict[Future[SpanReport], Span] = {}
        overdue: dict[int, str] = {}
        reported = 0
        mark = uuid4().hex
        starts = StartWatch(job, self._say)
        executor = ProcessPoolExecutor(
            min(workers, len(todo)), mp_context=get_context("spawn"), initializer=start, initargs=(job,)
        )
        try:
            while todo or active:
                while todo and len(active) < 2 * workers:
                    with _lean_start(mark):  # may find the pool broken: until it is accepted, a span stays in todo
                        future = executor.submit(work_span, todo[0], condemned)
                    active[future] = todo.popleft()
                done, _ = wait(active, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    report = future.result()
                    del active[future]
                    self._idle_breaks = 0
                    reported += len(report.span)
                    self._on_report(report)
                self._on_look(partial(standing, job.board, list(active.values()), todo, self._workers, reported))
                overdue |= self._kill_overdue(job, mark)
                _free_the_dead(executor, mark)
                starts.look(_processes(executor))
        except BrokenProcessPool:
            _finish_reported(active, self._on_report)
            todo.extendleft(sorted(active.values(), reverse=True))
            return self._suspects(job, overdue)
        finally:
            _end(executor, mark)
        return []

    def _suspects(self, job: Job, overdue: dict[int, str]) -> list[int]:
        """The series in hand when the pool broke; those that were ended for taking too long are condemned."""
        said = job.board / START_ERROR
        if said.exists() and said.stat().st_size:
            raise WorkersCannotStart(f"worker processes cannot start: {said.read_text()}")
        _require_room(job.board)
        suspects = sorted({post.series for post in in_hand(job.board)})
        self._condemned |= {index: f"the series {overdue[index]}" for index in suspects if index in overdue}
        self._idle_breaks = 0 if suspects else self._idle_breaks + 1
        if self._idle_breaks >= MAX_IDLE_BREAKS:
            raise WorkersCannotStart(f"worker processes died {MAX_IDLE_BREAKS} times while they had no series in hand")
        return suspects

    def _kill_overdue(self, job: Job, mark: str) -> dict[int, str]:
        """End the workers whose series takes too long. Their start does not count: it is no series' doing."""
        found = {}
        for post in in_hand(job.board):
            if time.monotonic() - post.since > self._timeout:
                found[post.series] = f"took longer than {self._timeout:g} s (series_timeout_seconds)"
                end_all([post.pid], mark)
        return found


def _finish_reported(active: dict[Future[SpanReport], Span], on_report: Report) -> None:
    """Report the spans that did finish before the pool broke, and drop them from `active`."""
    for future in list(active):
        if future.done() and future.exception() is None:
            del active[future]
            on_report(future.result())


def _take_out(todo: deque[Span], index: int) -> None:
    """Remove one series, already dealt with, from the spans still to be worked."""
    for position, span in enumerate(todo):
        if span.lo <= index < span.hi:
            rest = [Span(span.lo, index), Span(index + 1, span.hi)]
            del todo[position]
            todo.extendleft(part for part in reversed(rest) if len(part))
            return


def _fresh_board(board: Path) -> Path:
    shutil.rmtree(board, ignore_errors=True)
    with writing(board):
        board.mkdir(parents=True)
    return board


def _require_room(board: Path) -> None:
    """Raises StorageError when the disk is full: a worker that dies of it cannot leave word of it."""
    probe = board / "room"
    with writing(probe):
        probe.write_bytes(bytes(2**16))
        probe.unlink()


def _processes(executor: ProcessPoolExecutor) -> dict[int, BaseProcess]:
    """The workers by process id. There is no public way to them."""
    return dict(getattr(executor, "_processes", None) or {})


def _free_the_dead(executor: ProcessPoolExecutor, mark: str) -> None:
    """Where a worker has died, end what it forked: a fork keeps the pipe open by whose end the executor sees a death."""
    for pid in _processes(executor):
        with suppress(ChildProcessError):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                end_all([], mark)


def _end(executor: ProcessPoolExecutor, mark: str) -> None:
    """End the workers now, and what they have started: a cancelled run must not wait for work in hand."""
    processes = _processes(executor)
    executor.shutdown(wait=False, cancel_futures=True)
    end_all(list(processes), mark)
    for process in processes.values():
        process.join(timeout=5)


_starting = threading.Lock()


@contextmanager
def _lean_start(mark: str) -> Iterator[None]:
    """Processes started inside carry the mark of their pool, and do not import this process's main module.

    `spawn` makes every child import it to find pickled functions; ours live in `worker.py`, and a main module
    such as Dagster's command line would bring its thousand modules into each worker. They also inherit one
    thread a library, set before any library is imported: two workers on two cores are enough.
    """
    with _starting:  # what is changed here belongs to the whole process
        resource_tracker.ensure_running()  # multiprocessing's own helper serves the whole process: not to be marked
        wanted = {**dict.fromkeys(THREAD_LIMITS, "1"), MARK: mark}
        main, before = sys.modules["__main__"], {name: os.environ.get(name) for name in wanted}
        sys.modules["__main__"] = ModuleType("__main__")
        os.environ.update(wanted)
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value
