"""How the month's run went: whether every series has an outcome, what did not work, what checks said, where time went.

Belongs here: what of it readers are told. Does not belong here: checks themselves (`defs/checks/`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import polars as pl

from turbo_forecast.fleet.reasons import folded
from turbo_forecast.schemas import MODEL_RUNS, MONTH_STEPS, MONTHS, RUN_AUDIT, SERIES_OUTCOMES
from turbo_forecast.storage.findings import stages_of
from turbo_forecast.storage.months import FAILED, PASSED, WARNED
from turbo_forecast.storage.published.manifest import HistoryManifest, MonthStanding
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.types import Outcome, Status

MOST_REASONS, MOST_FAILURES, MOST_STAGES = 12, 12, 6
"""Kinds of reasons, kinds of failed fits, and stages that are named."""


@dataclass(frozen=True, slots=True)
class RunHealth:
    """How the run went.

    outcomes: series by outcome. reasons: `(series, text)`, MOST_REASONS of `reason_count`. fits, failed: how many were asked for and failed;
    failures: `model, status, error_class, fits, series, message`, MOST_FAILURES of `failure_count`, the most frequent first. passed,
    warned: checks; standing: the month's state where it is not as it was published any more. stages: `what, seconds`, the longest first;
    seconds: of all stages. started: when the forecast began. history: of the base table as it was read last.
    """

    outcomes: dict[Outcome, int]
    reasons: Sequence[tuple[int, str]]
    reason_count: int
    fits: int
    failed: int
    failures: pl.DataFrame
    failure_count: int
    passed: int
    warned: int
    standing: MonthStanding | None
    stages: pl.DataFrame
    seconds: float
    started: datetime | None
    history: HistoryManifest | None

    @property
    def series(self) -> int:
        """All that have an outcome."""
        return sum(self.outcomes.values())

    def __str__(self) -> str:
        """Which outcomes there are, and whether fits failed."""
        outcomes = ", ".join(f"{n:,} {outcome}" for outcome, n in self.outcomes.items() if n)
        fits = f"{self.failed:,} of {self.fits:,} fits failed" if self.failed else f"none of {self.fits:,} fits failed"
        return f"{self.series:,} series have an outcome{': ' * bool(outcomes)}{outcomes}; {fits}."


def run_health(published: Published, month: PublishedMonth) -> RunHealth:
    """How the month's run went."""
    outcomes = month.frame(SERIES_OUTCOMES)
    with_reason = outcomes.filter(pl.col("reason").is_not_null()).select("host_id", "resource", "reason")
    reasons = folded(with_reason.iter_rows())
    failures = _failures(month)
    steps = month.frame(MONTH_STEPS)["result"]
    stages = _stages(month)
    begun = month.frame(MONTHS)["started_at"]
    return RunHealth(
        outcomes={outcome: int((outcomes["outcome"] == outcome).sum()) for outcome in Outcome},
        reasons=reasons[:MOST_REASONS],
        reason_count=len(reasons),
        fits=month.row_count(MODEL_RUNS),
        failed=int(failures["fits"].sum()),
        failures=failures.head(MOST_FAILURES),
        failure_count=len(failures),
        passed=int((steps == PASSED).sum()),
        warned=int(steps.is_in([WARNED, FAILED]).sum()),
        standing=_changed_since(published, month),
        stages=stages.head(MOST_STAGES),
        seconds=float(stages["seconds"].sum()),
        started=begun[0] if len(begun) else None,
        history=published.history(),
    )


def _failures(month: PublishedMonth) -> pl.DataFrame:
    """Fits that failed, by entrant and kind of failure; read from the file, since a fleet has hundreds of thousands of fits."""
    return (
        month.read(MODEL_RUNS)
        .filter(pl.col("status") != Status.OK)
        .group_by("model", "status", "error_class")
        .agg(
            fits=pl.len().cast(pl.Int64),
            series=pl.struct("host_id", "resource").n_unique().cast(pl.Int64),
            message=pl.col("error_message").drop_nulls().first(),
        )
        .sort("fits", "model", "status", "error_class", descending=[True, False, False, False], nulls_last=True)
        .collect()
    )


def _stages(month: PublishedMonth) -> pl.DataFrame:
    with duckdb.connect() as con:
        con.register(RUN_AUDIT.name, month.frame(RUN_AUDIT).to_arrow())
        return stages_of(con, month.cutoff)


def _changed_since(published: Published, month: PublishedMonth) -> MonthStanding | None:
    """The month's state, where it is not complete, or another run has changed it since."""
    standing = next((each for each in published.standings() if each.month == month.key), None)
    return standing if standing and standing.state != "complete" else None
