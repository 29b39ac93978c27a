"""Which entrant is good at what: a month's standings, whose forecasts are published, and what the combination consists of.

Does not belong here: how entrants are scored and chosen (`tournament/`), and layout.
"""

from dataclasses import dataclass

import polars as pl

from turbo_forecast.answers.track_record import CHAMPION, EVERY_RESOURCE
from turbo_forecast.errors import SettingsError
from turbo_forecast.option_rules import shown
from turbo_forecast.schemas import CHAMPIONS, COMBINATION_WEIGHTS, TOURNAMENT_STANDINGS
from turbo_forecast.storage.published.reading import PublishedMonth

WHOLE = 0
"""The horizon month that stands for all of the backtest."""


@dataclass(frozen=True, slots=True)
class TournamentAnswer:
    """A month's tournament.

    resources, horizon_months: what may be asked for. standings: rows of TOURNAMENT_STANDINGS, the published forecast first, then by MASE.
    champions: `model, resource, series, champion_of, share, wins, win_share`: for each entrant and resource (and 'all'), of how many
    series with a forecast it is the champion, and in how many of the compared series no entrant has a lower MAE in the backtest.
    weights: `member, weight, series`: mean weight in the forecast's combination over the series that have one, the largest first.
    reasons: `reason, count`: how often each made the champion, the most frequent first.
    """

    resources: tuple[str, ...]
    horizon_months: tuple[int, ...]
    standings: pl.DataFrame
    champions: pl.DataFrame
    weights: pl.DataFrame
    reasons: pl.DataFrame


def tournament(month: PublishedMonth, resource: str = EVERY_RESOURCE, horizon_month: int = WHOLE) -> TournamentAnswer:
    """The month's tournament, of a resource and a month of the backtest. Raises SettingsError, which names what there is."""
    every = month.frame(TOURNAMENT_STANDINGS)
    resources = tuple(name for name in every["resource"].unique().sort() if name != EVERY_RESOURCE)
    months = tuple(every["horizon_month"].unique().sort())
    if resource not in (EVERY_RESOURCE, *resources):
        raise SettingsError(
            f"resource {shown(resource)} is not in the standings of {month.key}: there is "
            f"{', '.join(resources) or 'none, since no series has a backtest'}"
        )
    if horizon_month not in (WHOLE, *months):
        raise SettingsError(
            f"month {horizon_month} is not in the backtest of {month.key}: it has {', '.join(str(n) for n in months if n)}"
        )
    standings = every.filter(resource=resource, horizon_month=horizon_month).sort(
        pl.col("model") != CHAMPION, "mase", "mae", "model", nulls_last=True
    )
    champions, weights = (_of_resource(month.frame(table), resource) for table in (CHAMPIONS, COMBINATION_WEIGHTS))
    reasons = champions["reason"].value_counts().sort("count", "reason", descending=[True, False])
    return TournamentAnswer(
        resources, months, standings, _champions(month.frame(CHAMPIONS), every), _weights(weights), reasons
    )


def _of_resource(rows: pl.DataFrame, resource: str) -> pl.DataFrame:
    return rows if resource == EVERY_RESOURCE else rows.filter(resource=resource)


def _champions(champions: pl.DataFrame, standings: pl.DataFrame) -> pl.DataFrame:
    """Who is the champion where, and who wins where, by resource."""
    both = pl.concat([champions, champions.with_columns(resource=pl.lit(EVERY_RESOURCE))])
    chosen = both.group_by("resource", "model").agg(champion_of=pl.len())
    counted = both.group_by("resource").agg(series=pl.len())
    won = standings.filter(pl.col("horizon_month") == WHOLE, pl.col("model") != CHAMPION).select(
        "resource", "model", "wins", win_share=pl.col("wins") / pl.col("series")
    )
    found = won.join(chosen, on=["resource", "model"], how="full", coalesce=True).join(
        counted, on="resource", how="left"
    )
    return (
        found.with_columns(pl.col("champion_of").fill_null(0), pl.col("series").fill_null(0))
        .with_columns(share=pl.col("champion_of") / pl.col("series"))
        .select("model", "resource", "series", "champion_of", "share", "wins", "win_share")
        .sort("resource", "champion_of", "model", descending=[False, True, False])
    )


def _weights(weights: pl.DataFrame) -> pl.DataFrame:
    """A member that a series does not have weighs nothing there."""
    series = weights.select("host_id", "resource").unique().height
    means = weights.group_by("member").agg(weight=pl.col("forecast").sum() / max(series, 1))
    return means.with_columns(series=pl.lit(series)).sort("weight", "member", descending=[True, False])
