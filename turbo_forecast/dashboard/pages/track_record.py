"""Track record: how often what was said came true, of thresholds and of forecasts, with the misses by name.

Belongs here: the address's parameters, and how the answer is laid out in tables. Does not belong here: the answer
(`answers/track_record.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import polars as pl

from turbo_forecast import deep_links
from turbo_forecast.answers.track_record import EVERY_RESOURCE, TrackAnswer, TrackQuestion, track_record
from turbo_forecast.charts.reliability import reliability_marks
from turbo_forecast.dashboard.formats import name, probability, threshold
from turbo_forecast.dashboard.grid import Cell, Grid, grid
from turbo_forecast.dashboard.page import Page, Visit
from turbo_forecast.number_words import counted, day, number, points, whole

NAMED = 20
"""Misses, and false alarms, that are named."""
KINDS, POPULATIONS = ("series", "group"), ("below", "all")


def answer(visit: Visit) -> Mapping[str, Any]:
    """How often it was true. Raises TurboForecastError."""
    question = TrackQuestion(
        kind=cast(Any, visit.choice("kind", KINDS)),
        population=cast(Any, visit.choice("population", POPULATIONS)),
        resource=visit.text("resource") or EVERY_RESOURCE,
    )
    found = track_record(visit.month, question)
    width = visit.month.settings.interval_width
    return {
        "question": question,
        "found": found,
        "marks": reliability_marks(found.reliability),
        "width": width,
        "reliability": reliability_grid(found.reliability),
        "accuracy": accuracy_grid(found),
        "misses": named_grid(visit, found.misses, "Misses: reached, though less than 50 % was said", "No miss."),
        "false_alarms": named_grid(
            visit, found.false_alarms, "False alarms: not reached, though 50 % or more was said", "No false alarm."
        ),
        "over_time": over_time_grid(found.over_time),
        "by_month": by_month_grid(found.by_month, width),
        "forecasts": forecasts_grid(found.forecasts),
    }


def of(part: int | None, whole_of: int | None) -> str:
    """`12 of 20`; nothing where it is not known of how many."""
    return "" if part is None or whole_of is None else f"{whole(part)} of {whole(whole_of)}"


def reliability_grid(bins: pl.DataFrame) -> Grid:
    """What was said and what came true, bin by bin."""
    return grid(
        "Statements of about the same probability, of all thresholds and horizons",
        "Bin|> Said, on average|> Came true|> Statements|> Series",
        (
            [
                f"{10 * row['bin'] - 10}–{10 * row['bin']} %",
                probability(row["predicted"]),
                probability(row["observed"]),
                whole(row["n"]),
                whole(row["series"]),
            ]
            for row in bins.iter_rows(named=True)
        ),
        "No statement was scored.",
    )


def scored(row: Mapping[str, Any]) -> list[Cell | str]:
    """The cells that a row of OUTLOOK_ACCURACY and one of OUTLOOK_OVER_TIME share."""
    return [
        whole(row["n"]),
        Cell(probability(row["recall"]), of(row["hits"], row["events"])),
        Cell(
            probability(row["precision"]),
            of(row["hits"], row["predicted"]) if row["predicted"] is not None else "none of those that were said",
        ),
        number(row["skill"], 2),
        number(row["point_skill"], 2),
        counted(round(row["date_error_days"]), "day") if row["date_error_days"] is not None else "–",
    ]


SCORED = "> Statements|> Hits: of what was reached, said|> Of what was said, came true|> Brier skill|> Point forecast's|> Date off by"


def accuracy_grid(found: TrackAnswer) -> Grid:
    """Hits and false alarms, by threshold and horizon."""
    return grid(
        "Hits and false alarms on the backtest. Said means: with 50 % or more",
        f"Threshold|> Within|{SCORED}",
        (
            [threshold(row["threshold"]), counted(row["horizon_days"], "day"), *scored(row)]
            for row in found.accuracy.iter_rows(named=True)
        ),
        "No statement was scored.",
    )


def over_time_grid(rows: pl.DataFrame) -> Grid:
    """What became of earlier months' statements, within the longest horizon that has passed since."""
    rows = rows.filter(pl.col("horizon_days") == pl.col("horizon_days").max().over("forecast_cutoff"))
    return grid(
        "Statements that earlier months have published, against what was observed since, within the longest horizon that has passed",
        f"Said at the end of|> Threshold|> Within|{SCORED}",
        (
            [
                f"{row['forecast_cutoff']:%Y-%m}",
                threshold(row["threshold"]),
                counted(row["horizon_days"], "day"),
                *scored(row),
            ]
            for row in rows.iter_rows(named=True)
        ),
        "None yet: an earlier month must be published, and 30 days must have passed since.",
    )


def named_grid(visit: Visit, rows: pl.DataFrame, caption: str, empty_text: str) -> Grid:
    """Statements by name, so many as one looks through."""
    return grid(
        caption,
        "Host|Resource|> Threshold|> Level then|> Said|Likely day|Reached",
        (named(visit, row) for row in rows.head(NAMED).iter_rows(named=True)),
        empty_text,
        total=len(rows),
        where="the table outlook_backtest",
    )


def named(visit: Visit, row: Mapping[str, Any]) -> Sequence[Cell | str]:
    """A statement's cells; the name leads to its page."""
    link = deep_links.page(
        deep_links.HOST_PAGE.lstrip("/"),
        host=row["host_id"],
        resource=row["resource"],
        kind="group" if row["kind"] == "group" else None,
        month=visit.text("month"),
    )
    return [
        Cell(name(row["host_id"]), link=link),
        name(row["resource"]),
        threshold(row["threshold"]),
        "–" if row["level"] is None else f"{number(row['level'])} %",
        probability(row["probability"]),
        day(row["likely"]),
        day(row["actual"]),
    ]


def by_month_grid(rows: pl.DataFrame, width: float) -> Grid:
    """The published forecast's errors and intervals in the backtest."""
    return grid(
        "The published forecast on the backtest, by month ahead",
        f"Month ahead|> Mean error, points|> Bias, points|> MASE|> Days inside the {100 * width:g} % interval|"
        "> Series covered poorly|> Series",
        (
            [
                "whole backtest" if row["horizon_month"] == 0 else f"{row['horizon_month']}",
                number(row["mae"], 2),
                points(row["bias"]),
                Cell(number(row["mase"], 2), interval(row["mase_low"], row["mase_high"], row["mase_series"])),
                Cell(probability(row["coverage"]), f"of {whole(row['n'])}"),
                probability(row["poorly_covered"]),
                whole(row["series"]),
            ]
            for row in rows.iter_rows(named=True)
        ),
        "No series has a backtest.",
    )


def interval(low: float | None, high: float | None, series: int | None) -> str:
    """A mean's interval, and of how many series it is."""
    if low is None or high is None:
        return ""
    return f"{number(low, 2)} to {number(high, 2)}, of {whole(series)}"


def forecasts_grid(rows: pl.DataFrame) -> Grid:
    """Earlier months' published forecasts against what has happened since."""
    return grid(
        "Forecasts that earlier months have published, against what was observed since",
        "Made at the end of|> Month ahead|> Mean error, points|> Bias, points|> Days inside the interval|> Series",
        (
            [
                f"{row['forecast_cutoff']:%Y-%m}",
                whole(row["lead_month"]),
                number(row["mae"], 2),
                points(row["bias"]),
                Cell(probability(row["coverage"]), f"of {whole(row['n'])}"),
                whole(row["series"]),
            ]
            for row in rows.iter_rows(named=True)
        ),
        "None yet: an earlier month must be published.",
    )


PAGE = Page(deep_links.TRACK_RECORD, "Track record", "track_record.html", answer)
