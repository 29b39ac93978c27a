"""A month's report in Markdown, the short one beside it, and the numbers that Dagster plots over the months.

Belongs here: what is shown, in which order, and how it is laid out. Does not belong here: what it is asked from
(`storage/findings.py`), plots (`plots.py`), and the printed summary (`summary.py`).

Dagster shows short Markdown and tables at once, and longer Markdown behind a click (`reporting.at_once`). So the month in
short and who runs full next are metadata of their own, and the reports have all of it, with the plots. The outlook is made of the
master file: what it says stands in the complete month's report (`outlook_report.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from turbo_forecast.defs.outlook_report import how_often_true, next_to_run_full, outlook_metadata
from turbo_forecast.defs.plots import fleet_outlook
from turbo_forecast.defs.reporting import SHOWN_AT_ONCE, Metadata, decimals, markdown, whole
from turbo_forecast.fleet.reasons import folded
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import FORECAST_ACCURACY
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.accuracy import latest_month_scored
from turbo_forecast.storage.findings import (
    Completeness,
    backtest_of,
    champions_of,
    completeness_of,
    earlier_of,
    kinds_counted,
    stages_of,
    standings_of,
)
from turbo_forecast.storage.months import settled_months
from turbo_forecast.text import markdown_text

LONGEST_WARNING = 1_000
"""A check's description says what is wrong and then what to do: both are wanted here."""
REASONS, RESOURCES, STAGES = 20, 20, 20
OUTCOMES = ("forecast", "fallback", "retired", "failed")
_NOTHING_SCORED = pl.DataFrame(schema={"lead_month": pl.Int32, "mae": pl.Float64, "inside": pl.Float64})


@dataclass(frozen=True, slots=True)
class MonthFacts:
    """What is known of a month when its master file is there.

    backtest: as `backtest_of` gives it; scored: as `latest_month_scored` does; champions: `model, n`.
    warnings: what checks have found so far, a sentence each. interval_width: the published interval's share of days.
    """

    cutoff: date
    interval_width: float
    completeness: Completeness
    champions: pl.DataFrame
    backtest: pl.DataFrame
    scored: pl.DataFrame
    warnings: Sequence[str]

    @property
    def fleet(self) -> dict[str, Any]:
        """The backtest over all resources; empty where no series has one."""
        return self.backtest.row(0, named=True) if len(self.backtest) else {}

    @property
    def month_ahead(self) -> dict[str, Any]:
        """How good the forecast of the month before was for this month; empty without one."""
        rows = self.scored.filter(pl.col("lead_month") == 1)
        return rows.row(0, named=True) if len(rows) else {}

    @property
    def interval(self) -> str:
        """`80 % interval`."""
        return f"{100 * self.interval_width:g} % interval"


def month_facts(
    con: duckdb.DuckDBPyConnection,
    cutoff: date,
    interval_width: float,
    *,
    published: str,
    scored: pl.DataFrame = _NOTHING_SCORED,
    warnings: Iterable[str] = (),
) -> MonthFacts:
    """Ask the warehouse and the master file, whose rows' SQL is `published`."""
    return MonthFacts(
        cutoff,
        interval_width,
        completeness_of(con, cutoff),
        champions_of(con, cutoff),
        backtest_of(con, cutoff, published),
        scored,
        list(warnings),
    )


def master_metadata(
    con: duckdb.DuckDBPyConnection,
    cutoff: date,
    settings: ForecastSettings,
    *,
    published: str,
    masters: Mapping[date, Path],
    warnings: Sequence[str],
) -> Metadata:
    """What the master file's materialisation shows.

    published: SQL for the rows that the master file will hold; masters: the files of all months, by cutoff. Whatever is
    shown is asked from what comes before the master file, from its own rows and from earlier months' files, so that nothing
    in it is of an earlier run.
    """
    facts = month_facts(
        con,
        cutoff,
        settings.interval_width,
        published=published,
        scored=latest_month_scored(
            con, cutoff, masters, settled_months(con, cutoff, FORECAST_ACCURACY.name), settings.horizon_months
        ),
        warnings=warnings,
    )
    fleet = fleet_outlook(con, cutoff, published, settings.interval_width)
    return {
        "in short": in_short(facts),
        "report": dg.MetadataValue.md(report(facts, fleet)),
        **numbers(facts),
    }


def numbers(facts: MonthFacts) -> Metadata:
    """Metadata of which Dagster draws a line over the months: the same keys every month, units in their names.

    A figure that does not exist (no series has a backtest, say) is left out.
    """
    outcomes = dict(facts.completeness.outcomes.iter_rows())
    live = facts.completeness.live
    found: Metadata = {
        "series": live,
        "share of series with an outcome": facts.completeness.with_outcome / live if live else None,
        **{f"series with outcome {name}": outcomes.get(name, 0) for name in OUTCOMES},
        "champions' mean MASE over series": facts.fleet.get("mase"),
        "champions' mean MAE over series (points)": facts.fleet.get("mae"),
        "backtest days inside the interval (percent)": _percent(facts.fleet.get("inside")),
        "MAE of the forecast of the month before (points)": facts.month_ahead.get("mae"),
        "days inside the interval of the month before (percent)": _percent(facts.month_ahead.get("inside")),
        "warnings so far": len(facts.warnings),
    }
    return {name: round(value, 4) for name, value in found.items() if value is not None}


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def in_short(facts: MonthFacts) -> dg.MarkdownMetadataValue:
    """The month in some lines that Dagster shows without a click."""
    lines = [f"- {line}" for line in _short_lines(facts)]
    while len("\n".join(lines)) >= SHOWN_AT_ONCE:  # entrants, checks and outcomes may have long names
        lines.pop()
    return dg.MetadataValue.md("\n".join(lines))


def _short_lines(facts: MonthFacts) -> Iterator[str]:
    yield f"**Series:** {markdown_text(str(facts.completeness))}"
    fleet = facts.fleet
    if fleet:
        scaled = "" if fleet["mase"] is None else f"MASE {fleet['mase']:.3f} over {fleet['mase_series']:,} series, "
        yield (
            f"**Backtest of what is published:** {scaled}MAE {fleet['mae']:.2f} points; {100 * fleet['inside']:.1f} % of "
            f"{counted(fleet['days'], 'day')} inside the {facts.interval}"
        )
    else:
        yield "**Backtest:** none: no series is long enough"
    ahead = facts.month_ahead
    if ahead:
        yield (
            f"**{facts.cutoff:%Y-%m}, as forecast the month before:** MAE {ahead['mae']:.2f} points, "
            f"{100 * ahead['inside']:.1f} % of {counted(ahead['days'], 'day')} inside the interval"
        )
    names = [markdown_text(warning.split(": ")[0]) for warning in facts.warnings]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    yield f"**Warnings so far:** {', '.join(names[:3]) + more or 'none'}"


def report(facts: MonthFacts, fleet: dg.MarkdownMetadataValue) -> str:
    """The month's report, all of it, as Markdown. fleet: the plot of the fleet by resource."""
    parts = [
        f"# Forecast of {facts.cutoff:%Y-%m}",
        "\n".join(f"- {line}" for line in _short_lines(facts)),
        "## The fleet, by resource",
        str(fleet.value),
        "## How good the forecasts are",
        *_backtest(facts),
        *_scored(facts),
        "## What became of the series",
        *_outcomes(facts),
        "## Warnings",
        _listed(facts.warnings) or "None so far.",
        "The checks of this file and of what comes after it follow; the report of the asset months has theirs, too, and says what "
        "runs full next.",
    ]
    return "\n\n".join(parts)


def _backtest(facts: MonthFacts) -> Iterator[str]:
    if not facts.fleet:
        yield "No series is long enough for a backtest."
        return
    yield "What is published, on the months before the cutoff that it had not seen:"
    yield markdown(
        facts.backtest.head(RESOURCES + 1).select(
            "resource",
            whole("series"),
            decimals("mae", 2).alias("MAE, points"),
            decimals("mase", 3).alias("MASE"),
            decimals("inside", 1, 100, " %").alias(f"days inside the {facts.interval}"),
            whole("days").alias("of days"),
        )
    )
    rest = len(facts.backtest) - RESOURCES - 1
    more = f" {rest:,} smaller resources are not shown." if rest > 0 else ""
    yield (
        "MAE and MASE are means over series; MASE below 1 is better than repeating the last week was in the training days."
        f"{more} Published: {markdown_text(kinds_counted(facts.champions.iter_rows()))}."
    )


def _scored(facts: MonthFacts) -> Iterator[str]:
    if facts.scored.is_empty():
        yield "No earlier month's forecast can be compared with this month yet."
        return
    yield f"What earlier months had forecast for {facts.cutoff:%Y-%m}, over all days of all series:"
    yield markdown(
        facts.scored.select(
            pl.col("lead_month").alias("months ahead"),
            decimals("mae", 2).alias("MAE, points"),
            decimals("inside", 1, 100, " %").alias("days inside the interval"),
            whole("days").alias("of days"),
        )
    )


def _outcomes(facts: MonthFacts) -> Iterator[str]:
    yield markdown(facts.completeness.outcomes.select("outcome", whole("n").alias("series")))
    kinds = folded(facts.completeness.reasons.iter_rows())
    if kinds:
        rows = pl.DataFrame(kinds[:REASONS], schema={"series": pl.Int64, "reason": pl.String}, orient="row")
        yield markdown(rows.select(whole("series"), "reason"))
    if kinds[REASONS:]:
        yield f"{len(kinds) - REASONS:,} other kinds of reasons are in series\\_outcomes."


def closing_metadata(con: duckdb.DuckDBPyConnection, cutoff: date, warnings: Sequence[str]) -> Metadata:
    """What a complete month shows: a report of what was not known yet when its master file was made."""
    seconds = stages_of(con, cutoff)
    return {
        **outlook_metadata(con, cutoff),
        "report": dg.MetadataValue.md(closing_report(con, cutoff, seconds, warnings)),
        "warnings": len(warnings),
        "seconds in the stages of the month's assets": round(seconds["seconds"].sum(), 1),
    }


def closing_report(con: duckdb.DuckDBPyConnection, cutoff: date, seconds: pl.DataFrame, warnings: Sequence[str]) -> str:
    """What runs full next, how good such statements and the forecasts are, warnings and seconds, as Markdown.

    seconds: as `stages_of` gives them.
    """
    standings, earlier = standings_of(con, cutoff), earlier_of(con, cutoff)
    parts = [
        f"# {cutoff:%Y-%m} is complete",
        "## What runs full next",
        *next_to_run_full(con, cutoff),
        "## How often such statements were true",
        *how_often_true(con, cutoff),
        "## Backtest, means over series",
        _ranked(standings),
    ]
    if len(earlier):
        parts += ["## Earlier forecasts against what has happened since", _since(earlier)]
    parts += [
        "## Warnings",
        _listed(warnings) or "None.",
        f"## Seconds in the stages of the month's assets: {seconds['seconds'].sum():.1f}",
        markdown(seconds.head(STAGES).select(decimals("seconds", 1), "what")),
    ]
    return "\n\n".join(parts)


def _ranked(standings: pl.DataFrame) -> str:
    if standings.is_empty():
        return "No series is long enough for a backtest."
    return markdown(
        standings.select(
            pl.col("model").alias("entrant"),
            decimals("mae", 2).alias("MAE, points"),
            decimals("mase", 3).alias("MASE"),
            decimals("coverage", 1, 100, " %").alias("of all days inside the interval"),
            decimals("interval_score", 1).alias("interval score"),
            whole("wins"),
        )
    )


def _since(earlier: pl.DataFrame) -> str:
    return markdown(
        earlier.select(
            pl.col("lead_month").alias("months ahead"),
            decimals("mae", 2).alias("MAE, points"),
            decimals("inside", 1, 100, " %").alias("days inside the interval"),
            whole("days").alias("of days"),
            "forecasts",
        )
    )


def _listed(warnings: Iterable[str]) -> str:
    return "\n".join(f"- {markdown_text(warning, LONGEST_WARNING)}" for warning in warnings)
