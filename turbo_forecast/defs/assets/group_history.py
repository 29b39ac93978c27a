"""`group_history`: each group's daily utilisation, and how many of its hosts are behind each value."""

from functools import partial

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.fleet.groups import first_day
from turbo_forecast.fleet.groups import group_history as history_of
from turbo_forecast.schemas import GROUP_HISTORY, GROUP_MEMBERS
from turbo_forecast.storage.groups import first_observed, values_of
from turbo_forecast.storage.warehouse import month_rows
from turbo_forecast.windows import run_windows


@month_table(GROUP_HISTORY, Place("forecast", Stored.TABLE, ("polars",)))
def group_history(month: Month) -> pl.DataFrame:
    """Read the hosts' values out of the base table, some groups at a time, and find each group's level."""
    members = month_rows(month.con, GROUP_MEMBERS, month.cutoff)
    start = run_windows(month.cutoff, month.settings).history_start
    first = first_day(month.settings, start, partial(first_observed, month.con, members))
    values = partial(values_of, month.con, first=first, last=month.cutoff)
    rows = history_of(members, values, first, month.cutoff)
    with_value = rows.filter(pl.col("y").is_not_null())
    month.metadata = {
        "series": rows.select("host_id", "resource").n_unique(),
        "days without a value": len(rows) - len(with_value),
        "mean share of the capacity observed": with_value["observed_capacity"].mean() or 0.0,
    }
    return rows
