"""Timing and tables shared by the benchmarks. Does not belong here: what is measured."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from turbo_forecast.fleet.audit import versions


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of repeated runs of the same thing."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return float(np.median(self.seconds))

    def milliseconds(self) -> str:
        """Median and middle half, in milliseconds."""
        low, mid, high = np.percentile(np.asarray(self.seconds) * 1000, [25, 50, 75])
        return f"{mid:,.2f} ({low:,.2f}–{high:,.2f})"


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def machine() -> str:
    """Where and when, with the versions that decide the numbers."""
    model = "unknown processor"
    with open("/proc/cpuinfo") as lines:
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    packages = ", ".join(f"{name} {number}" for name, number in versions().items())
    cores = len(os.sched_getaffinity(0))
    return f"{date.today()}, {cores} cores of {model}, Python {platform.python_version()}, {packages}"
