"""What earlier months said of a host or group, and how it turned out: their forecasts, and their statements about thresholds.

Belongs here: one series' earlier publications against what has been observed since, up to the month's cutoff: nothing after it is read. Does
not belong here: how good all statements together were (`outlook/track_record.py`), and when a threshold is reached (`outlook/levels.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl

from turbo_forecast.answers.champion_words import Accuracy, accuracy_words
from turbo_forecast.answers.group_rows import days_as_first_known, group_days, group_forecast, level_before
from turbo_forecast.answers.names import Kind
from turbo_forecast.outlook.levels import Floats, first_day_reached, highest_so_far, is_evaluable, levels_after
from turbo_forecast.outlook.rows import BASELINE, GROUP
from turbo_forecast.schemas import CAPACITY_OUTLOOK, FORECAST_PARQUET, GROUP_FORECAST
from turbo_forecast.schemas.outlook import DAYS_BEFORE, LEVEL_DAYS, STATED
from turbo_forecast.storage.outlook_findings import level_of
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.types import Phase, State

MONTHS_SHOWN = 6
DECIMALS = 9
"""Of a group's bound, percent: as where all statements are scored (`storage/statement_outcomes.py`)."""


class Result(StrEnum):
    """What became of a statement about a threshold, up to the month's cutoff."""

    REACHED = "reached"
    """Within the days that the forecast had."""
    NOT_REACHED = "not reached"
    """And its days have passed."""
    OPEN = "open"
    """Not reached so far, and its days have not passed."""
    OVER = "over"
    """It was at the threshold already when the statement was made."""
    UNKNOWN = "unknown"
    """Too few days were observed to tell."""


STATEMENTS = {
    "month": pl.String,
    "cutoff": pl.Date,
    "threshold": pl.Float64,
    "level": pl.Float64,
    "state": pl.String,
    "probability": pl.Float64,
    "until": pl.Date,
    "likely": pl.Date,
    "reached": pl.Date,
    "result": pl.String,
    "text": pl.String,
}
FORECASTS = {
    "month": pl.String,
    "cutoff": pl.Date,
    "days": pl.Int64,
    "mae": pl.Float64,
    "bias": pl.Float64,
    "inside": pl.Float64,
    "interval_width": pl.Float64,
    "text": pl.String,
}
LINES = {"cutoff": pl.Date, "ds": pl.Date, "yhat": pl.Float64}


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier months said of one series, the latest month first.

    forecasts: a row for each month that had a forecast: how far off it was over the `days` observed since, mae and bias (yhat - y) in
    percentage points, inside (share of them within the interval, in [0, 1]) null where none was observed yet; text says it. statements: a
    row for each month and threshold: the probability that it is reached by the day `until`, the likely date, when it was reached, and a
    `Result`; text says it. lines: `cutoff, ds, yhat`, the forecasts as they were.
    """

    forecasts: pl.DataFrame
    statements: pl.DataFrame
    lines: pl.DataFrame


def earlier_answers(
    published: Published,
    month: PublishedMonth,
    name: str,
    kind: Kind,
    resources: Sequence[str],
    most: int | None = MONTHS_SHOWN,
) -> dict[str, Earlier]:
    """By resource, what the latest so many months before this one said of a host or group; of all of them where `most` is None."""
    months = published.earlier(month, most)
    if not months:
        return {resource: _gathered([]) for resource in resources}
    observed = _observed(published, month, months, name, kind)
    read = [(each, _forecast(each, name, kind), _statements(each, name, kind)) for each in months]
    return {
        resource: _gathered(
            [
                _SeriesInMonth(
                    each,
                    resource,
                    _of_resource(forecast, resource),
                    _of_resource(statements, resource),
                    _of_resource(observed, resource),
                    month.cutoff,
                )
                for each, forecast, statements in read
            ],
            _levels_of_all_capacity(months, name, kind, resource),
        )
        for resource in resources
    }


def _of_resource(rows: pl.DataFrame, resource: str) -> pl.DataFrame:
    return rows.filter(pl.col("resource") == resource)


def _observed(
    published: Published, month: PublishedMonth, months: list[PublishedMonth], name: str, kind: Kind
) -> pl.DataFrame:
    """`resource, ds, y` from the first days that a level after the earliest cutoff mixes in, up to the month's cutoff."""
    after = months[-1].cutoff - timedelta(days=LEVEL_DAYS)
    days = days_as_first_known([month, *months], name, after) if kind == GROUP else published.observed(name)
    return days.filter(pl.col("ds") > after, pl.col("ds") <= month.cutoff)


def _forecast(month: PublishedMonth, name: str, kind: Kind) -> pl.DataFrame:
    if kind == GROUP:
        found = group_forecast(month, name)[0] if month.has(GROUP_FORECAST) else GROUP_FORECAST.polars_schema.to_frame()
    else:
        found = month.of_host(FORECAST_PARQUET, name)
    return found.filter(pl.col("phase") == Phase.FORECAST).sort("ds")


def _statements(month: PublishedMonth, name: str, kind: Kind) -> pl.DataFrame:
    found = month.of_host(CAPACITY_OUTLOOK, name)
    return found.filter(pl.col("kind") == kind, pl.col("scenario") == BASELINE).sort("threshold")


def _levels_of_all_capacity(
    months: list[PublishedMonth], name: str, kind: Kind, resource: str
) -> dict[date, float | None]:
    """By cutoff, a group's level then in percent of all its capacity: statements are in percent of what was usable."""
    if kind != GROUP:
        return {}
    return {
        each.cutoff: level_before(_of_resource(group_days(each, name), resource), each.cutoff, LEVEL_DAYS)
        for each in months
    }


@dataclass(frozen=True, slots=True)
class _SeriesInMonth:
    """What one earlier month said of one series, and what was observed since, up to `known`."""

    month: PublishedMonth
    resource: str
    forecast: pl.DataFrame
    statements: pl.DataFrame
    observed: pl.DataFrame
    known: date

    @property
    def cutoff(self) -> date:
        return self.month.cutoff


def _gathered(months: list[_SeriesInMonth], levels_of_all: Mapping[date, float | None] | None = None) -> Earlier:
    forecasts = [_scored_forecast(each) for each in months if len(each.forecast)]
    statements = [row for each in months for row in _scored_statements(each, (levels_of_all or {}).get(each.cutoff))]
    lines = [each.forecast.select(pl.col(name).cast(dtype) for name, dtype in LINES.items()) for each in months]
    return Earlier(
        pl.DataFrame(forecasts, schema=FORECASTS, orient="row"),
        pl.DataFrame(statements, schema=STATEMENTS, orient="row"),
        pl.concat([pl.DataFrame(schema=LINES), *lines]),
    )


def _scored_forecast(series: _SeriesInMonth) -> tuple[Any, ...]:
    """A row of FORECASTS."""
    width = series.month.settings.interval_width
    since = (
        series.forecast.drop("y").join(series.observed.select("ds", "y"), on="ds").filter(pl.col("ds") <= series.known)
    )
    found = Accuracy.of(since)
    if found is None:
        text = f"{series.month.key}: no day of its forecast has been observed."
        return series.month.key, series.cutoff, 0, None, None, None, width, text
    text = f"{series.month.key}: its forecast was {accuracy_words(found, width)}."
    return series.month.key, series.cutoff, found.days, found.mae, found.bias, found.inside, width, text


def _scored_statements(series: _SeriesInMonth, level_of_all: float | None) -> Iterator[tuple[Any, ...]]:
    """Rows of STATEMENTS, by threshold."""
    if series.statements.is_empty():
        return
    end = min(series.cutoff + timedelta(days=STATED[-1]), series.month.windows.horizon_end)
    levels = _levels(series, min(end, series.known))
    for statement in series.statements.iter_rows(named=True):
        reached = _first_day(levels, _bound(statement, level_of_all), series.cutoff)
        if statement["state"] == State.OVER:
            result = Result.OVER
        elif reached is not None:
            result = Result.REACHED
        elif statement["level"] is None or not levels.size or not is_evaluable(levels)[0, -1]:
            result = Result.UNKNOWN
        else:
            result = Result.NOT_REACHED if end <= series.known else Result.OPEN
        if result is Result.UNKNOWN and end > series.known:
            result = Result.OPEN
        until, probability = _shown_horizon(statement, series, end, reached)
        text = _sentence(series.month.key, statement, until, probability, reached, result, end, series.known)
        yield (
            *(
                series.month.key,
                series.cutoff,
                statement["threshold"],
                statement["level"],
                statement["state"],
                probability,
                until,
            ),
            *(statement["likely"], reached, result.value, text),
        )


def _levels(series: _SeriesInMonth, until: date) -> Floats:
    """(1, h) the 7-day mean of each day after the statement's cutoff, NaN where fewer than four days were observed."""
    first = series.cutoff - timedelta(days=DAYS_BEFORE - 1)
    length = (until - first).days + 1
    values = np.full((1, length), np.nan)
    inside = series.observed.filter(pl.col("ds").is_between(first, until))
    values[0, (inside["ds"] - first).dt.total_days().to_numpy()] = inside["y"].to_numpy()
    return levels_after(values[:, :DAYS_BEFORE], values[:, DAYS_BEFORE:])


def _bound(statement: Mapping[str, Any], level_of_all: float | None) -> float:
    """The threshold in percent of what was observed; NaN of a group of which nothing was usable, or whose level was unknown."""
    if statement["kind"] != GROUP:
        return float(statement["threshold"])
    if level_of_all is None or not statement["level"]:
        return float("nan")
    return round(float(statement["threshold"]) * level_of_all / float(statement["level"]), DECIMALS)


def _first_day(levels: Floats, bound: float, cutoff: date) -> date | None:
    """The first day on which the level was at or above it; None where it never was."""
    if not levels.size:
        return None
    found = int(first_day_reached(highest_so_far(levels), np.array([[bound]]))[0, 0])
    return cutoff + timedelta(days=found) if found else None


def _shown_horizon(
    statement: Mapping[str, Any], series: _SeriesInMonth, end: date, reached: date | None
) -> tuple[date, float]:
    """The horizon that is shown, and its probability: the longest that has passed or within which it happened; else the shortest."""
    horizons = [
        (min(series.cutoff + timedelta(days=days), end), statement[f"probability_{days}"])
        for days in STATED
        if statement[f"probability_{days}"] is not None
    ]
    passed = [found for found in horizons if found[0] <= series.known]
    within = [found for found in horizons if reached is not None and found[0] >= reached][:1]
    return max([*passed, *within], default=horizons[0])


def _sentence(
    month: str,
    statement: Mapping[str, Any],
    until: date,
    probability: float,
    reached: date | None,
    result: Result,
    end: date,
    known: date,
) -> str:
    threshold = f"{statement['threshold']:g} %"
    if result is Result.OVER:
        return f"{month}: it was over {threshold} already, at {level_of(statement['level'], statement['threshold'])}."
    likely = f", likely on {statement['likely']}" if statement["likely"] else ""
    outcome = {
        Result.REACHED: f"reached on {reached}",
        Result.NOT_REACHED: "not reached",
        Result.OPEN: f"not reached up to {known}, open until {end}",
        Result.UNKNOWN: "too few days were observed since to tell",
    }[result]
    return f"{month}: {100 * probability:.0f} % to reach {threshold} by {until}{likely}; {outcome}."
