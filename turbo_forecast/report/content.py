"""What a month's report tells, section by section, asked from what is published.

Belongs here: which sections there are, and how much of each is named. Does not belong here: the questions (`answers/`), and how
anything looks (`html.py`, `templates/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from turbo_forecast.answers.compare import Comparison, comparison
from turbo_forecast.answers.outlook import APPROACHING, OutlookQuestion, outlook_answer
from turbo_forecast.answers.planned import Planned, planned
from turbo_forecast.answers.record import Record, record
from turbo_forecast.answers.run_health import RunHealth, run_health
from turbo_forecast.answers.sparklines import WeeklyLevels, weekly_levels
from turbo_forecast.schemas import GROUP_MEMBERS
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.types import State

SERIES, GROUP = "series", "group"
FIRST, FIRST_OVER, MOST_GROUPS = 20, 12, 40
"""Rows that are named of who runs full next, of who is over already, and of the groups."""


@dataclass(frozen=True, slots=True)
class RunsFull:
    """Who runs full, of each series and group by the threshold that stands for it.

    count: series and groups by state; series, groups: how many there are. over, ahead: rows of `outlook_answer`, the most urgent
    first, FIRST_OVER and FIRST of them. first_likely: the first day by which one that is expected has a probability of a half.
    """

    count: Mapping[State, int]
    series: int
    groups: int
    over: pl.DataFrame
    ahead: pl.DataFrame
    first_likely: date | None

    @property
    def may_reach(self) -> int:
        """Series and groups that are not over their threshold, and may reach it."""
        return sum(self.count[state] for state in APPROACHING)


@dataclass(frozen=True, slots=True)
class ReportContent:
    """All that is told of a month.

    runs_full, planned, record, health: a section each. changes: since the published month before; None without one. groups: rows of `outlook_answer` with `hosts` and `present`, of groups
    alone, MOST_GROUPS of them.
    """

    month: PublishedMonth
    runs_full: RunsFull
    levels: WeeklyLevels
    changes: Comparison | None
    groups: pl.DataFrame
    planned: Planned
    record: Record
    health: RunHealth


def report_content(published: Published, month_key: str | None = None) -> ReportContent:
    """Ask all that the report of a month (YYYY-MM; the latest without) tells. Raises StorageError where it is not published."""
    month = published.month(month_key)
    rows = outlook_answer(month, OutlookQuestion())
    earlier = published.earlier(month, most=1)
    full = _runs_full(rows)
    return ReportContent(
        month=month,
        runs_full=full,
        levels=weekly_levels(published, month, full.ahead),
        changes=comparison(earlier[0], month) if earlier else None,
        groups=_groups(month, rows),
        planned=planned(month),
        record=record(month),
        health=run_health(published, month),
    )


def first_to_run_full(month: PublishedMonth) -> pl.DataFrame:
    """Rows of `outlook_answer` of those that every report of the month names."""
    return _runs_full(outlook_answer(month, OutlookQuestion())).ahead


def _runs_full(rows: pl.DataFrame) -> RunsFull:
    of_kind = {kind: int((rows["kind"] == kind).sum()) for kind in (SERIES, GROUP)}
    ahead = rows.filter(pl.col("state").is_in(APPROACHING))
    likely = rows.filter(pl.col("state") == State.EXPECTED)["likely"].min()
    assert likely is None or isinstance(likely, date)
    return RunsFull(
        count={state: int((rows["state"] == state).sum()) for state in State},
        series=of_kind[SERIES],
        groups=of_kind[GROUP],
        over=rows.filter(pl.col("state") == State.OVER).head(FIRST_OVER),
        ahead=ahead.head(FIRST),
        first_likely=likely,
    )


def _groups(month: PublishedMonth, rows: pl.DataFrame) -> pl.DataFrame:
    members = month.frame(GROUP_MEMBERS).group_by(pl.col("group_name").alias("host_id"), "resource")
    hosts = members.agg(pl.len().alias("hosts"), pl.col("present").sum())
    return (
        rows.filter(pl.col("kind") == GROUP)
        .head(MOST_GROUPS)
        .join(hosts, on=["host_id", "resource"], how="left", maintain_order="left")
    )
