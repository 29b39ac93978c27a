"""The month in a few sentences: what stands first in the report, and beside it in Dagster.

Belongs here: these sentences, as plain text. Does not belong here: how they are laid out.
"""

from collections.abc import Iterator
from datetime import date

import polars as pl

from turbo_forecast.answers.compare import JUMP_DAYS, Comparison
from turbo_forecast.answers.run_health import RunHealth
from turbo_forecast.number_words import counted
from turbo_forecast.report.content import ReportContent, RunsFull
from turbo_forecast.storage.outlook_findings import TrackRecord
from turbo_forecast.types import State


def in_short(content: ReportContent) -> list[str]:
    """The month's sentences, in the order of the report's sections."""
    warnings = len(content.month.manifest.warnings)
    return [
        " ".join(_runs_full(content.runs_full, content.month.windows.horizon_end)),
        _changes(content.changes),
        _record(content.record.statements),
        f"{_run(content.health)} {counted(warnings, 'check')} warned.",
    ]


def _runs_full(full: RunsFull, end: date) -> Iterator[str]:
    """Who is where, and when the first reaches its threshold."""
    if not full.series + full.groups:
        yield "Nothing is said of thresholds: no series has a forecast."
        return
    groups = f" and {counted(full.groups, 'group (by resource)', 'groups (by resource)')}" if full.groups else ""
    expected = full.count[State.EXPECTED]
    yield (
        f"Of {counted(full.series, 'series', 'series')}{groups}, {counted(full.count[State.OVER], 'is', 'are')} over "
        f"the threshold already, {counted(expected, 'is', 'are')} expected to reach it by {end}, and {full.count[State.POSSIBLE]:,} may."
    )
    if full.first_likely:
        yield f"The first that is expected reaches it around {full.first_likely}."


def _changes(changes: Comparison | None) -> str:
    if changes is None:
        return "No earlier month is published to compare with."
    earlier = changes.dates.filter(pl.col("days") < 0).height
    said = [
        f"{changes.breaches.height:,} newly expected or over",
        f"{changes.better.height:,} less urgent",
        f"{counted(changes.dates.height, 'likely day')} moved by {JUMP_DAYS} days or more, {earlier:,} of them earlier",
        f"{counted(changes.champions.height, 'other champion')}",
    ]
    return f"Since {changes.earlier.key}: {'; '.join(said)}."


def _record(said: TrackRecord | None) -> str:
    if said is None:
        return "How often such statements are true is not known yet: no series is long enough for a backtest."
    others = said.n - said.likely
    return (
        f"Of {counted(said.likely, 'statement')} of 50 % or more about series below their threshold, made before the backtest, "
        f"{_share(said.likely_true)} came true within {said.days} days; of {counted(others, 'other')}, {_share(said.others_true)}."
    )


def _run(health: RunHealth) -> str:
    outcomes = ", ".join(f"{n:,} {outcome}" for outcome, n in health.outcomes.items() if n)
    fits = counted(int(health.fits["fits"].sum()), "fit")
    failed = f"{health.failed_fits_count:,}" if health.failed_fits_count else "none"
    return f"{counted(health.series, 'series has', 'series have')} an outcome{': ' * bool(outcomes)}{outcomes}; {failed} of {fits} failed."


def _share(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.0f} %"
