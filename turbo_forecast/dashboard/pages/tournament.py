"""Tournament: how good each entrant is, where it wins, and whose forecasts are published.

Belongs here: the address's parameters, and how the answer is laid out in tables. Does not belong here: the answer
(`answers/tournament.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from turbo_forecast import deep_links
from turbo_forecast.answers.tournament import WHOLE, tournament
from turbo_forecast.answers.track_record import CHAMPION, EVERY_RESOURCE
from turbo_forecast.charts.dots import dots
from turbo_forecast.dashboard.formats import name, probability
from turbo_forecast.dashboard.grid import Cell, Grid, grid
from turbo_forecast.dashboard.page import Page, Visit
from turbo_forecast.number_words import number, points, whole
from turbo_forecast.text import shortened

PUBLISHED = "published forecast"
"""What stands for the champion in standings, which is no entrant."""
SHORT = 20
"""Characters of an entrant's name beside the plot."""


def answer(visit: Visit) -> Mapping[str, Any]:
    """The month's tournament. Raises TurboForecastError."""
    resource = visit.text("resource") or EVERY_RESOURCE
    horizon_month = visit.whole("ahead", 0, WHOLE)
    found = tournament(visit.month, resource, horizon_month)
    lines = found.standings.select("model", "mase", "mase_low", "mase_high").iter_rows()
    return {
        "resource": resource,
        "ahead": horizon_month,
        "found": found,
        "plot": dots(((shortened(entrant(model), SHORT), *rest) for model, *rest in lines), reference=1.0),
        "standings": standings_grid(found.standings),
        "champions": champions_grid(found.champions, resources_of(found.resources)),
        "weights": weights_grid(found.weights),
        "reasons": grid(
            "Why their forecasts are published",
            "Reason|> Series",
            ([name(reason), whole(count)] for reason, count in found.reasons.iter_rows()),
            "No series has a forecast.",
        ),
    }


def resources_of(resources: Sequence[str]) -> tuple[str, ...]:
    """All of them together, and each; of a fleet with one, only that."""
    return (EVERY_RESOURCE, *resources) if len(resources) != 1 else tuple(resources)


def entrant(model: str) -> str:
    """An entrant's name."""
    return PUBLISHED if model == CHAMPION else name(model)


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """A 95 % interval; nothing where there is none."""
    return "" if low is None or high is None else f"{number(low, digits)} to {number(high, digits)}"


def standings_grid(rows: pl.DataFrame) -> Grid:
    """Everyone on the backtest."""
    return grid(
        "Standings: the published forecast, then entrants by MASE, with 95 % intervals over series",
        "Entrant|> MASE|> Mean error, points|> Bias, points|> Days inside its interval|> Interval score|> Wins|"
        "> Beats the seasonal naive|> Series",
        (
            [
                entrant(row["model"]),
                Cell(number(row["mase"], 3), interval(row["mase_low"], row["mase_high"])),
                number(row["mae"], 2),
                points(row["bias"]),
                Cell(probability(row["coverage"]), f"of {whole(row['n'])}"),
                number(row["interval_score"], 1),
                Cell(whole(row["wins"]), share(row["wins"], row["series"])),
                Cell(probability(row["beats_seasonal_naive"]), beaten(row)),
                Cell(whole(row["series"]), f"{whole(row['own'])} its own" if row["own"] != row["series"] else ""),
            ]
            for row in rows.iter_rows(named=True)
        ),
        "No series has a backtest.",
    )


def share(part: int, series: int) -> str:
    """What share of the series it is."""
    return probability(part / series) if series else ""


def beaten(row: Mapping[str, Any]) -> str:
    """The interval of the share that beats the seasonal naive; nothing of the seasonal naive's own."""
    if row["beats_seasonal_naive"] is None or row["beats_low"] is None or row["beats_high"] is None:
        return ""
    return f"{probability(row['beats_low'])} to {probability(row['beats_high'])}"


def champions_grid(rows: pl.DataFrame, resources: Sequence[str]) -> Grid:
    """Of how many series each entrant is the champion, and in how many nobody is better, by resource."""
    by_place = {(row["model"], row["resource"]): row for row in rows.iter_rows(named=True)}
    overall = rows.filter(resource=resources[0])["model"].to_list()
    return grid(
        "Where each entrant is the champion, and where no entrant has a lower error in the backtest (wins)",
        "Entrant|" + "|".join(f"> {title}" for each in resources for title in titles(each)),
        (
            [entrant(model), *(cell for each in resources for cell in places(by_place.get((model, each))))]
            for model in overall
        ),
        "No series has a forecast.",
    )


def titles(resource: str) -> tuple[str, str]:
    """The headings of a resource, in which nothing parts the columns."""
    shown = name(resource).replace("|", "¦")
    return f"{shown}: champion", f"{shown}: wins"


def places(row: Mapping[str, Any] | None) -> list[Cell | str]:
    """An entrant's two cells in a resource."""
    if row is None:
        return ["–", "–"]
    return [
        Cell(whole(row["champion_of"]), probability(row["share"])),
        Cell(whole(row["wins"]), probability(row["win_share"]) if row["win_share"] is not None else ""),
    ]


def weights_grid(rows: pl.DataFrame) -> Grid:
    """What the weighted combination consists of."""
    return grid(
        "Mean weight of each member in the forecast's weighted combination",
        "Member|> Weight|> Series",
        ([name(member), probability(weight), whole(series)] for member, weight, series in rows.iter_rows()),
        "No series has a weighted combination.",
    )


PAGE = Page(deep_links.TOURNAMENT, "Tournament", "tournament.html", answer)
