"""Host: one host or group, its resources on one time axis, when it runs full, what is planned, why this forecast, what earlier ones said.

Belongs here: what the page shows of the answer, and the names that are suggested while one types. Does not belong here: the
answer (`answers/host.py`, `answers/earlier.py`), the chart (`charts/series.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl
from starlette.responses import JSONResponse, RedirectResponse, Response

from turbo_forecast import deep_links
from turbo_forecast.answers.earlier import Earlier, earlier_answers
from turbo_forecast.answers.host import HostAnswer, HostSeries, host_answer
from turbo_forecast.answers.names import KINDS, Kind, names, names_like, resources_of
from turbo_forecast.answers.outlook import APPROACHING, OutlookQuestion, outlook_answer
from turbo_forecast.charts import themes
from turbo_forecast.charts.picture import pictures as chart_pictures
from turbo_forecast.charts.series import HEIGHT, HEIGHT_OF_ONE, specification
from turbo_forecast.dashboard.chart_summary import summary
from turbo_forecast.dashboard.page import Page, Visit
from turbo_forecast.dashboard.row_sparklines import row_sparklines
from turbo_forecast.errors import StorageError
from turbo_forecast.option_rules import shown as shown_value
from turbo_forecast.storage.published.reading import PublishedMonth
from turbo_forecast.types import State
from turbo_forecast.windows import shift_month_end

MOST_URGENT = 12
"""Hosts that are named where none was asked for."""
SUGGESTED = 20
"""Names that are offered while one types."""
LISTED = 200
"""Names that are listed where one has looked for a part of them."""
EMPTY: Mapping[str, Any] = {
    "status": 200,
    "name": "",
    "answer": None,
    "sentence": None,
    "kinds": None,
    "found": [],
    "near": [],
    "urgent": [],
    "pictures": [],
}
"""What the template asks for, with nothing in it."""
NEAR = 6
"""Names that are offered in the place of one that is not there."""
MONTHS_BEFORE = 12
"""Months of history in the table that says what the chart shows, and in the chart of the last year."""
YEAR = "year"


@dataclass(frozen=True, slots=True)
class SeriesView:
    """One resource as the page shows it. series: of the answer; summary: the chart in a sentence; months: in a table.

    changes: planned changes of the published forecast; other_changes: of scenarios, and those without effect. forecasts, statements: what
    earlier months said of it, and how it turned out.
    """

    series: HostSeries
    summary: str
    months: list[dict[str, Any]]
    thresholds: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    other_changes: list[dict[str, Any]]
    forecasts: list[dict[str, Any]]
    statements: list[dict[str, Any]]


def answer(visit: Visit) -> Mapping[str, Any] | Response:
    """The page of the host that is asked for; without one, a search. Raises TurboForecastError."""
    if visit.text("find"):
        return _found(visit)
    name = visit.query.get("host", "")  # as it is: a host's name may begin or end with a space
    found = visit.choice("kind", ["", *KINDS])
    kind: Kind | None = next((each for each in KINDS if each == found), None)
    common = {**EMPTY, "name": name, "kinds": kind}
    if not name.strip():
        return {**common, **_most_urgent(visit)}
    try:
        host = host_answer(visit.published, visit.month, name, visit.text("resource") or None, kind)
    except StorageError as error:
        return {
            **common,
            "status": 404,
            "sentence": str(error),
            "near": _near(visit.month, name),
            **_most_urgent(visit),
        }
    return {**common, **_shown(visit, host)}


def _found(visit: Visit) -> Mapping[str, Any] | Response:
    """The hosts and groups whose names hold the search text: the page of one, else a list."""
    text = visit.query.get("find", "")
    found = _holding(visit.month, text)
    exact = [(name, kind) for name, kind in found if name == text] or found
    if len(exact) == 1:
        (name, kind) = exact[0]
        shown = deep_links.page(
            deep_links.HOST_PAGE.lstrip("/"),
            host=name,
            kind=kind if kind != KINDS[0] else None,
            month=visit.text("month"),
        )
        return RedirectResponse(shown, status_code=303)
    if not found:
        sentence = f"no host or group of {visit.month.key} has {shown_value(text)} in its name"
        return {**EMPTY, "status": 404, "name": text, "sentence": sentence, "near": _near(visit.month, text)}
    return {**EMPTY, "name": text, "found": found[:LISTED]}


def _holding(month: PublishedMonth, text: str) -> list[tuple[str, Kind]]:
    """Hosts, then groups, whose names hold a text, those that begin with it first."""
    wanted = text.strip().lower()
    known = [(name, kind) for kind in KINDS for name in names(month, kind) if wanted in name.lower()]
    return sorted(known, key=lambda each: not each[0].lower().startswith(wanted))


def _shown(visit: Visit, host: HostAnswer) -> Mapping[str, Any]:
    """What is shown of a host or group."""
    history = visit.choice("history", ["", YEAR])
    since = shift_month_end(host.cutoff, -MONTHS_BEFORE) if history == YEAR else None
    chosen, resources = visit.text("resource") or None, [each.resource for each in host.series]
    earlier = earlier_answers(visit.published, visit.month, host.name, host.kind, resources)
    drawn = chart_pictures(host, {name: each.lines for name, each in earlier.items()}, since)
    height = HEIGHT_OF_ONE if len(drawn) == 1 else HEIGHT
    return {
        "answer": host,
        "resources": resources_of(visit.month, host.kind, host.name) if chosen else resources,
        "history": history,
        "chosen": chosen,
        "views": _views(host, earlier),
        "chart": {
            "specification": specification(drawn, theme="light", height=height),
            "dark": themes.config("dark"),
        },
    }


def _views(host: HostAnswer, earlier: Mapping[str, Earlier]) -> list[SeriesView]:
    months = _months(host)
    return [
        SeriesView(
            each,
            summary(host, each),
            months[each.resource],
            each.outlook.to_dicts(),
            each.in_force.to_dicts(),
            _other_changes(each).to_dicts(),
            earlier[each.resource].forecasts.to_dicts(),
            earlier[each.resource].statements.to_dicts(),
        )
        for each in host.series
    ]


def _other_changes(series: HostSeries) -> pl.DataFrame:
    """Planned changes that the forecast does not have."""
    every = series.changes
    return every if every.is_empty() else every.join(series.in_force, on=every.columns, how="anti", nulls_equal=True)


def _months(host: HostAnswer) -> dict[str, list[dict[str, Any]]]:
    """By resource, `month, observed, days, forecast, lower, upper, phase`: means of the latest months observed, and of those to come."""
    before = shift_month_end(host.cutoff, -MONTHS_BEFORE)
    by = ["resource", pl.col("ds").dt.truncate("1mo").alias("month")]
    history = _together(host, "history", before)
    past = history.group_by(by).agg(observed=pl.col("y").mean(), days=pl.len())
    ahead = _together(host, "rows", before).group_by(by)
    forecast = ahead.agg(
        forecast=pl.col("yhat").cast(pl.Float64).mean(),
        lower=pl.col("yhat_lower").cast(pl.Float64).mean(),
        upper=pl.col("yhat_upper").cast(pl.Float64).mean(),
        phase=pl.col("phase").first(),
    )
    found: dict[str, list[dict[str, Any]]] = {each.resource: [] for each in host.series}
    joined = past.join(forecast, on=["resource", "month"], how="full", coalesce=True).sort("resource", "month")
    for row in joined.iter_rows(named=True):
        found[row["resource"]].append(row)
    return found


def _together(host: HostAnswer, name: Literal["history", "rows"], after: date) -> pl.DataFrame:
    """A frame of all series after a day, with their resources."""
    frames = [
        (each.history if name == "history" else each.rows).with_columns(resource=pl.lit(each.resource))
        for each in host.series
    ]
    return pl.concat(frames).filter(pl.col("ds") > after)


def _most_urgent(visit: Visit) -> Mapping[str, Any]:
    """Hosts that are over their threshold, or may reach it."""
    states = (State.OVER.value, *(state.value for state in APPROACHING))
    found = outlook_answer(visit.month, OutlookQuestion(kind="series", states=states)).head(MOST_URGENT)
    return {"urgent": found.to_dicts(), "pictures": row_sparklines(visit.published, visit.month, found)}


def _near(month: PublishedMonth, name: str) -> list[tuple[str, Kind]]:
    """Names like it, each with what it is the name of."""
    groups = set(names(month, "group"))
    return [(each, "group" if each in groups else "series") for each in names_like(month, name, NEAR)]


def suggestions(visit: Visit) -> Response:
    """Names of hosts and groups that hold a text, those that begin with it first, as JSON: `{"names": [...]}`."""
    found = dict.fromkeys(name for name, _ in _holding(visit.month, visit.text("text")))
    return JSONResponse({"names": list(found)[:SUGGESTED]})


PAGE = Page(deep_links.HOST_PAGE, "Host", "host.html", answer, draws=True)
SUGGESTIONS = Page("/hosts.json", "Names", "host.html", suggestions, in_menu=False)
