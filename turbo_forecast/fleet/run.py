"""One month over all series: map, reduce, map, reduce, map, reduce.

Belongs here: the order of things, and resuming. Does not belong here: what a map does to a part (`worker_steps.py`), what a
reduction decides (`decisions.py`), Dagster, the warehouse.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from turbo_forecast.fleet import chunks
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.checkpoint import run_folder, temporary
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.combining import COMBINE_LAST
from turbo_forecast.fleet.decisions import Reducer
from turbo_forecast.fleet.exchange import Exchange, SharedFolder
from turbo_forecast.fleet.executors.choice import executor_of
from turbo_forecast.fleet.executors.protocol import Executor
from turbo_forecast.fleet.outlook_learning import fit_outlook
from turbo_forecast.fleet.pieces import FORECAST_LAST
from turbo_forecast.fleet.progress import Progress
from turbo_forecast.fleet.publishing import PUBLISH_LAST
from turbo_forecast.fleet.records import model_runs, series_outcomes
from turbo_forecast.fleet.retry_policy import StoreLedger, Work
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.fleet.tasks import Job, Step, Task, TaskReport
from turbo_forecast.models.registry import check_entrants, prepare_entrants, warn_of_missing_origins
from turbo_forecast.schemas import (
    CALIBRATION,
    CHAMPIONS,
    FORECAST_INTERVALS,
    OUTLOOK_CALIBRATION,
    OUTLOOK_SERIES,
    TOURNAMENT_SCORES,
    TOURNAMENT_STANDINGS,
)
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.status_log import StatusLog
from turbo_forecast.storage.results import Results
from turbo_forecast.windows import Windows, folds_left_out


@dataclass(frozen=True, slots=True)
class FleetRun:
    """What a run leaves: folders to be published by renaming, before the block of `checkpoint.checkpoint_folder` ends, and frames.

    rows_folder, folds_folder: part files of FLEET_FORECAST and FOLD_FORECAST. results_folder: the small tables of the tournament, and the
    published rows (`storage/results.py`). outcomes: SERIES_OUTCOMES; model_runs: MODEL_RUNS; weights: COMBINATION_WEIGHTS.
    """

    rows_folder: Path
    folds_folder: Path
    results_folder: Path
    outcomes: pl.DataFrame
    model_runs: pl.DataFrame
    weights: pl.DataFrame


def run_fleet(
    store_path: Path,
    windows: Windows,
    settings: ForecastSettings,
    *,
    checkpoint: Path,
    timer: AuditTimer,
    log: Callable[[str], None],
    exchange: Exchange | None = None,
    client: object = None,
) -> FleetRun:
    """Forecast every series of the store, hold the tournament, and leave what is to be published.

    `checkpoint` (of `checkpoint.checkpoint_folder`) keeps what is finished of each map until the caller has stored the results and
    committed: after a crash, the same call (same series, settings, code) goes on from there; any other call starts clean.
    log: called with lines that begin with the month, one at a time; some come from another thread.
    exchange: how the run's files reach workers of other machines; by default all see `checkpoint` under the same path. What it
    shares is the caller's to remove, when the results are committed. client: a Dask client whose cluster works the series, whatever
    the settings say; it stays open.
    """
    exchange = exchange or SharedFolder()
    status = StatusLog(log, about=f"{windows.cutoff:%Y-%m}")
    check_entrants(settings)
    if (fewer := folds_left_out(settings)) is not None:
        status(fewer)
    warn_of_missing_origins(settings, windows.origins if settings.refit else windows.origins[:-1], status)
    with timer.stage("prepare entrants"), status.working("preparing the entrants"):
        prepare_entrants(settings, status)
    store = SeriesStore(store_path)
    timer.series = len(store)
    with timer.stage("resume"), status.working("looking for what was finished before"):
        folder = run_folder(checkpoint, store, windows, settings, exchange.recover)
    with temporary(checkpoint) as temp:
        job = Job(store_path, folder, temp, windows, settings)
        here = chunks.finished_spans(folder.forecast, FORECAST_LAST)
        exchange.share(job, [Task(Step.FORECAST, span) for span in here])
        with executor_of(job, exchange, client, status) as executor:
            work = Work(executor, StoreLedger(job, exchange), settings.series_timeout_seconds)
            made = _Run(folder, store, windows, settings, executor, work, timer, status).hold()
            timer.workers = executor.workers
            return made


@dataclass(frozen=True, slots=True)
class _Run:
    """One run at work."""

    folder: RunFolder
    store: SeriesStore
    windows: Windows
    settings: ForecastSettings
    executor: Executor
    work: Work
    timer: AuditTimer
    status: StatusLog

    def hold(self) -> FleetRun:
        """The maps and reductions in their order."""
        timer, status, results = self.timer, self.status, Results(self.folder.results)
        reduce = Reducer(self.folder, self.store, self.windows, self.settings)
        with timer.stage("forecast all series"):
            self._forecast()
        with timer.stage("learn weights"), status.working("learning the weights of the combination"):
            outcomes = series_outcomes(self.folder, self.store, self.windows, timer)
            runs = model_runs(self.folder, self.store, self.windows, timer)
            weights = reduce.learn()
        parts = chunks.parts_of(len(self.store))
        with timer.stage("combine and score"), status.working("combining and scoring the forecasts"):
            self._map(Step.COMBINE, self.folder.combine, COMBINE_LAST, parts)
        with timer.stage("choose champions"), status.working("choosing the champions"):
            scores = reduce.scores()
            champions = reduce.choose(scores)
        with timer.stage("calibrate"), status.working("calibrating the intervals"):
            calibration = reduce.calibrate(champions)
        with timer.stage("publish"), status.working("publishing the champions' rows"):
            self._map(Step.PUBLISH, self.folder.publish, PUBLISH_LAST, parts)
        with timer.stage("compare"), status.working("comparing the entrants"):
            standings = reduce.compare()
        with timer.stage("learn for the outlook"), status.working("learning for the outlook"):
            outlook = fit_outlook(self.folder, reduce.names, self.windows)
        with timer.stage("keep results"):
            made = ((TOURNAMENT_SCORES, scores), (CHAMPIONS, champions), (CALIBRATION, calibration))
            left = ((OUTLOOK_CALIBRATION, outlook.calibration), (OUTLOOK_SERIES, outlook.series))
            for table, frame in (*made, (TOURNAMENT_STANDINGS, standings), *left):
                results.write(table, frame)
            if not self.settings.extra_widths:  # otherwise the workers have left them in parts
                results.write(FORECAST_INTERVALS, pl.DataFrame(schema=FORECAST_INTERVALS.polars_schema))
        folder = self.folder
        return FleetRun(folder.rows, folder.folds, folder.results, outcomes, runs, weights)

    def _forecast(self) -> None:
        """The first map, with progress lines."""
        total, settings = len(self.store), self.settings
        todo = chunks.unfinished(total, chunks.finished_spans(self.folder.forecast, FORECAST_LAST))
        progress = Progress(total, self.status, done=total - sum(len(span) for span in todo))

        def on_report(report: TaskReport) -> None:
            self._note(report)
            progress.add(len(report.task.span), report.failed)

        size = self.executor.chunk_size(total, settings.chunk_size)
        self.work.run(Step.FORECAST, chunks.cut(todo, size), on_report, progress.look)

    def _map(self, step: Step, folder: Path, last: str, parts: Sequence[Span]) -> None:
        """A later map, over the parts that an earlier attempt has not finished."""
        finished = set(chunks.finished_spans(folder, last))
        self.work.run(step, [part for part in parts if part not in finished], self._note)

    def _note(self, report: TaskReport) -> None:
        self.timer.worker_memory_mb = max(self.timer.worker_memory_mb, report.peak_memory_mb)
