"""The track record: statements about thresholds, and forecasts, against what happened.

Belongs here: the rows that answer it, of the untouched backtest and of earlier months. Does not belong here: how scores are made
(`outlook/track_record.py`, `tournament/standings.py`), layout, and the record of one series (`earlier.py`).
"""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from turbo_forecast.errors import SettingsError
from turbo_forecast.option_rules import shown
from turbo_forecast.outlook.rows import SERIES
from turbo_forecast.outlook.track_record import ALL_RESOURCES, ALL_STATEMENTS, EVENT_PROBABILITY, outlook_reliability
from turbo_forecast.schemas import (
    FORECAST_ACCURACY,
    OUTLOOK_ACCURACY,
    OUTLOOK_BACKTEST,
    OUTLOOK_OVER_TIME,
    OUTLOOK_RELIABILITY,
    TOURNAMENT_STANDINGS,
)
from turbo_forecast.storage.outlook_findings import TrackRecord
from turbo_forecast.storage.published.reading import PublishedMonth

EVERY_RESOURCE = ALL_RESOURCES
"""What is asked of all resources together."""
CHAMPION = "champion"
"""What standings call the published forecast."""


@dataclass(frozen=True, slots=True)
class TrackQuestion:
    """What is asked: of series or groups; of those below the threshold beforehand, or all; of one resource, or all."""

    kind: Literal["series", "group"] = "series"
    population: Literal["below", "all"] = "below"
    resource: str = EVERY_RESOURCE


@dataclass(frozen=True, slots=True)
class TrackAnswer:
    """How often it was true; a frame without a row where there is nothing to score.

    resources: those that were scored. trust: how much statements were worth at the
    longest horizon, of all thresholds together; None where none was made. reliability: rows of OUTLOOK_RELIABILITY. accuracy: of
    OUTLOOK_ACCURACY, as `with_counts` adds to them. misses: rows of OUTLOOK_BACKTEST at the
    longest horizon that happened with a probability below a half, the least expected first; false_alarms: those that did not, with
    a half or more, the surest first. over_time: rows of OUTLOOK_OVER_TIME, likewise, the latest month first. by_month: the published forecast's
    rows of TOURNAMENT_STANDINGS by month of the backtest, the whole first. forecasts: those of FORECAST_ACCURACY, the latest month first.
    """

    resources: tuple[str, ...]
    trust: TrackRecord | None
    reliability: pl.DataFrame
    accuracy: pl.DataFrame
    misses: pl.DataFrame
    false_alarms: pl.DataFrame
    over_time: pl.DataFrame
    by_month: pl.DataFrame
    forecasts: pl.DataFrame


def track_record(month: PublishedMonth, question: TrackQuestion) -> TrackAnswer:
    """How often the month's kind of statement was true. Raises SettingsError for a resource that was not scored."""
    backtest = month.frame(OUTLOOK_BACKTEST).filter(kind=question.kind)
    resources = _resources(month, backtest)
    if question.resource not in (EVERY_RESOURCE, *resources):
        there = f"there is {', '.join(resources)}" if resources else "nothing was"
        raise SettingsError(f"resource {shown(question.resource)} was not scored in {month.key}: {there}")
    scored = _asked(backtest, question)
    longest = scored.filter(pl.col("horizon_days") == pl.col("horizon_days").max())
    happened, expected = pl.col("happened") == 1, pl.col("probability") >= EVENT_PROBABILITY
    names = ["host_id", "resource", "threshold"]
    of_resource = pl.col("resource") == question.resource
    of_kind = of_resource & (pl.col("kind") == question.kind) & (pl.col("population") == question.population)
    own = pl.lit(question.kind == SERIES) & of_resource & (pl.col("model") == CHAMPION)
    return TrackAnswer(
        resources,
        _trust(longest),
        _reliability(month, scored, question),
        _accuracy(month.frame(OUTLOOK_ACCURACY).filter(of_kind), scored),
        longest.filter(happened & ~expected).sort("probability", *names),
        longest.filter(expected & ~happened).sort("probability", *names, descending=[True, False, False, False]),
        with_counts(month.frame(OUTLOOK_OVER_TIME).filter(of_kind)).sort(
            "forecast_cutoff", "threshold", "horizon_days", descending=[True, False, False]
        ),
        month.frame(TOURNAMENT_STANDINGS).filter(own).sort("horizon_month"),
        month.frame(FORECAST_ACCURACY).filter(own).sort("forecast_cutoff", "lead_month", descending=[True, False]),
    )


def _resources(month: PublishedMonth, backtest: pl.DataFrame) -> tuple[str, ...]:
    """Those of which statements or forecasts were scored."""
    scored = month.frame(TOURNAMENT_STANDINGS)["resource"]
    found = pl.concat([scored, backtest["resource"]]).unique().sort()
    return tuple(name for name in found if name != EVERY_RESOURCE)


def _asked(backtest: pl.DataFrame, question: TrackQuestion) -> pl.DataFrame:
    if question.resource != EVERY_RESOURCE:
        backtest = backtest.filter(resource=question.resource)
    return backtest if question.population == ALL_STATEMENTS else backtest.filter(pl.col("level") < pl.col("threshold"))


def _trust(longest: pl.DataFrame) -> TrackRecord | None:
    if longest.is_empty():
        return None
    happened, expected = pl.col("happened").cast(pl.Float64), pl.col("probability") >= EVENT_PROBABILITY
    base_rate = happened.mean().over("threshold")
    found = longest.select(
        days=pl.col("horizon_days").max(),
        n=pl.len(),
        likely=expected.sum(),
        likely_true=happened.filter(expected).mean(),
        others_true=happened.filter(~expected).mean(),
        brier=((pl.col("probability") - happened) ** 2).mean(),
        base_rate_brier=((base_rate - happened) ** 2).mean(),
        point_brier=((pl.col("point") - happened) ** 2).mean(),
    )
    return TrackRecord(**found.row(0, named=True))


def _accuracy(rows: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """With how many statements of a half or more there were, counted in the statements themselves."""
    key = ["threshold", "horizon_days"]
    predicted = scored.group_by(key).agg(predicted=(pl.col("probability") >= EVENT_PROBABILITY).sum().cast(pl.Int64))
    return with_counts(rows).drop("predicted").join(predicted, on=key, how="left").sort(key)


def _reliability(month: PublishedMonth, scored: pl.DataFrame, question: TrackQuestion) -> pl.DataFrame:
    """The published bins; those of one resource are counted here."""
    if question.resource == EVERY_RESOURCE:
        found = month.frame(OUTLOOK_RELIABILITY).filter(kind=question.kind)
    else:
        found = outlook_reliability(scored)
    return found.filter(population=question.population).sort("bin")


def with_counts(record: pl.DataFrame) -> pl.DataFrame:
    """Rows of OUTLOOK_ACCURACY or OUTLOOK_OVER_TIME with what their shares are shares of.

    point_skill: the point forecast's, null where skill is. hits: events that had a half or more. predicted: statements of a half or
    more; null where none of them came true, since how many there were does not follow from the share alone.
    """
    hits = (pl.col("recall") * pl.col("events")).round().cast(pl.Int64).fill_null(0)
    return record.with_columns(
        point_skill=pl.when(pl.col("skill").is_not_null()).then(1 - pl.col("point_brier") / pl.col("base_rate_brier")),
        hits=hits,
        predicted=pl.when(pl.col("precision").is_null())
        .then(0)
        .when(pl.col("precision") > 0)
        .then((hits / pl.col("precision")).round().cast(pl.Int64, strict=False)),
    )
