"""A group's days and forecast, as its page and its earlier statements need them: with planned changes, in percent of all it has.

Belongs here: reading GROUP_HISTORY and GROUP_FORECAST of one group. Does not belong here: how a group's level is made (`outlook/groups.py`).
"""

from datetime import date, timedelta

import polars as pl

from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.group_statements import usable_shares
from turbo_forecast.outlook.loads import of_scenario, shifted
from turbo_forecast.outlook.rows import GROUP
from turbo_forecast.schemas import FORECAST_PARQUET, GROUP_FORECAST, GROUP_HISTORY, GROUP_MEMBERS, PLANNED_LOADS
from turbo_forecast.storage.published.reading import PublishedMonth

UNPLANNED = "The planned changes of its hosts are not in this picture: the month's run results are not kept any more."


def group_days(month: PublishedMonth, group: str) -> pl.DataFrame:
    """`host_id (the group), resource, ds, y`: its level of each day up to the cutoff, as the month has it, days without one left out."""
    found = month.of_host(GROUP_HISTORY, group).filter(pl.col("y").is_not_null())
    return found.select("host_id", "resource", "ds", "y").sort("resource", "ds")


def days_as_first_known(months: list[PublishedMonth], group: str, after: date) -> pl.DataFrame:
    """The same after a day, each day of the hosts that the group had then: as the first of the months that knows it has it.

    months: in any order.
    """
    parts = [
        month.of_host(GROUP_HISTORY, group).filter(pl.col("ds") > after) for month in months if month.has(GROUP_HISTORY)
    ]
    if not parts:
        return pl.DataFrame(schema={"host_id": pl.String, "resource": pl.String, "ds": pl.Date, "y": pl.Float64})
    first = pl.concat(parts).sort("cutoff").unique(["host_id", "resource", "ds"], keep="first")
    return first.filter(pl.col("y").is_not_null()).select("host_id", "resource", "ds", "y").sort("resource", "ds")


def group_forecast(month: PublishedMonth, group: str) -> tuple[pl.DataFrame, str]:
    """Its rows of GROUP_FORECAST with the published planned changes, and a sentence where these are lacking, else ''."""
    rows = month.of_host(GROUP_FORECAST, group).sort("resource", "ds")
    if not month.has(PLANNED_LOADS):
        return rows, ""
    loads = of_scenario(month.frame(PLANNED_LOADS), kind=GROUP).filter(pl.col("host_id") == group)
    hosts = loads.filter(pl.col("source_kind") != GROUP)["source"].unique()
    if loads.is_empty() or rows.is_empty():
        return rows, ""
    try:
        unplanned = month.run_results.read(FORECAST_PARQUET) if len(hosts) else rows.lazy().clear()
    except StorageError:
        return rows, UNPLANNED
    sources = unplanned.filter(pl.col("host_id").is_in(hosts.implode()))
    return shifted(rows.lazy(), loads, sources).collect(), ""


def usable_share(month: PublishedMonth, group: str) -> dict[str, float]:
    """By resource, the share of the group's capacity that may be used: what its thresholds are percent of, in [0, 1]."""
    members = month.frame(GROUP_MEMBERS).filter(pl.col("group_name") == group)
    shares = usable_shares(members, month.outlook_settings)
    return dict(shares.select("resource", "usable").iter_rows())


def level_before(days: pl.DataFrame, cutoff: date, length: int) -> float | None:
    """Mean of the last days up to the cutoff, percent; None without a value. days: `ds, y` of one resource."""
    found = days.filter(pl.col("ds") > cutoff - timedelta(days=length), pl.col("ds") <= cutoff)["y"].mean()
    return None if found is None else float(found)  # type: ignore[arg-type]
