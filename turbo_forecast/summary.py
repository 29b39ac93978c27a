"""What a finished month looks like, in a screen of text, from what was stored.

Every mean says over what, every share of how many. Does not belong here: anything that changes what is stored, and
what the run that made the month has to say of itself (`defs/launched.py`).
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.reasons import folded
from turbo_forecast.month_keys import month_key
from turbo_forecast.outlook.rows import STATED
from turbo_forecast.outlook.statements import STATES
from turbo_forecast.storage.findings import (
    champions_of,
    counted,
    coverage_of,
    earlier_of,
    is_recent,
    level_of,
    stages_of,
    standings_of,
    urgency_of,
)
from turbo_forecast.storage.outlook_findings import PLANNED_FOR, next_full, track_record
from turbo_forecast.storage.urgency import FULL_PERCENT, LEVEL_DAYS
from turbo_forecast.storage.warehouse import connected
from turbo_forecast.text import printable

REASONS = 5
"""Kinds of reasons that are shown."""
REASON_WIDTH = 150
NAMED, NAMED_FULL = 5, 2
"""Series that are named, and how many of them are full already where more than the others run full later."""
SHOWN = [
    "model",
    "mae",
    "mase",
    "mase_low",
    "mase_high",
    "mean_coverage",
    "coverage",
    "interval_score",
    "mean_rank",
    "wins",
]
"""Columns of the standings, as they are printed."""
_NAMES = ("host_id", "resource", "threshold")
STAGES = 3
"""Stages whose seconds are shown one by one."""


def summary(data: Path, cutoff: date) -> str:
    """Series and their outcomes, entrants' standings, who runs full, seconds, and where the files are.

    Raises StorageError where there is no warehouse, which is not made for this, or one without the tables of a month.
    """
    path = data / "warehouse.duckdb"
    if not path.exists():
        raise StorageError(f"{path} is not there: there is no month to tell of; run one first")
    try:
        with connected(path) as con:
            return "\n".join(map(printable, _lines(con, data, cutoff)))
    except duckdb.CatalogException as error:
        raise StorageError(
            f"{path} cannot tell of {cutoff:%Y-%m}: {str(error).splitlines()[0]} Run the month again"
        ) from error


def _lines(con: duckdb.DuckDBPyConnection, data: Path, cutoff: date) -> Iterator[str]:
    yield f"Month {cutoff:%Y-%m} (cutoff {cutoff})"
    yield from _coverage(con, cutoff)
    yield from _standings(con, cutoff)
    yield from _outlook(con, cutoff)
    yield from _fullest(con, cutoff)
    yield from _time(con, cutoff)
    partition = month_key(cutoff)
    yield f"Files: {data / 'forecast_parquet' / f'{partition}.parquet'} (master file)"
    yield f"       {data / 'fleet_forecast' / f'{partition}.parquet'} (every entrant)"
    yield f"       {data / 'warehouse.duckdb'} (tables)"


def _coverage(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    coverage = coverage_of(con, cutoff)
    yield f"Series: {coverage}"
    kinds = folded(coverage.reasons.iter_rows())
    yield from (f"  {n:7,} × {_cut(why)}" for n, why in kinds[:REASONS])
    if kinds[REASONS:]:
        yield f"          and {len(kinds) - REASONS:,} other kinds of reasons, in series_outcomes.reason"


def _cut(text: str) -> str:
    return text if len(text) <= REASON_WIDTH else f"{text[: REASON_WIDTH - 2]} …"


def _standings(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    yield (
        f"{'Backtest, means over series:':<30} {'MAE':>6} {'MASE (95 % interval)':>20} {'coverage':>9} "
        f"{'of days':>8} {'interval score':>15} {'rank':>6} {'wins':>7}"
    )
    rows = standings_of(con, cutoff)
    if rows.is_empty():
        yield "  none: no series is long enough for a backtest"
    for model, mae, mase, low, high, coverage, days, interval, rank, wins in rows.select(SHOWN).iter_rows():
        scaled = f"{mase:6.3f} ({low:.3f}–{high:.3f})" if mase is not None else "     –              "
        name = "champion (published)" if model == "champion" else model
        yield (f"  {name:<28} {mae:6.2f} {scaled} {coverage:9.1%} {days:8.1%} {interval:15.1f} {rank:6.2f} {wins:7,}")
    if not rows.is_empty():
        yield from _explained(rows)
    yield "Champions: " + (counted(champions_of(con, cutoff).iter_rows()) or "none")
    yield from _earlier(con, cutoff)


def _explained(rows: pl.DataFrame) -> Iterator[str]:
    """Over how much the means are, and what the columns count that are no means over series."""
    series, days, scaled = rows.select("series", "n", "mase_series").row(0)
    where = "of all of them" if scaled == series else f"of the {scaled:,} where it is defined"
    yield f"  {series:,} series with {days:,} observed days; MASE {where}. coverage: days inside the interval, by series;"
    yield "  of days: of all days together. wins: series where no entrant has a lower MAE; a tie counts for each."
    charged = rows.filter(pl.col("own") < pl.col("series")).select("model", pl.col("series") - pl.col("own"))
    if len(charged):
        told = ", ".join(f"{model} in {n:,}" for model, n in charged.iter_rows())
        yield f"  Series without a forecast of its own count with the fallback's: {told}."


def _earlier(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """What became of earlier months' published forecasts, once there are any."""
    rows = earlier_of(con, cutoff)
    if not rows.is_empty():
        yield "Earlier forecasts against what has happened since (published; over all days of all series, by months ahead):"
        yield from (
            f"  month {lead}: MAE {mae:.2f}, {inside:.1%} of {days:,} days inside the interval ({months} forecast{'s' if months > 1 else ''})"
            for lead, mae, inside, days, months in rows.iter_rows()
        )


def _outlook(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """Who reaches a threshold next, with what probability and by when; and how often such statements were true."""
    outlook = next_full(con, cutoff)
    counted_states = " · ".join(f"{outlook.count(state):,} {state}" for state in STATES)
    yield f"Outlook (7-day mean reaches {PLANNED_FOR:g} %, or the threshold nearest to it): {counted_states}"
    ahead = outlook.ahead.head(NAMED)
    names = [f"{host} {resource} {threshold:g} %" for host, resource, threshold in ahead.select(*_NAMES).iter_rows()]
    width = max([len("next"), *map(len, names)])
    if names:
        yield f"  {'next':<{width}} {'now':>7} {'30 days':>8} {'91 days':>8} {'182 days':>8}  10 %        50 %        90 %"
    for name, row in zip(names, ahead.iter_rows(named=True), strict=True):
        chances = " ".join(f"{_share(row[f'probability_{days}']):>8}" for days in STATED)
        dates = "  ".join(_day(row[name]) for name in ("early", "likely", "late"))
        level = "–" if row["level"] is None else f"{row['level']:.1f} %"
        yield f"  {name:<{width}} {level:>7} {chances}  {dates}".rstrip()
    rest = len(outlook.ahead) - len(ahead)
    if rest:
        yield f"  and {rest:,} more, in capacity_outlook"
    yield from _track_record(con, cutoff)


def _track_record(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    rows = track_record(con, cutoff)
    if rows.is_empty():
        yield "  How often such statements are true is not known yet: no series is long enough for a backtest"
        return
    told = [
        f"{n:,} of {'50 % or more' if half else 'less'}, {happened:.0%} came true (said: {said:.0%})"
        for _, n, _, half, said, happened in rows.iter_rows()
    ]
    series, days = max(rows["series"]), rows["horizon_days"][0]
    yield f"  Of such statements before the backtest, within {days} days, of up to {series:,} series below their threshold:"
    yield f"  of {'; of '.join(told)}"


def _day(day: date | None) -> str:
    return f"{'–' if day is None else day.isoformat():<10}"


def _share(probability: float | None) -> str:
    return "–" if probability is None else f"{probability:.0%}"


def _fullest(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """The series that are full, or will be in the horizon: the most urgent by name, the others counted."""
    urgency = urgency_of(con, cutoff)
    if urgency.found.is_empty():
        yield f"Run full: {urgency}"
        return
    already, later = urgency.already, urgency.later
    yield f"Run full first ({FULL_PERCENT:g} % or more; now: mean of the last {LEVEL_DAYS} observed days): {urgency}"
    upcoming = min(len(later), NAMED - min(NAMED_FULL, len(already)))
    full = min(len(already), NAMED - upcoming)
    for row in already.head(full).iter_rows(named=True):
        below = "" if row["day"] else f" (below {FULL_PERCENT:g} % again)"
        yield f"  already     {_named(row, cutoff)}, forecast {level_of(row['peak'])} at most{below}"
    if len(already) > full:
        yield f"              and {len(already) - full:,} more that are full already"
    for row in later.head(upcoming).iter_rows(named=True):
        top = f"{level_of(row['peak'])} at most (on {row['peak_day']})"
        yield f"  {row['day']}  {_named(row, cutoff)}, forecast {level_of(row['reached'])} that day, {top}"
    yield from _rest(later, upcoming)


def _named(row: dict[str, Any], cutoff: date) -> str:
    """The series and where it stands; a level that is not of the last week says of when it is."""
    last = row["last_day"]
    seen = "now" if is_recent(last, cutoff) else f"when last seen ({last})"
    return f"{row['host_id']} {row['resource']}: {level_of(row['level'])} {seen}"


def _rest(later: pl.DataFrame, named: int) -> Iterator[str]:
    """How many of those that will run full are not named, and how many of them on the day of the last that is."""
    rest = later[named:]
    if len(rest):
        last = later["day"][named - 1]
        tied = rest.filter(pl.col("day") == last).height
        yield f"              and {len(rest):,} more" + (f", {tied:,} of them also on {last}" if tied else "")


def _time(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """Seconds by stage, the longest by name; the lines add up to the total, rounded as they are."""
    rows = stages_of(con, cutoff)
    parts = [(round(seconds, 1), what) for what, seconds in rows.head(STAGES).iter_rows()]
    rest = rows[STAGES:]
    if len(rest):
        parts.append((round(rest["seconds"].sum(), 1), f"the {len(rest):,} other stages"))
    yield f"Seconds in the stages of this month's assets: {sum(seconds for seconds, _ in parts):.1f}, of which"
    yield from (f"  {seconds:7.1f}  {what}" for seconds, what in parts)
