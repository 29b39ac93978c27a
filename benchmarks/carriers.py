"""The same run on worker processes and on a Dask cluster of this machine: seconds, memory of each part, bytes.

Belongs here: what Dask costs, and how a run grows with the fleet. Does not belong here: faults (`faults/`).
"""

import hashlib
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from distributed import Client

from benchmarks.cluster import START_SECONDS, Cluster, cluster
from benchmarks.fleet import CUTOFF, repeated
from benchmarks.measuring import table
from benchmarks.scale import proportional_set_size
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.run import run_fleet
from turbo_forecast.fleet.store import write_store
from turbo_forecast.library.forecast import series_table
from turbo_forecast.settings import ForecastSettings, forecast_settings
from turbo_forecast.windows import run_windows

SAMPLED_EVERY_SECONDS = 0.5
FIELD: Mapping[str, Any] = {"entrants": ["prophet"], "folds": 0}
"""One entrant, two fits a series: the less a series takes, the more does what carries it show."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. seconds: from its first word to its results; memory: MiB (proportional set size) of each part at its largest."""

    seconds: float
    memory: Mapping[str, float]
    digest: str


def report(rows: pl.DataFrame, size: int, large: int, say: Callable[[str], None]) -> str:
    """The section of RESULTS.md: worker processes beside Dask's workers at `size` series, and one run of `large`."""
    series = series_table(rows.filter(pl.col("ds") <= CUTOFF), run_windows(CUTOFF, _settings({})).history_start)
    lines, digests = [], set()
    with TemporaryDirectory() as folder:
        store = write_store(repeated(series, size), Path(folder, "series.arrow"))
        run_alone(store, {"workers": 2}, {})  # pages warm, kernels compiled
        for workers in (1, 2, 3):
            processes = run_alone(store, {"workers": workers}, {})
            with cluster(workers, Path(folder, f"cluster-{workers}")) as there:
                dask = run_on(there, store)
            lines.append([str(workers), *_line(processes, dask)])
            digests |= {processes.digest, dask.digest}
            say(" | ".join(lines[-1]))
    with TemporaryDirectory() as folder:
        store = write_store(repeated(series, large), Path(folder, "series.arrow"))
        with cluster(2, Path(folder, "cluster")) as there:
            whole = run_on(there, store)
    say(f"{large} series: {whole}")
    memory = [[part, f"{mebibytes:,.0f}"] for part, mebibytes in sorted(whole.memory.items())]
    head = ["workers", "worker processes, s", "Dask, s", "Dask costs (goal: at most 10 %)"]
    return "\n\n".join(
        [
            f"## A Dask cluster beside worker processes\n\n{size:,} series, one entrant, two fits each; scheduler and workers are "
            f"processes of this machine, over TCP. Part files of all runs have the same bytes: {len(digests) == 1}.",
            table(head, lines),
            f"{large:,} series on two Dask workers: {whole.seconds:,.0f} s; memory at its largest, MiB (proportional set size):",
            table(["part", "MiB"], memory),
        ]
    )


def _line(processes: Measured, dask: Measured) -> list[str]:
    return [f"{processes.seconds:.1f}", f"{dask.seconds:.1f}", f"{dask.seconds / processes.seconds - 1:+.1%}"]


def run_on(there: Cluster, store: Path) -> Measured:
    """A run on a cluster whose workers are all there; each of its processes is watched."""
    with Client(there.address, timeout=START_SECONDS, set_as_default=False) as client:
        client.wait_for_workers(len(there.workers), timeout=START_SECONDS)
    pids = {f"worker {number}": worker.pid for number, worker in enumerate(there.workers, start=1)}
    assert there.scheduler is not None
    options = {"executor": {"kind": "dask", "address": there.address}}
    return run_alone(store, options, {"scheduler": there.scheduler.pid, **pids})


def _settings(options: Mapping[str, Any]) -> ForecastSettings:
    return forecast_settings(**FIELD, **options)


def run_alone(store: Path, options: Mapping[str, Any], parts: Mapping[str, int]) -> Measured:
    """A run in a process of its own, watched. parts: process ids whose memory is watched beside it, by name."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(store, dict(options), theirs))
    process.start()
    with watched({"the run": process.pid or 0, **parts}) as memory:
        seconds, digest = ours.recv()
        process.join()
    return Measured(seconds, memory, digest)


def _run(store: Path, options: Mapping[str, Any], to: Any) -> None:
    settings = _settings(options)
    with TemporaryDirectory(dir=store.parent) as folder:
        began = time.perf_counter()
        made = run_fleet(
            store,
            run_windows(CUTOFF, settings),
            settings,
            checkpoint=Path(folder, "run"),
            timer=AuditTimer(),
            log=lambda line: None,
        )
        to.send((time.perf_counter() - began, digest_of(made.rows_folder)))


def digest_of(folder: Path) -> str:
    """Hash of the names and bytes of a folder's files."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.parquet")):
        found.update(path.name.encode())
        found.update(path.read_bytes())
    return found.hexdigest()


@contextmanager
def watched(pids: Mapping[str, int]) -> Iterator[dict[str, float]]:
    """The largest memory of each process and what it has started, MiB, while the block lasts."""
    largest, end = dict.fromkeys(pids, 0.0), threading.Event()

    def look() -> None:
        while not end.wait(SAMPLED_EVERY_SECONDS):
            for name, pid in pids.items():
                largest[name] = max(largest[name], proportional_set_size(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield largest
    finally:
        end.set()
        thread.join()
