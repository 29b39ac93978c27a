"""What a complete month's report says of the outlook: what runs full next, and how often such statements were true.

Belongs here: the layout of both. Does not belong here: what they are asked from (`storage/outlook_findings.py`), and what the outlook's
own materialisations show (`outlook_metadata.py`).
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from turbo_forecast.defs.links import link_to_host
from turbo_forecast.defs.plots import reliability_diagram
from turbo_forecast.defs.reporting import SHOWN_AT_ONCE, Metadata, at_once, decimals, markdown, whole
from turbo_forecast.month_keys import month_key
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import OUTLOOK_RELIABILITY
from turbo_forecast.schemas.outlook import STATED
from turbo_forecast.storage.outlook_findings import (
    PLANNED_FOR,
    NextFull,
    level_of,
    next_full,
    record_by_threshold,
    track_record,
)
from turbo_forecast.storage.warehouse import month_rows
from turbo_forecast.text import markdown_text
from turbo_forecast.types import State

NAMED_AT_ONCE, FEWEST_AT_ONCE, NAMED = 5, 3, 30
"""Series and groups that are named where one looks first, at least with links, and in the report."""
HOST = "host_id"
NOTHING_SCORED = "It is not known yet: no series is long enough for a backtest."


def outlook_metadata(con: duckdb.DuckDBPyConnection, cutoff: date) -> Metadata:
    """What a complete month shows of its outlook without a click, and the numbers that Dagster plots over the months."""
    outlook, record = next_full(con, cutoff), track_record(con, cutoff)
    found: Metadata = {
        "next to run full": _at_once(outlook, month_key(cutoff)),
        "how often such statements were true": f"about series below their threshold: {record}"
        if record
        else NOTHING_SCORED,
        "series and groups over their threshold": outlook.count(State.OVER),
        "series and groups expected to reach it": outlook.count(State.EXPECTED),
    }
    skill = record.skill(record.brier) if record else None
    return found if skill is None else {**found, "Brier skill of the outlook": round(skill, 4)}


def _at_once(outlook: NextFull, month: str) -> dg.MetadataValue[Any] | str:
    """As many as Dagster shows without a click with a link each; without links where long names leave room for hardly any."""
    if outlook.ahead.is_empty():
        return str(outlook)
    for count in range(NAMED_AT_ONCE, FEWEST_AT_ONCE - 1, -1):
        linked = markdown(_linked(_rows(outlook, count), month), ready=HOST)
        if len(linked) < SHOWN_AT_ONCE:
            return dg.MetadataValue.md(linked)
    return at_once(_rows(outlook, NAMED_AT_ONCE).drop("kind"))


def next_to_run_full(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """Paragraphs of Markdown: how many are in which state, and who reaches a threshold next, by when and how surely."""
    outlook = next_full(con, cutoff)
    yield f"{markdown_text(str(outlook))}."
    if outlook.ahead.is_empty():
        return
    yield markdown(_linked(_rows(outlook, NAMED), month_key(cutoff)), ready=HOST)
    rest = len(outlook.ahead) - NAMED
    more = f"{counted(rest, 'more is', 'more are')} expected or possible: see capacity\\_outlook. " if rest > 0 else ""
    yield (
        f"{more}Of each series and group the threshold nearest to {PLANNED_FOR:g} %; the level is the mean of the last seven days. By the "
        "early, likely and late day the probability that such a mean has reached it is 10, 50 and 90 %."
    )


def _rows(outlook: NextFull, named: int) -> pl.DataFrame:
    """A row for each of the first so many."""
    rows = outlook.ahead.head(named)
    pairs = zip(rows["level"], rows["threshold"], strict=True)
    return rows.with_columns(now=pl.Series([level_of(*pair) for pair in pairs], dtype=pl.String)).select(
        *("kind", "host_id", "resource"),
        decimals("threshold", 4).str.strip_chars_end("0").str.strip_chars_end(".") + " %",
        "now",
        *(pl.col(name).cast(pl.String).fill_null("–") for name in ("early", "likely", "late")),
        *(decimals(f"probability_{days}", 0, 100, " %").alias(f"{days} days") for days in STATED),
    )


def _linked(rows: pl.DataFrame, month: str) -> pl.DataFrame:
    """The rows, whose names are links to their pages of the dashboard, in Markdown."""
    names = rows.select("host_id", "resource", "kind").iter_rows()
    shown = [link_to_host(host, resource, kind, month) for host, resource, kind in names]
    links = pl.Series(HOST, shown, dtype=pl.String)
    return rows.drop("kind").with_columns(links)


def how_often_true(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """Paragraphs of Markdown: the track record on the backtest, of all thresholds and of each, and the reliability diagram."""
    record = track_record(con, cutoff)
    if record is None:
        yield NOTHING_SCORED
        return
    yield (
        f"Of {counted(record.n, 'statement')} about series below their threshold, made before the backtest: {markdown_text(str(record))}."
    )
    yield markdown(
        record_by_threshold(con, cutoff).select(
            decimals("threshold", 0, 1, " %"),
            whole("n"),
            whole("events").alias("reached"),
            decimals("skill", 2).alias("Brier skill"),
            decimals("point_skill", 2).alias("point forecast's"),
            decimals("recall", 2),
            decimals("precision", 2),
            decimals("date_error_days", 0).alias("days off"),
        )
    )
    yield str(reliability_diagram(month_rows(con, OUTLOOK_RELIABILITY, cutoff)).value)
    yield "Points on the grey line mean what they say: of statements of 30 %, three of ten came true."
