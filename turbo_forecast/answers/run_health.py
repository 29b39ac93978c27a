"""How a month's run went: what became of each series, what failed, where time went, what its checks say, of which telemetry.

Does not belong here: how runs are made, and layout.
"""

from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.reasons import folded
from turbo_forecast.schemas import MODEL_RUNS, MONTH_STEPS, RUN_AUDIT, SERIES_OUTCOMES
from turbo_forecast.storage.published.manifest import HistoryManifest, MonthStanding
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.types import Outcome, Status

NAMES = ["host_id", "resource"]


@dataclass(frozen=True, slots=True)
class MonthState:
    """A month that was ever begun, or is published: its state, and which run published what readers see; empty for none."""

    month: str
    standing: MonthStanding | None
    published_by: str


@dataclass(frozen=True, slots=True)
class RunHealth:
    """A month's run, as it was published.

    series: all that the base table had by the cutoff; outcomes: how many ended in each of them, all four named. reasons: by outcome,
    how often each kind of reason. failed: rows of SERIES_OUTCOMES that failed. fits: `model, status, fits, milliseconds` (the mean),
    by entrant. failed_fits: rows of MODEL_RUNS that are not ok, `failed_fits_count` of them in all. stages: `asset, seconds,
    worker_seconds, peak_memory_mb`, the longest first; slowest: `asset, stage, seconds` of the wall clock. checks: how many by
    result; not_passed: rows of MONTH_STEPS that warned or failed. warnings: a sentence for each. history: what the published
    telemetry is of now; read_since: whether it was read anew after the month was published.
    """

    series: int
    outcomes: dict[str, int]
    reasons: tuple[tuple[str, int, str], ...]
    failed: pl.DataFrame
    fits: pl.DataFrame
    failed_fits: pl.DataFrame
    failed_fits_count: int
    stages: pl.DataFrame
    slowest: pl.DataFrame
    checks: dict[str, int]
    not_passed: pl.DataFrame
    warnings: tuple[str, ...]
    history: HistoryManifest | None
    read_since: bool
    months: tuple[MonthState, ...]


def run_health(published: Published, month: PublishedMonth, *, most: int = 50) -> RunHealth:
    """How the run of a month went. most: rows of a list of failures. Raises StorageError."""
    outcomes = month.frame(SERIES_OUTCOMES)
    counted = {each.value: 0 for each in Outcome} | dict(outcomes["outcome"].value_counts().iter_rows())
    fits, broken, count = _fits(month, most)
    audit, steps, history = month.frame(RUN_AUDIT), month.frame(MONTH_STEPS), published.history()
    wall = audit.filter(clock="wall")
    is_check = pl.col("check_name") != ""
    return RunHealth(
        len(outcomes),
        counted,
        tuple(_reasons(outcomes)),
        outcomes.filter(outcome=Outcome.FAILED.value).sort(NAMES),
        fits,
        broken,
        count,
        _stages(audit),
        wall.sort("seconds", descending=True).head(most).select("asset", "stage", "seconds"),
        dict(steps.filter(is_check)["result"].value_counts().sort("result").iter_rows()),
        steps.filter(is_check, pl.col("result") != "passed").sort("result", "asset", "check_name"),
        tuple(month.manifest.warnings),
        history,
        history is not None and history.published_at > month.manifest.published_at,
        tuple(month_states(published)),
    )


def month_states(published: Published) -> list[MonthState]:
    """All months that were begun or are published, the latest first. Raises StorageError."""
    begun = {each.month: each for each in published.standings()}
    runs = {}
    for key in published.keys():  # noqa: SIM118  # a method of ours
        try:
            runs[key] = published.month(key).manifest.run_id
        except StorageError:  # damaged: its own page says so
            runs[key] = "its manifest cannot be read"
    return [MonthState(key, begun.get(key), runs.get(key, "")) for key in sorted({*begun, *runs}, reverse=True)]


def _reasons(outcomes: pl.DataFrame) -> list[tuple[str, int, str]]:
    """`outcome, series, reason`, in the order of outcomes, the most frequent first."""
    given = outcomes.filter(pl.col("reason").is_not_null())
    return [
        (outcome.value, series, text)
        for outcome in Outcome
        for series, text in folded(given.filter(outcome=outcome.value).select(*NAMES, "reason").iter_rows())
    ]


@lru_cache(maxsize=16)
def _fits(month: PublishedMonth, most: int) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Fits by entrant and how they ended; the first that did not end well, and how many of them there are.

    Kept, since a large fleet has hundreds of thousands of fits.
    """
    rows = month.read(MODEL_RUNS)
    counted = rows.group_by("model", "status").agg(fits=pl.len(), milliseconds=pl.col("milliseconds").mean())
    not_ok = rows.filter(pl.col("status") != Status.OK.value)
    by_status, broken = pl.collect_all([counted, not_ok.head(most)])
    ended_badly = by_status.filter(pl.col("status") != Status.OK.value)["fits"].sum()
    return by_status.sort("model", "status"), broken, int(ended_badly)


def _stages(audit: pl.DataFrame) -> pl.DataFrame:
    """Seconds of each asset, on the wall and summed over workers."""
    of = [pl.col("seconds").filter(pl.col("clock") == clock).sum().alias(name) for clock, name in _CLOCKS]
    return (
        audit.group_by("asset")
        .agg(*of, pl.col("peak_memory_mb").max())
        .sort("seconds", "asset", descending=[True, False])
    )


_CLOCKS = (("wall", "seconds"), ("worker", "worker_seconds"))
