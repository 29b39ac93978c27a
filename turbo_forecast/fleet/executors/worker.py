"""A worker process: maps the store, builds its entrants once, works spans, and leaves when its parent dies.

Belongs here: what runs inside a worker. Imported by each worker at start, so imports here are counted.
Does not belong here: deciding what to do next (`pool.py`).
"""

import logging
import multiprocessing
import os
import resource
import signal
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

from turbo_forecast.fleet.chunks import Span, write_chunk
from turbo_forecast.fleet.executors.board import Post, present
from turbo_forecast.fleet.executors.descendants import MARK, descendants, end_all
from turbo_forecast.fleet.series_forecaster import Lifecycle
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.models.registry import build_entrant
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.windows import Windows

START_ERROR = "start-error"
"""The file on the board in which a worker that cannot start leaves the reason."""
SPARE_FILES = 16
"""Files that a worker must still be able to open at once after each series: to start CmdStan, to write its results."""


@dataclass(frozen=True, slots=True)
class Job:
    """All a worker must know, small enough to be sent to each: paths, windows, settings."""

    store: Path
    chunks: Path
    temp: Path
    board: Path
    windows: Windows
    settings: ForecastSettings


@dataclass(frozen=True, slots=True)
class SpanReport:
    """What the parent hears of a finished span; the results themselves are on disk."""

    span: Span
    failed: int
    peak_memory_mb: float


class Worker:
    """One worker's standing equipment."""

    def __init__(self, job: Job) -> None:
        self.post = Post(job.board)  # first: a start that never ends is seen too
        self.job = job
        self.store = SeriesStore(job.store)
        self.models = job.settings.field_of_entrants
        entrants = {}
        for number, name in enumerate(job.settings.singles):
            self.post.building(number)
            entrants[name] = build_entrant(name, job.settings)
        self.lifecycle = Lifecycle(job.windows, job.settings, entrants)
        self.post.idle()

    def work(self, span: Span, condemned: str | None) -> SpanReport:
        """Work every series of the span and publish the results. Raises StorageError."""
        results = []
        for index in range(span.lo, span.hi):
            self.post.taking(index)
            series = self.store[index]
            results.append(self.lifecycle.condemn(series, condemned) if condemned else self.lifecycle.run(series))
            self._require_fit_for_more()
            self.post.finished()
        self.post.writing()
        write_chunk(self.job.chunks, span, results, self.models)
        self.post.idle()
        failed = sum(result.outcome == "failed" for result in results)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return SpanReport(span, failed, peak)

    def _require_fit_for_more(self) -> None:
        """End this process, with the series in hand, when its entrants have left it without open files to spare.

        What comes next would fail for no fault of its own; a new worker can go on, and the pool finds out whether the
        series alone does this.
        """
        with suppress(OSError):
            self.job.temp.mkdir(exist_ok=True)  # shared, and an entrant may have tidied it away
        spare: list[int] = []
        try:
            while len(spare) < SPARE_FILES:
                spare.append(os.open("/", os.O_RDONLY))
        except OSError:
            os._exit(1)
        for handle in spare:
            os.close(handle)


_worker: Worker | None = None


def start(job: Job) -> None:
    """Process initializer. An error here would show only as a broken pool, so its text is left on the board."""
    global _worker
    os.setpgid(0, 0)  # a group of its own: Ctrl-C reaches only the parent
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_leave_with_parent, args=(job.board,), daemon=True).start()
    tempfile.tempdir = str(job.temp)
    logging.getLogger("concurrent.futures").disabled = True  # it prints what the board tells
    try:
        _worker = Worker(job)
    except BaseException as error:
        (job.board / START_ERROR).write_text(f"{type(error).__name__}: {error}")
        raise


def work_span(span: Span, condemned: str | None = None) -> SpanReport:
    """The task: series of `span`, or only their fallback when `condemned` says why."""
    assert _worker is not None
    return _worker.work(span, condemned)


def _leave_with_parent(board: Path) -> None:
    """Wait for the parent's end, then end this process and its children at once."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    # the other workers leave by themselves: who ended another would leave that one's children behind
    end_all(descendants([os.getpid()]), os.environ.get(MARK, ""), spare=present(board))
    os.killpg(0, signal.SIGKILL)
