"""`group_members`: which hosts each group consists of this month."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.reporting import log_to
from turbo_forecast.outlook.groups import PATIENCE_DAYS
from turbo_forecast.schemas import GROUP_MEMBERS, SERIES_OUTCOMES
from turbo_forecast.storage.groups import members_of, read_groups
from turbo_forecast.storage.warehouse import month_rows


@month_table(GROUP_MEMBERS, Place("forecast", Stored.TABLE, ("polars",)))
def group_members(month: Month) -> pl.DataFrame:
    """Read the file of groups, and keep of it the hosts that have telemetry; no row where no groups are set."""
    if not month.outlook.groups:
        return pl.DataFrame(schema=GROUP_MEMBERS.polars_schema)
    groups = read_groups(month.outlook.groups)
    series = month_rows(month.con, SERIES_OUTCOMES, month.cutoff)
    members = members_of(groups, series, month.cutoff, PATIENCE_DAYS)
    for remark in members.remarks:
        log_to(month.context)(remark)
    month.metadata = {"groups": members.rows["group_name"].n_unique(), "remarks": list(members.remarks)}
    return members.rows
