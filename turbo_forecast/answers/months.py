"""The months there are: state and quality of each, and what to do about one that failed or was interrupted.

Belongs here: a month's facts in a line. Does not belong here: what moved between two months (`compare.py`).
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from turbo_forecast.errors import StorageError
from turbo_forecast.schemas import SERIES_OUTCOMES, TOURNAMENT_STANDINGS
from turbo_forecast.storage.published.manifest import MonthStanding
from turbo_forecast.storage.published.reading import Published, PublishedMonth

COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class MonthLine:
    """What is known of a month; what is None is not known, or there is none.

    month: YYYY-MM. state: complete, incomplete, failed; of the month as it is being made now, which may be again. run_id: the run
    that changed it last. reached: the last step that was stored, or the check that failed. failed: its blocking checks that have
    failed, `asset.check`. series: of the published month, as the rest: how many; mae in percentage points and mase of the published
    backtest, means over series; inside: share of its days inside the interval, in [0, 1]; warnings: a sentence each. published_at:
    UTC. to_do: one sentence where something is to be done.
    """

    month: str
    state: str
    run_id: str
    reached: str
    failed: tuple[str, ...]
    series: int | None
    mae: float | None
    mase: float | None
    inside: float | None
    warnings: tuple[str, ...]
    published_at: datetime | None
    published_by: str | None
    to_do: str | None

    @property
    def is_well(self) -> bool:
        """Whether it is complete and published."""
        return self.to_do is None


def month_lines(published: Published) -> list[MonthLine]:
    """Every month that was ever begun or published, the latest first. Raises StorageError."""
    standings = {standing.month: standing for standing in published.standings()}
    months = {month.key: month for month in published.months()}
    keys = sorted({*standings, *months}, reverse=True)
    return [_line(key, standings.get(key), months.get(key)) for key in keys]


def not_shown(published: Published, month: PublishedMonth) -> list[str]:
    """Sentences on months that are not what one sees: this one, where it is being made again, and later ones without an end."""
    notices = []
    for line in month_lines(published):
        if line.month == month.key and line.state != COMPLETE:
            notices.append(f"month {line.month} {_state(line)}: what is shown is of run {line.published_by}")
        elif line.month > month.key and not line.is_well:
            notices.append(f"month {line.month} {_state(line)}: it is not shown")
    return notices


def _line(key: str, standing: MonthStanding | None, month: PublishedMonth | None) -> MonthLine:
    to_do, quality = _to_do(key, standing, month), dict[str, float | None]()
    if month:
        try:
            quality = _quality(month)
        except StorageError as error:  # another version's month, or a damaged file: the rest of the line can be said
            to_do = to_do or str(error)
    return MonthLine(
        month=key,
        state=standing.state if standing else COMPLETE,
        run_id=standing.run_id if standing else (month.manifest.run_id if month else ""),
        reached=standing.reached if standing else "",
        failed=standing.failed if standing else (),
        series=month.row_count(SERIES_OUTCOMES) if month else None,
        mae=quality.get("mae"),
        mase=quality.get("mase"),
        inside=quality.get("coverage"),
        warnings=month.manifest.warnings if month else (),
        published_at=month.manifest.published_at if month else None,
        published_by=month.manifest.run_id if month else None,
        to_do=to_do,
    )


def _quality(month: PublishedMonth) -> dict[str, float | None]:
    """The published backtest over all series; nothing where no series has one. Raises StorageError."""
    whole = (pl.col("model") == "champion") & (pl.col("resource") == "all") & (pl.col("horizon_month") == 0)
    rows = month.read(TOURNAMENT_STANDINGS).filter(whole).select("mae", "mase", "coverage")
    found = month.collected(TOURNAMENT_STANDINGS, rows)
    return found.row(0, named=True) if len(found) else {}


def _to_do(key: str, standing: MonthStanding | None, month: PublishedMonth | None) -> str | None:
    again = f"turbo-forecast run --month {key}"
    if standing and standing.failed:
        checks = ", ".join(standing.failed)
        return f"{checks} failed: run {standing.run_id} says of which rows and what to do; then {again}"
    if standing and standing.state != COMPLETE:
        return (
            f"run {standing.run_id} is at work or ended half-way (reached: {standing.reached or 'nothing yet'}): where it has ended, "
            f"{again} goes on from there"
        )
    if month is None:
        return f"complete, but not published: {again}"
    return None


def _state(line: MonthLine) -> str:
    if line.failed:
        return f"has failed ({', '.join(line.failed)})"
    return "is complete, but not published" if line.state == COMPLETE else "is at work, or ended half-way"
