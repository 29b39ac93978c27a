"""One host or group: its history, its forecast, when it runs full, what is planned, and why this forecast.

Belongs here: what is published of one host or group, gathered. Does not belong here: what earlier months said of it (`earlier.py`), words
(`champion_words.py`, `plan_words.py`), and pictures (`charts/`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from turbo_forecast.answers.champion_words import Accuracy, Evidence, backtest_words, entrant_words, why
from turbo_forecast.answers.group_rows import group_days, group_forecast, usable_share
from turbo_forecast.answers.names import Kind, kind_of, resources_of
from turbo_forecast.answers.plan_words import change_words
from turbo_forecast.outlook.plans import ALL, APPLIED
from turbo_forecast.outlook.rows import BASELINE, GROUP
from turbo_forecast.schemas import (
    CAPACITY_OUTLOOK,
    CHAMPIONS,
    COMBINATION_WEIGHTS,
    FORECAST_INTERVALS,
    FORECAST_PARQUET,
    PLANNED_CHANGES,
    SERIES_OUTCOMES,
    TOURNAMENT_SCORES,
)
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.outlook_findings import PLANNED_FOR
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.tables import Table
from turbo_forecast.types import Outcome, Phase
from turbo_forecast.windows import Windows, run_windows

ROW = ["ds", "phase", "y", "yhat", "yhat_lower", "yhat_upper"]
TEXT = "text"
"""The column of planned changes that says in words what they do."""


@dataclass(frozen=True, slots=True)
class HostSeries:
    """One resource of a host or group.

    outcome, reason: of SERIES_OUTCOMES; of a group without a forecast, `failed`. history: `ds, y`, the observed days of the history
    window up to the cutoff. rows: `ds, phase, y, yhat, yhat_lower, yhat_upper`, backtest and forecast with planned changes, none without a
    forecast. intervals: further ones, `ds, phase, interval_width, lower, upper`. outlook: the baseline's rows of CAPACITY_OUTLOOK by threshold.
    changes: rows of PLANNED_CHANGES that concern it in every scenario, with the column `text`. model: the champion, None without one.
    backtest: how far off it was, None without one. remarks: sentences on what limits the forecast; why: why this forecast, in sentences.
    scores: TOURNAMENT_SCORES of the backtest, the nearest first; weights: COMBINATION_WEIGHTS: empty of groups. usable: share of a group's
    capacity that its thresholds and levels are percent of; of a host, 1.
    """

    resource: str
    outcome: str
    reason: str | None
    observations: int
    first_day: date | None
    last_day: date | None
    history: pl.DataFrame
    rows: pl.DataFrame
    intervals: pl.DataFrame
    outlook: pl.DataFrame
    changes: pl.DataFrame
    model: str | None
    backtest: Accuracy | None
    remarks: tuple[str, ...]
    why: tuple[str, ...]
    scores: pl.DataFrame
    weights: pl.DataFrame
    usable: float

    @property
    def in_force(self) -> pl.DataFrame:
        """The planned changes that the forecast has: rows of `changes` of the baseline, with an effect."""
        if self.changes.is_empty():  # nearly all are, and a page asks several times
            return self.changes
        return self.changes.filter(pl.col("scenario") == BASELINE, pl.col("effect") == APPLIED)

    @property
    def standing(self) -> dict[str, Any] | None:
        """Its row of the threshold that stands for the others: the nearest to PLANNED_FOR, the lower of two that are as near."""
        rows = self.outlook.iter_rows(named=True)
        return min(rows, key=lambda row: (abs(row["threshold"] - PLANNED_FOR), row["threshold"]), default=None)


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """What a month has published of one host or group. month: YYYY-MM; series: by resource, sorted."""

    name: str
    kind: Kind
    month: str
    windows: Windows
    interval_width: float
    series: tuple[HostSeries, ...]

    @property
    def cutoff(self) -> date:
        """The last day that was known."""
        return self.windows.cutoff


def host_answer(
    published: Published, month: PublishedMonth, host: str, resource: str | None = None, kind: Kind | None = None
) -> HostAnswer:
    """All resources of a host or group, or one of them, as the month has published it.

    kind: what the name is the name of, where both a host and a group have it. Raises StorageError for a name that the month has not,
    SettingsError for a resource that it has not, each with those that were probably meant.
    """
    found = kind_of(published, month, host, kind)
    resources = resources_of(month, found, host, resource)
    settings = month.settings
    windows = run_windows(month.cutoff, settings)
    gathered = _group(month, host) if found == GROUP else _host(published, month, host)
    series = tuple(_series(own, each, settings) for each, own in _by_resource(gathered, resources, windows))
    return HostAnswer(host, found, month.key, windows, settings.interval_width, series)


@dataclass(frozen=True, slots=True)
class _Gathered:
    """The tables' rows of one host or group, of all its resources or of one. usable: by resource."""

    kind: Kind
    history: pl.DataFrame
    rows: pl.DataFrame
    intervals: pl.DataFrame
    outlook: pl.DataFrame
    changes: pl.DataFrame
    outcomes: pl.DataFrame
    champions: pl.DataFrame
    scores: pl.DataFrame
    weights: pl.DataFrame
    usable: Mapping[str, float]
    remark: str = ""


def _host(published: Published, month: PublishedMonth, host: str) -> _Gathered:
    """Of a host. Small tables are in memory; of the others, only its rows are read."""
    return _Gathered(
        "series",
        history=published.observed(host),
        rows=_of_host(month, FORECAST_PARQUET, host),
        intervals=_of_host(month, FORECAST_INTERVALS, host),
        outlook=_small(month, CAPACITY_OUTLOOK, host, "series"),
        changes=_small(month, PLANNED_CHANGES, host, "series"),
        outcomes=_small(month, SERIES_OUTCOMES, host),
        champions=_small(month, CHAMPIONS, host),
        scores=_of_host(month, TOURNAMENT_SCORES, host),
        weights=_of_host(month, COMBINATION_WEIGHTS, host),
        usable={},
    )


def _group(month: PublishedMonth, group: str) -> _Gathered:
    """Of a group, whose evidence stays with its run: it is in none of the fleet's tables."""
    rows, remark = group_forecast(month, group)
    return _Gathered(
        "group",
        history=group_days(month, group),
        rows=rows,
        intervals=_none(FORECAST_INTERVALS),
        outlook=_small(month, CAPACITY_OUTLOOK, group, "group"),
        changes=_small(month, PLANNED_CHANGES, group, "group"),
        outcomes=_none(SERIES_OUTCOMES),
        champions=_none(CHAMPIONS),
        scores=_none(TOURNAMENT_SCORES),
        weights=_none(COMBINATION_WEIGHTS),
        usable=usable_share(month, group),
        remark=remark,
    )


def _none(table: Table) -> pl.DataFrame:
    return pl.DataFrame(schema=table.polars_schema)


def _of_host(month: PublishedMonth, table: Table, host: str) -> pl.DataFrame:
    """Its rows; none where a former version has not published the table."""
    return month.of_host(table, host) if month.has(table) else _none(table)


def _small(month: PublishedMonth, table: Table, name: str, kind: Kind | None = None) -> pl.DataFrame:
    """The same of a table that is kept in memory."""
    if not month.has(table):
        return _none(table)
    wanted = pl.col("host_id") == name
    return month.frame(table).filter(wanted if kind is None else wanted & (pl.col("kind") == kind))


def _by_resource(gathered: _Gathered, resources: Sequence[str], windows: Windows) -> Iterator[tuple[str, _Gathered]]:
    """Each resource with its own rows, in the order in which they are shown.

    Each table is filtered and sorted once, for all resources together, and then cut: a page asks for four, and a query to a frame, however
    small, takes a good part of a millisecond.
    """
    in_window = pl.col("ds").is_between(windows.history_start, windows.cutoff)
    whole = {
        "history": gathered.history.filter(in_window).sort("ds"),
        "rows": gathered.rows.sort("ds"),
        "intervals": gathered.intervals,
        "outlook": gathered.outlook.filter(pl.col("scenario") == BASELINE).sort("threshold"),
        "outcomes": gathered.outcomes,
        "champions": gathered.champions,
        "scores": gathered.scores.filter(pl.col("window_name") == Phase.BACKTEST).sort("mae", "model"),
        "weights": gathered.weights.sort("forecast", "member", descending=[True, False]),
    }
    parts = {name: rows.partition_by("resource", maintain_order=True, as_dict=True) for name, rows in whole.items()}
    changes = _with_words(gathered.changes)
    for resource in resources:
        own: dict[str, Any] = {name: parts[name].get((resource,), rows.clear()) for name, rows in whole.items()}
        concerned = changes.filter(pl.col("resource").is_in([resource, ALL])) if len(changes) else changes
        yield resource, replace(gathered, **own, changes=concerned)


def _series(own: _Gathered, resource: str, settings: ForecastSettings) -> HostSeries:
    """One resource of its own rows."""
    rows = own.rows.select(ROW)
    outcome = _outcome(own)
    champion = next(own.champions.iter_rows(named=True), None)
    backtest = Accuracy.of(rows.filter(pl.col("phase") == Phase.BACKTEST))
    model = own.rows["model"][0] if len(own.rows) else None
    return HostSeries(
        resource,
        outcome["outcome"],
        outcome["reason"],
        outcome["observations"],
        outcome["first_ds"],
        outcome["last_ds"],
        history=own.history.select("ds", "y"),
        rows=rows,
        intervals=own.intervals.select("ds", "phase", "interval_width", "lower", "upper"),
        outlook=own.outlook,
        changes=own.changes,
        model=model,
        backtest=backtest,
        remarks=_remarks(outcome, own.history, own.remark),
        why=_why(settings, champion, own.scores, own.weights, backtest, model),
        scores=own.scores,
        weights=own.weights,
        usable=own.usable.get(resource, 1.0),
    )


def _outcome(own: _Gathered) -> dict[str, Any]:
    """Its row of SERIES_OUTCOMES; of a group, what its own rows say."""
    found = next(own.outcomes.iter_rows(named=True), None)
    if found is not None:
        return found
    history, rows = own.history, own.rows
    known = {"observations": len(history), "first_ds": history["ds"].min(), "last_ds": history["ds"].max()}
    nothing = {"unobserved_weekdays": None, "unobserved_months": None, "unobserved_stretches": None}
    if rows.is_empty():
        reason = "none of its hosts is there at the cutoff, or too little was observed of them"
        return {"outcome": Outcome.FAILED.value, "reason": reason, **known, **nothing}
    return {"outcome": rows["outcome"][0], "reason": None, **known, **nothing}


def _with_words(changes: pl.DataFrame) -> pl.DataFrame:
    words = [change_words(*row) for row in changes.select("what", "amount", "other", "effect").iter_rows()]
    return changes.with_columns(pl.Series(TEXT, words, dtype=pl.String)).sort("scenario", "from_ds", "file_row")


def _remarks(outcome: Mapping[str, Any], history: pl.DataFrame, remark: str) -> tuple[str, ...]:
    """What limits the forecast, or is the reason that there is none: each a sentence."""
    meaning = _OUTCOME_WORDS.get(outcome["outcome"], "")
    text = ": ".join(filter(None, (meaning, outcome["reason"])))
    found = [f"{text}." if text else ""]
    if len(history) > 1 and history["y"].n_unique() == 1:
        found.append(f"Every observed day had the same value, {history['y'][0]:g} %.")
    unobserved = list(filter(None, (outcome[f"unobserved_{name}"] for name in ("weekdays", "months", "stretches"))))
    if unobserved:
        found.append(f"Nothing is known of such days ({', '.join(unobserved)}), so their interval is 0 to 100 %.")
    return tuple(f"{each[0].upper()}{each[1:]}" for each in [*found, remark] if each)


_OUTCOME_WORDS = {
    Outcome.FALLBACK: "it has the fallback's forecast",
    Outcome.RETIRED: "it has no forecast",
    Outcome.FAILED: "its forecast has failed, and where one is shown it is the fallback's",
}


def _why(
    settings: ForecastSettings,
    champion: Mapping[str, Any] | None,
    scores: pl.DataFrame,
    weights: pl.DataFrame,
    backtest: Accuracy | None,
    model: str | None,
) -> tuple[str, ...]:
    """Why this forecast; nothing where there is none. Of a group, whose evidence is not published, by whom and how good."""
    if model is None:
        return ()
    if champion is None:
        return f"The forecast is that of {entrant_words(model)}.", backtest_words(backtest, settings.interval_width)
    evidence = Evidence(
        champion, scores, weights, backtest, settings.fallback, settings.folds_held, settings.interval_width
    )
    return why(evidence)
