"""One month over all series: store in, one Parquet file and the outcomes out.

Belongs here: the order of things, resuming, and merging chunks. Does not belong here: Dagster, the warehouse.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from turbo_forecast.fleet import chunks
from turbo_forecast.fleet.audit import AuditTimer, Stage
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.fleet.lifecycle import PHASES
from turbo_forecast.fleet.pool import FleetPool
from turbo_forecast.fleet.progress import Progress
from turbo_forecast.fleet.scratch import chunk_folder, fresh
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.fleet.windows import Windows
from turbo_forecast.fleet.worker import Job, SpanReport
from turbo_forecast.models.registry import check_entrants, prepare_entrants
from turbo_forecast.schemas import FLEET_FORECAST, SERIES_OUTCOMES
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.files import write_parquet


@dataclass(frozen=True, slots=True)
class FleetRun:
    """What a run leaves: rows in the Parquet file, one outcome per series."""

    rows: int
    outcomes: pl.DataFrame


def run_fleet(
    store_path: Path,
    windows: Windows,
    settings: ForecastSettings,
    *,
    scratch: Path,
    target: Path,
    timer: AuditTimer,
    say: Callable[[str], None],
) -> FleetRun:
    """Forecast every series of the store into `target` (Parquet, columns of FLEET_FORECAST, sorted by series).

    `scratch` (of `scratch.unfinished`) keeps finished chunks until the caller has committed the results: after a
    crash, the same call (same series, settings, code) goes on from there; any other call starts clean.
    """
    check_entrants(settings)
    with timer.stage("prepare entrants"):
        prepare_entrants(settings, say)
    store = SeriesStore(store_path)
    timer.series, timer.workers = len(store), settings.worker_count
    with timer.stage("resume"):
        folder = chunk_folder(scratch, store, windows, settings)
    job = Job(store_path, folder, fresh(scratch / "temp"), scratch / "board", windows, settings)
    with timer.stage("forecast all series"):
        _work(job, len(store), settings, timer, say)
    with timer.stage("merge chunks"):
        spans = chunks.finished_spans(folder)
        outcomes = _outcomes(folder, spans, store, windows, timer)
        rows = write_parquet(_merged(folder, spans, store, windows, settings), FLEET_FORECAST.arrow_schema, target)
    return FleetRun(rows, outcomes)


def _work(job: Job, total: int, settings: ForecastSettings, timer: AuditTimer, say: Callable[[str], None]) -> None:
    finished = chunks.finished_spans(job.chunks)
    todo = chunks.unfinished(total, finished)
    progress = Progress(total, say, done=total - sum(len(span) for span in todo))

    def heard(report: SpanReport) -> None:
        timer.worker_memory_mb = max(timer.worker_memory_mb, report.peak_memory_mb)
        progress.add(len(report.span), report.failed)

    size = chunks.chunk_size(total, settings.worker_count, settings.chunk_size)
    FleetPool(job, settings.worker_count, heard).run(chunks.cut(todo, size))


def _tiling(spans: list[Span], total: int) -> Iterator[tuple[Span, int]]:
    """Each span with the first series that is taken from it, so that every series is taken exactly once."""
    at = 0
    for span in sorted(spans, key=lambda span: (span.lo, -span.hi)):
        if span.lo > at:
            break
        if span.hi > at:
            yield span, at
            at = span.hi
    if at != total:
        raise RuntimeError(f"series {at} of {total} is missing from the finished chunks")


def _merged(
    folder: Path, spans: list[Span], store: SeriesStore, windows: Windows, settings: ForecastSettings
) -> Iterator[pa.Table]:
    """The chunks' rows in series order, with names for numbers."""
    names = store.names()
    models, phases = pa.array(settings.field_of_entrants), pa.array(PHASES)
    for span, first in _tiling(spans, len(store)):
        rows = chunks.read_rows(folder, span)
        if first > span.lo:
            rows = rows.filter(pc.field("series") >= first)
        series = rows.column("series")
        yield pa.table(
            {
                "host_id": names.column(0).take(series),
                "resource": names.column(1).take(series),
                "model": models.take(rows.column("model")),
                "phase": phases.take(rows.column("phase")),
                "cutoff": pa.array(np.full(len(rows), windows.cutoff, dtype="datetime64[D]")),
                "ds": rows.column("ds").cast(pa.date32()),
                **{name: rows.column(name) for name in ("y", "yhat", "yhat_lower", "yhat_upper")},
            }
        )


def _outcomes(folder: Path, spans: list[Span], store: SeriesStore, windows: Windows, timer: AuditTimer) -> pl.DataFrame:
    """One row of SERIES_OUTCOMES per series; worker seconds go to the timer."""
    tables = [
        chunks.read_outcomes(folder, span).filter(pc.field("series") >= first)
        for span, first in _tiling(spans, len(store))
    ]
    found = pl.from_arrow(pa.concat_tables(tables) if tables else chunks.OUTCOMES_SCHEMA.empty_table())
    names = pl.from_arrow(store.names())
    assert isinstance(found, pl.DataFrame)
    assert isinstance(names, pl.DataFrame)
    timer.fits = int(found["fits"].sum())
    fit, predict = float(found["fit_seconds"].sum()), float(found["predict_seconds"].sum())
    everything = float(found["milliseconds"].sum()) / 1000
    for name, seconds in (("fit", fit), ("predict", predict), ("rest of the lifecycle", everything - fit - predict)):
        timer.stages.append(Stage(name, seconds, clock="worker"))
    return (
        names.hstack(found)
        .with_columns(
            pl.lit(windows.cutoff).alias("cutoff"),
            pl.col("first_ds", "last_ds").cast(pl.Date),
        )
        .pipe(SERIES_OUTCOMES.conform)
    )
