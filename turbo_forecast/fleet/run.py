"""One month over all series: store in, rows, outcomes and weights out.

Belongs here: the order of things, and resuming. Does not belong here: Dagster, the warehouse, how chunks are put
together (`merge.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from turbo_forecast.fleet import chunks
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.executors.processes import FleetPool
from turbo_forecast.fleet.executors.worker import Job, SpanReport
from turbo_forecast.fleet.merge import Finished, weights_table
from turbo_forecast.fleet.progress import Progress
from turbo_forecast.fleet.scratch import chunk_folder, temporary
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.fleet.tournament import RunRows
from turbo_forecast.models.registry import check_entrants, prepare_entrants, warn_of_missing_origins
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.windows import Windows, folds_left_out


@dataclass(frozen=True, slots=True)
class FleetRun:
    """What a run leaves: every entrant's rows and their folds, one outcome per series, the combination's weights.

    The rows are lazy: they are made of the finished chunks when they are read, and must be stored before these go.
    """

    rows: RunRows
    outcomes: pl.DataFrame
    weights: pl.DataFrame


def run_fleet(
    store_path: Path,
    windows: Windows,
    settings: ForecastSettings,
    *,
    scratch: Path,
    timer: AuditTimer,
    say: Callable[[str], None],
) -> FleetRun:
    """Forecast every series of the store.

    `scratch` (of `scratch.unfinished`) keeps finished chunks until the caller has stored the rows and committed the
    results: after a crash, the same call (same series, settings, code) goes on from there; any other call starts clean.
    say: called with lines that begin with the month, one at a time; some come from another thread.
    """
    log = StatusLog(say, about=f"{windows.cutoff:%Y-%m}")
    check_entrants(settings)
    if (fewer := folds_left_out(settings)) is not None:
        log(fewer)
    warn_of_missing_origins(settings, windows.origins if settings.refit else windows.origins[:-1], log)
    with timer.stage("prepare entrants"), log.working("preparing the entrants"):
        prepare_entrants(settings, log)
    store = SeriesStore(store_path)
    timer.series, timer.workers = len(store), settings.worker_count
    with timer.stage("resume"), log.working("looking for chunks that were finished before"):
        folder = chunk_folder(scratch, store, windows, settings)
    with timer.stage("forecast all series"), temporary(scratch) as temp:
        job = Job(store_path, folder, temp, scratch / "board", windows, settings)
        _work(job, len(store), settings, timer, log)
    finished = Finished(folder, store, windows, settings)
    with timer.stage("learn weights"), log.working("learning the weights of the combination"):
        outcomes = finished.outcomes(timer)
        weights = finished.weights(outcomes)
    rows = RunRows(finished.rows(weights), finished.folds(weights))
    return FleetRun(rows, outcomes, weights_table(weights, store, windows))


def _work(job: Job, total: int, settings: ForecastSettings, timer: AuditTimer, say: Callable[[str], None]) -> None:
    finished = chunks.finished_spans(job.chunks)
    todo = chunks.unfinished(total, finished)
    progress = Progress(total, say, done=total - sum(len(span) for span in todo))

    def heard(report: SpanReport) -> None:
        timer.worker_memory_mb = max(timer.worker_memory_mb, report.peak_memory_mb)
        progress.add(len(report.span), report.failed)

    size = chunks.chunk_size(total, settings.worker_count, settings.chunk_size)
    FleetPool(job, settings.worker_count, heard, say, progress.look).run(chunks.cut(todo, size))
