"""The printed summary of a finished month, a screen of text, from what was published.

Every mean says over what, every share of how many. Does not belong here: anything that changes what is stored, and
what the run that made the month has to say of itself (`defs/launched.py`).
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from turbo_forecast.fleet.reasons import folded
from turbo_forecast.month_keys import month_key
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import (
    BASE_TABLE,
    CAPACITY_OUTLOOK,
    CHAMPIONS,
    FORECAST_ACCURACY,
    OUTLOOK_BACKTEST,
    RUN_AUDIT,
    SERIES_OUTCOMES,
    TOURNAMENT_STANDINGS,
)
from turbo_forecast.schemas.outlook import STATED
from turbo_forecast.storage.findings import (
    champions_of,
    completeness_of,
    earlier_of,
    kinds_counted,
    stages_of,
    standings_of,
)
from turbo_forecast.storage.outlook_findings import PLANNED_FOR, level_of, next_full, track_record
from turbo_forecast.storage.published.layout import FOLDER, SQL
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.published.sql import month_views
from turbo_forecast.storage.reports import report_path
from turbo_forecast.text import printable

TABLES = (
    *(BASE_TABLE, SERIES_OUTCOMES, TOURNAMENT_STANDINGS, CHAMPIONS, FORECAST_ACCURACY),
    *(CAPACITY_OUTLOOK, OUTLOOK_BACKTEST, RUN_AUDIT),
)
"""What the facts are made of."""

REASONS = 5
"""Kinds of reasons that are shown."""
REASON_WIDTH = 150
NAMED = 5
"""Series and groups that are named."""
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
_DATES = "  ".join(f"{name:<10}" for name in ("early 10%", "likely 50%", "late 90%"))
_DAYS = " ".join(f"{days} days".rjust(8) for days in STATED)
STAGES = 3
"""Stages whose seconds are shown one by one."""


def summary(data: Path, cutoff: date) -> str:
    """Series and their outcomes, entrants' standings, who runs full next, seconds, and where the files are.

    All of it is read from what is published: nothing waits for a run, or lets one wait. Raises StorageError where the month
    is not published, or without one of the tables.
    """
    published = Published(data)
    month = published.month(month_key(cutoff))
    with month_views(published, month, TABLES) as con:
        return "\n".join(map(printable, [*lines_of(con, cutoff), *_files(data, cutoff)]))


def lines_of(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """The same without the files, from a connection that has the TABLES; names are in it as they are."""
    yield f"Month {cutoff:%Y-%m} (cutoff {cutoff})"
    yield from _completeness(con, cutoff)
    yield from _standings(con, cutoff)
    yield from _outlook(con, cutoff)
    yield from _time(con, cutoff)


def _files(data: Path, cutoff: date) -> Iterator[str]:
    partition = month_key(cutoff)
    yield f"Files: {data / 'forecast_parquet' / f'{partition}.parquet'} (master file)"
    yield f"       {data / 'fleet_forecast' / f'{partition}.parquet'} (every entrant)"
    yield f"       {data / 'warehouse.duckdb'} (tables)"
    yield f"       {data / FOLDER} (master file and tables for readers, in SQL: {SQL})"
    report = report_path(data, partition)
    if report.is_file():  # made after what is published, and none by an asset that was not chosen
        yield f"       {report} (the month's report, to be mailed)"


def _completeness(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    completeness = completeness_of(con, cutoff)
    yield f"Series: {completeness}"
    kinds = folded(completeness.reasons.iter_rows())
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
    yield "Champions: " + (kinds_counted(champions_of(con, cutoff).iter_rows()) or "none")
    yield from _earlier(con, cutoff)


def _explained(rows: pl.DataFrame) -> Iterator[str]:
    """Over how much the means are, and what the columns count that are no means over series."""
    series, days, scaled = rows.select("series", "n", "mase_series").row(0)
    where = "of all of them" if scaled == series else f"of the {scaled:,} where it is defined"
    yield f"  {series:,} series with {counted(days, 'observed day')}; MASE {where}. coverage: days inside the interval, by series;"
    yield "  of days: of all days together. wins: series where no entrant has a lower MAE; a tie counts for each."
    charged = rows.filter(pl.col("own") < pl.col("series")).select("model", pl.col("series") - pl.col("own"))
    if len(charged):
        by_model = ", ".join(f"{model} in {n:,}" for model, n in charged.iter_rows())
        yield f"  Series without a forecast of its own count with the fallback's: {by_model}."


def _earlier(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """What became of earlier months' published forecasts, once there are any."""
    rows = earlier_of(con, cutoff)
    if not rows.is_empty():
        yield "Earlier forecasts against what has happened since (published; over all days of all series, by months ahead):"
        yield from (
            f"  month {lead}: MAE {mae:.2f}, {inside:.1%} of {counted(days, 'day')} inside the interval ({counted(months, 'forecast')})"
            for lead, mae, inside, days, months in rows.iter_rows()
        )


def _outlook(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """Who reaches a threshold next, with what probability and by when; and how often such statements were true."""
    outlook = next_full(con, cutoff)
    yield f"Runs full next (7-day mean reaches {PLANNED_FOR:g} %, or the threshold nearest to it): {outlook}"
    ahead = outlook.ahead.head(NAMED)
    names = [[row["host_id"], row["resource"], f"{row['threshold']:g} %"] for row in ahead.iter_rows(named=True)]
    widths = [max(map(len, column)) for column in zip(("host", "resource", "reaches"), *names, strict=True)]
    if names:
        yield f"  {_aligned(['host', 'resource', 'reaches'], widths)} {'now':>7}  {_DATES}  {_DAYS}"
    for name, row in zip(names, ahead.iter_rows(named=True), strict=True):
        chances = " ".join(f"{_share(row[f'probability_{days}']):>8}" for days in STATED)
        dates = "  ".join(_day(row[each]) for each in ("early", "likely", "late"))
        yield f"  {_aligned(name, widths)} {level_of(row['level'], row['threshold']):>7}  {dates}  {chances}"
    rest = len(outlook.ahead) - len(ahead)
    if rest:
        yield f"  and {counted(rest, 'more that is', 'more that are')} expected or possible, in capacity_outlook"
    record = track_record(con, cutoff)
    unknown = "not known yet: no series is long enough for a backtest"
    yield f"  How often that was true of series below their threshold: {record or unknown}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))


def _day(day: date | None) -> str:
    return f"{'–' if day is None else day.isoformat():<10}"


def _share(probability: float | None) -> str:
    return "–" if probability is None else f"{probability:.0%}"


def _time(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """Seconds by stage, the longest by name; the lines add up to the total, rounded as they are."""
    rows = stages_of(con, cutoff)
    parts = [(round(seconds, 1), what) for what, seconds in rows.head(STAGES).iter_rows()]
    rest = rows[STAGES:]
    if len(rest):
        parts.append((round(rest["seconds"].sum(), 1), f"the {len(rest):,} other stages"))
    yield f"Seconds in the stages of this month's assets: {sum(seconds for seconds, _ in parts):.1f}, of which"
    yield from (f"  {seconds:7.1f}  {what}" for seconds, what in parts)
