"""Where the time went: a timer for stages, and what else a run is asked about afterwards.

Does not belong here: where an audit is stored.
"""

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import polars as pl

from turbo_forecast.schemas import RUN_AUDIT
from turbo_forecast.settings import ForecastSettings

DECISIVE_PACKAGES = (
    "turbo-forecast",
    "prophet",
    "cmdstanpy",
    "numba",
    "numpy",
    "polars",
    "duckdb",
    "pyarrow",
    "dagster",
)


@dataclass(slots=True)
class Stage:
    """Seconds of one stage, on the wall clock or summed over workers."""

    name: str
    seconds: float
    clock: str = "wall"


@dataclass(slots=True)
class AuditTimer:
    """Collects the stages of one asset's run."""

    stages: list[Stage] = field(default_factory=list)
    series: int = 0
    fits: int | None = None
    workers: int | None = None
    worker_memory_mb: float = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage on the wall clock, also when it fails."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.stages.append(Stage(name, time.perf_counter() - started))

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by stage, rounded for reading; worker seconds, which overlap, say so."""
        return {
            stage.name if stage.clock == "wall" else f"{stage.name} (worker seconds)": round(stage.seconds, 3)
            for stage in self.stages
        }

    def frame(self, asset: str, cutoff: date, settings: ForecastSettings, run_id: str) -> pl.DataFrame:
        """The audit as rows of RUN_AUDIT."""
        peak = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, self.worker_memory_mb)
        rows = [
            {
                "cutoff": cutoff,
                "asset": asset,
                "stage": stage.name,
                "seconds": stage.seconds,
                "clock": stage.clock,
                "series": self.series,
                "series_per_second": self.series / stage.seconds if stage.seconds > 0 and self.series else None,
                "fits": self.fits,
                "workers": self.workers,
                "peak_memory_mb": peak,
                "versions": json.dumps(versions()),
                "config_hash": settings.config_hash(),
                "run_id": run_id,
            }
            for stage in self.stages
        ]
        return pl.DataFrame(rows, schema=RUN_AUDIT.polars_schema)


@cache
def versions() -> dict[str, str]:
    """Versions of the packages that decide the numbers, as installed (one that is not installed is left out)."""
    found = {}
    for package in DECISIVE_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
