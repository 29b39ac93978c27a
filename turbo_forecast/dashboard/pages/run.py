"""Run: whether a month can be relied on: what became of each series, what failed, what checks say, where time went.

Belongs here: how the answer is laid out in tables. Does not belong here: the answer (`answers/run_health.py`).
"""

import os
from collections.abc import Mapping
from typing import Any

import polars as pl

from turbo_forecast import deep_links
from turbo_forecast.answers.run_health import MonthState, RunHealth, run_health
from turbo_forecast.dashboard.formats import name, probability
from turbo_forecast.dashboard.grid import MAX_ROWS, Cell, Grid, grid
from turbo_forecast.dashboard.page import Page, Visit
from turbo_forecast.number_words import moment, number, whole
from turbo_forecast.settings.environment import UI_URL
from turbo_forecast.text import one_line
from turbo_forecast.types import Status

LONGEST_MESSAGE = 300
"""Characters of an error's message."""
STAGES = 12
"""Stages that are named, the longest first."""
ENDS = {
    Status.OK: "ok",
    Status.RAISED: "raised an error",
    Status.TIMED_OUT: "took too long",
    Status.WORKER_DIED: "worker died",
    Status.MEMORY_EXCEEDED: "needed too much memory",
}


def answer(visit: Visit) -> Mapping[str, Any]:
    """How the month's run went. Raises TurboForecastError."""
    found = run_health(visit.published, visit.month, most=MAX_ROWS)
    return {
        "found": found,
        "run_link": deep_links.dagster_run(os.environ.get(UI_URL, ""), visit.month.manifest.run_id),
        "ui_variable": UI_URL,
        "completeness": completeness_grid(found),
        "reasons": grid(
            "Why the others have no plain forecast, and what limits those that have one",
            "Reason|Outcome|> Series",
            ([name(reason), outcome, whole(series)] for outcome, series, reason in found.reasons),
            "No series has anything to explain.",
        ),
        "failed": failed_grid(found.failed),
        "fits": fits_grid(found.fits),
        "failed_fits": failed_fits_grid(found),
        "checks": checks_grid(found.not_passed),
        "stages": stages_grid(found.stages),
        "slowest": grid(
            f"The {STAGES} stages that took longest, by the clock on the wall",
            "Stage|Asset|> Seconds",
            (
                [row["stage"], row["asset"], number(row["seconds"], 2)]
                for row in found.slowest.head(STAGES).iter_rows(named=True)
            ),
            "No time was recorded.",
        ),
        "every_month": months_grid(found.months),
    }


def completeness_grid(found: RunHealth) -> Grid:
    """That every series has an outcome."""
    return grid(
        f"What became of the {found.series:,} series",
        "Outcome|> Series|> Share",
        (
            [outcome, whole(count), probability(count / found.series) if found.series else "–"]
            for outcome, count in found.outcomes.items()
        ),
        "There is no series.",
    )


def message(text: str | None) -> str:
    """An error's message on one line, without what it may know of passwords in addresses."""
    return one_line(text, LONGEST_MESSAGE) if text else "–"


def failed_grid(rows: pl.DataFrame) -> Grid:
    """Series without any forecast, since something failed."""
    return grid(
        "Series that failed: they have no forecast",
        "Host|Resource|Error|Message",
        (
            [
                name(row["host_id"]),
                name(row["resource"]),
                name(row["error_class"] or "–"),
                message(row["error_message"]),
            ]
            for row in rows.head(MAX_ROWS).iter_rows(named=True)
        ),
        "No series failed.",
        total=len(rows),
        where="the table series_outcomes",
    )


def fits_grid(rows: pl.DataFrame) -> Grid:
    """How the entrants' fits ended."""
    wide: dict[str, dict[str, Mapping[str, Any]]] = {model: {} for model in rows["model"].unique(maintain_order=True)}
    for row in rows.iter_rows(named=True):
        wide[row["model"]][row["status"]] = row
    return grid(
        "Fits by entrant, and how they ended",
        "Entrant|" + "|".join(f"> {words}" for words in ENDS.values()) + "|> Milliseconds a fit",
        (
            [
                name(model),
                *(whole(by_status[status]["fits"]) if status in by_status else "0" for status in ENDS),
                number(by_status[Status.OK]["milliseconds"], 2) if Status.OK in by_status else "–",
            ]
            for model, by_status in wide.items()
        ),
        "No fit was recorded.",
    )


def failed_fits_grid(found: RunHealth) -> Grid:
    """Fits that did not end well: the entrant does not take part in the series, and the others do."""
    return grid(
        "Fits that did not end well: the entrant does not take part in that series, the others do",
        "Host|Resource|Entrant|Window|How|Error|Message",
        (
            [
                name(row["host_id"]),
                name(row["resource"]),
                name(row["model"]),
                row["window_name"],
                ENDS.get(row["status"], row["status"]),
                name(row["error_class"] or "–"),
                message(row["error_message"]),
            ]
            for row in found.failed_fits.iter_rows(named=True)
        ),
        "Every fit ended well.",
        total=found.failed_fits_count,
        where="the table model_runs",
    )


def checks_grid(rows: pl.DataFrame) -> Grid:
    """Checks that warned or failed."""
    return grid(
        "Checks of this month that have not passed",
        "Check|Result|Judged at",
        (
            [
                f"{row['asset']}.{row['check_name']}",
                Cell(row["result"], kind="over" if row["result"] == "failed" else "possible"),
                moment(row["recorded_at"]),
            ]
            for row in rows.iter_rows(named=True)
        ),
        "Every check of the month has passed.",
    )


def stages_grid(rows: pl.DataFrame) -> Grid:
    """Seconds by asset."""
    return grid(
        "Where time went, by asset: seconds by the clock on the wall, and summed over worker processes",
        "Asset|> Seconds|> Workers' seconds|> Largest memory so far, MB",
        (
            [
                row["asset"],
                number(row["seconds"], 2),
                number(row["worker_seconds"], 1) if row["worker_seconds"] else "–",
                number(row["peak_memory_mb"], 0),
            ]
            for row in rows.iter_rows(named=True)
        ),
        "No time was recorded.",
    )


def months_grid(months: tuple[MonthState, ...]) -> Grid:
    """Every month that there is."""
    kinds = {"complete": "unlikely", "failed": "over"}
    return grid(
        "All months: their state in the warehouse, and which run readers see",
        "Month|State|Reached|Begun|Published by run",
        (
            [
                Cell(each.month, link=deep_links.page("run", month=each.month) if each.published_by else ""),
                Cell(
                    each.standing.state,
                    kind=kinds.get(each.standing.state, "possible"),
                    quiet=", ".join(each.standing.failed),
                )
                if each.standing
                else "–",
                each.standing.reached or "–" if each.standing else "–",
                moment(each.standing.started_at) if each.standing else "–",
                each.published_by or "not published",
            ]
            for each in months
        ),
        "No month was ever begun.",
    )


PAGE = Page(deep_links.RUN, "Run", "run.html", answer)
