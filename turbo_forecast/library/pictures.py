"""What is drawn of one host or group of a result.

Belongs here: its rows out of the result's frames, and the sentence for a name that the result does not have. Does not belong here:
the chart (`charts/series.py`).
"""

from typing import TYPE_CHECKING

import polars as pl

from turbo_forecast.answers.names import Kind, written_alike
from turbo_forecast.answers.plan_words import change_words
from turbo_forecast.charts.picture import SeriesPicture
from turbo_forecast.errors import SettingsError
from turbo_forecast.fleet.group_statements import usable_shares
from turbo_forecast.option_rules import shown
from turbo_forecast.outlook.plans import ALL, APPLIED
from turbo_forecast.outlook.rows import BASELINE, GROUP, SERIES

if TYPE_CHECKING:
    from turbo_forecast.library.result import Context, FleetResult

ROW = ["ds", "phase", "y", "yhat", "yhat_lower", "yhat_upper"]


def pictures_of(
    result: "FleetResult", context: "Context", name: str, resource: str | None, kind: Kind | None
) -> list[SeriesPicture]:
    """What is drawn of a host or group, by resource. Raises SettingsError for a name that there is not."""
    found = _kind_of(result, name, kind)
    there = _resources(result, found).filter(pl.col("host_id") == name)["resource"].unique().sort().to_list()
    if resource is not None and resource not in there:
        raise SettingsError(f"{shown(name)} has no resource {shown(resource)}; it has {', '.join(map(shown, there))}")
    wanted = there if resource is None else [resource]
    one = len(wanted) == 1  # several stand below the host's name
    return [_picture(result, context, found, name, each, f"{name} {each}" if one else each) for each in wanted]


def _resources(result: "FleetResult", kind: Kind) -> pl.DataFrame:
    """`host_id, resource` of every series, or of every group."""
    if kind == GROUP:
        return result.group_members.select(pl.col("group_name").alias("host_id"), "resource")
    return result.outcomes.select("host_id", "resource")


def _kind_of(result: "FleetResult", name: str, asked: Kind | None) -> Kind:
    """What the name is the name of: of a host and a group of one name, the host. Raises SettingsError."""
    kinds: list[Kind] = [asked] if asked else ["series", "group"]
    for kind in kinds:
        if kind not in (SERIES, GROUP):
            raise SettingsError(f"kind must be {SERIES} or {GROUP}, not {shown(kind)}")
        if name in _resources(result, kind)["host_id"].to_list():
            return kind
    known = sorted({host for kind in kinds for host in _resources(result, kind)["host_id"].unique()})
    what = {None: "host or group", SERIES: "host", GROUP: "group"}[asked]
    near = written_alike(name, known) if isinstance(name, str) else []
    instead = f"; did you mean {' or '.join(map(shown, near))}?" if near else ""
    raise SettingsError(f"there is no {what} {shown(name)} in this result{instead}")


def _picture(
    result: "FleetResult", context: "Context", kind: Kind, name: str, resource: str, title: str
) -> SeriesPicture:
    own = (pl.col("host_id") == name) & (pl.col("resource") == resource)
    first = context.windows.history_start
    history, rows = _group(result, context, own) if kind == GROUP else _series(result, context, own)
    stated = result.outlook.filter(own, kind=kind, scenario=BASELINE)
    every = (pl.col("host_id") == name) & pl.col("resource").is_in([resource, ALL])
    changes = result.planned_changes.filter(every, kind=kind, scenario=BASELINE, effect=APPLIED).sort(
        "from_ds", "file_row"
    )
    words = [change_words(*row) for row in changes.select("what", "amount", "other", "effect").iter_rows()]
    intervals = result.intervals.filter(own) if kind == SERIES else result.intervals.clear()
    return SeriesPicture(
        title=title,
        cutoff=context.windows.cutoff,
        history=history.filter(pl.col("ds") >= first, pl.col("y").is_not_null()).select("ds", "y").sort("ds"),
        rows=rows.select(ROW).sort("ds"),
        interval_width=context.settings.interval_width,
        thresholds=stated["threshold"].sort().to_list(),
        usable=_usable(result, context, own) if kind == GROUP else 1.0,
        changes=changes.select("from_ds").with_columns(pl.Series("text", words, dtype=pl.String)),
        intervals=intervals.select("ds", "interval_width", "lower", "upper"),
    )


def _usable(result: "FleetResult", context: "Context", own: pl.Expr) -> float:
    """The share of a group's capacity that its thresholds are percent of; 1 where none of its hosts is there."""
    found = usable_shares(result.group_members, context.outlook).filter(own)["usable"].to_list()
    return float(found[0]) if found else 1.0


def _series(result: "FleetResult", context: "Context", own: pl.Expr) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The observed days of a series, and its published rows."""
    return context.observed.filter(own).explode("ds", "y", empty_as_null=True), result.published.filter(own)


def _group(result: "FleetResult", context: "Context", own: pl.Expr) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The days of a group, and its rows with the planned changes."""
    return result.group_history.filter(own), context.groups.filter(own)
