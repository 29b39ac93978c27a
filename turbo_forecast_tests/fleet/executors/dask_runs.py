"""Runs of small fleets on a Dask cluster or on worker processes, for tests that compare them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.checkpoint import checkpoint_folder
from turbo_forecast.fleet.run import FleetRun, run_fleet
from turbo_forecast.fleet.store import write_store
from turbo_forecast.library.forecast import series_table
from turbo_forecast.settings import forecast_settings
from turbo_forecast.windows import run_windows
from turbo_forecast_tests.conftest import CUTOFF
from turbo_forecast_tests.fleet.by_hand import SHORT
from turbo_forecast_tests.fleet.test_run import digest
from turbo_forecast_tests.fleet.working import EVIL


@dataclass
class Finished:
    """A run's digest, its lines, its outcomes, and what it has cost."""

    digest: str
    lines: list[str]
    outcomes: pl.DataFrame
    timer: AuditTimer


def run(
    base: pl.DataFrame,
    folder: Path,
    *entrants: str,
    on: str | None = None,
    client: object = None,
    lines: list[str] | None = None,
    executor: dict[str, object] | None = None,
    **options: object,
) -> Finished:
    """A whole run in a folder; on the cluster at an address, else on two worker processes of this machine."""
    where = {"kind": "dask", "address": on, **(executor or {})} if on else {}
    names = [EVIL.format(name.removeprefix("own:")) if name.startswith("own:") else name for name in entrants]
    settings = forecast_settings(**{**SHORT, "entrants": names, "workers": 2, "executor": where, **options})
    windows = run_windows(CUTOFF, settings)
    store = write_store(series_table(base, windows.history_start), folder / "series.arrow")
    lines, timer = lines if lines is not None else [], AuditTimer()
    with checkpoint_folder(folder / "run") as checkpoint:
        made: FleetRun = run_fleet(
            store, windows, settings, checkpoint=checkpoint, timer=timer, log=lines.append, client=client
        )
        return Finished(digest(made), lines, made.outcomes, timer)


@dataclass
class Meanwhile:
    """A run in another thread, whose lines can be read while it works."""

    do: Callable[[list[str]], Finished]
    lines: list[str] = field(default_factory=list)
    result: Finished | None = None
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            self.result = self.do(self.lines)
        except BaseException as error:
            self.error = error

    def end(self, seconds: float) -> Finished:
        """Its result, or the error that ended it."""
        self._thread.join(timeout=seconds)
        assert not self._thread.is_alive(), f"the run has not ended; its last lines: {self.lines[-5:]}"
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result
