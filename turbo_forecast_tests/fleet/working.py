"""A fleet's work through the seam alone: a store, its chunks, and the policy on worker processes. No tournament is held."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from turbo_forecast.fleet.chunks import Span, cut, finished_spans
from turbo_forecast.fleet.executors.processes import ProcessExecutor, processes
from turbo_forecast.fleet.pieces import read_piece
from turbo_forecast.fleet.retry_policy import StoreLedger, Work
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.store import write_store
from turbo_forecast.fleet.tasks import Job, Step, TaskReport
from turbo_forecast.fleet.worker_steps import STEPS, Prepare
from turbo_forecast.library.forecast import series_table
from turbo_forecast.settings import forecast_settings
from turbo_forecast.windows import run_windows
from turbo_forecast_tests.conftest import CUTOFF, HISTORY_START, series_rows, wave
from turbo_forecast_tests.fleet.entrants import MARKED

EVIL = "turbo_forecast_tests.fleet.entrants:{}"


def fleet(size: int, marked: Sequence[int] = ()) -> pl.DataFrame:
    """A fleet in which some series carry the mark that evil entrants look for."""
    parts = []
    for index in range(size):
        y = wave(seed=index)
        if index in marked:
            y[0] = MARKED
        parts.append(series_rows(f"host-{index:03}", y))
    return pl.concat(parts)


def job_of(base: pl.DataFrame, folder: Path, entrants: str | Sequence[str], **options: object) -> Job:
    """A job whose files lie in the folder; an entrant's bare name is one of `entrants.py`."""
    names = [entrants] if isinstance(entrants, str) else entrants
    full = [name if ":" in name else EVIL.format(name) for name in names]
    settings = forecast_settings(**{"entrants": full, "folds": 0, **options})
    own = RunFolder(folder)
    for path in (own.forecast, folder / "temp"):
        path.mkdir(parents=True, exist_ok=True)
    store = write_store(series_table(base, HISTORY_START), folder / "series.arrow")
    return Job(store, own, folder / "temp", run_windows(CUTOFF, settings), settings)


@dataclass
class Forecast:
    """What the step FORECAST left, and what was heard meanwhile."""

    outcomes: pl.DataFrame
    models: dict[int, set[str]]
    reports: list[TaskReport] = field(default_factory=list)

    def named(self, outcome: str) -> list[int]:
        """The series of that outcome."""
        return self.outcomes.filter(pl.col("outcome") == outcome)["series"].to_list()


@contextmanager
def working(
    job: Job, workers: int, log: Callable[[str], None] = lambda line: None, steps: Mapping[Step, Prepare] = STEPS
) -> Iterator[tuple[Work, ProcessExecutor]]:
    """The policy on worker processes."""
    with processes(job, workers, log, steps) as executor:
        yield Work(executor, StoreLedger(job), job.settings.series_timeout_seconds), executor


def forecast(
    job: Job, series: int, *, chunk: int = 1, workers: int = 2, log: Callable[[str], None] = lambda line: None
) -> Forecast:
    """The step FORECAST of all series, in chunks of that size."""
    reports: list[TaskReport] = []
    with working(job, workers, log) as (work, _):
        work.run(Step.FORECAST, cut([Span(0, series)], chunk), reports.append)
    return Forecast(*left(job), reports)


def forecast_of(job: Job, span: Span) -> pl.DataFrame:
    """The outcomes of one chunk."""
    return pl.DataFrame(pl.from_arrow(read_piece(job.folder.forecast, span.stem, "outcomes")))


def left(job: Job) -> tuple[pl.DataFrame, dict[int, set[str]]]:
    """The outcomes among a job's chunks, and whose rows each series has."""
    folder = job.folder.forecast
    stems = [span.stem for span in sorted(finished_spans(folder, "outcomes"))]
    outcomes = pl.concat([pl.DataFrame(pl.from_arrow(read_piece(folder, stem, "outcomes"))) for stem in stems])
    models: dict[int, set[str]] = {}
    for stem in stems:
        rows = read_piece(folder, stem, "rows")
        for index, model in zip(rows["series"].to_pylist(), rows["model"].to_pylist(), strict=True):
            models.setdefault(index, set()).add(job.settings.field_of_entrants[model])
    return outcomes, models


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Return as soon as it holds; an AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
