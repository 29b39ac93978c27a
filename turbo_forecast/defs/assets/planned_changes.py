"""`planned_changes`: what the file of plans means for each series of the month."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.reporting import Metadata, counts, markdown
from turbo_forecast.outlook.plans import APPLIED, Fleet, resolved
from turbo_forecast.schemas import CHAMPIONS, GROUP_MEMBERS, PLANNED_CHANGES, SERIES_OUTCOMES
from turbo_forecast.storage.plans import file_name, read_plans
from turbo_forecast.storage.warehouse import month_rows
from turbo_forecast.windows import run_windows

SHOWN = 20


@month_table(PLANNED_CHANGES, Place("publication", Stored.TABLE, ("polars",)))
def planned_changes(month: Month) -> pl.DataFrame:
    """Read the file of plans, and resolve each of its rows for every scenario."""
    path = month.outlook.plans
    end = run_windows(month.cutoff, month.settings).horizon_end
    changes = resolved(read_plans(path), fleet_of(month), month.cutoff, end, file_name(path))
    month.told = told_of(changes)
    return changes


def fleet_of(month: Month) -> Fleet:
    """The month's series, which of them have a forecast, and the groups that they belong to."""
    outcomes = month_rows(month.con, SERIES_OUTCOMES, month.cutoff).select("host_id", "resource")
    champions = month.made(CHAMPIONS).select("host_id", "resource", has_forecast=True).collect()
    series = outcomes.join(champions, on=["host_id", "resource"], how="left")
    members = month_rows(month.con, GROUP_MEMBERS, month.cutoff).filter(present=1)
    return Fleet.of(series.with_columns(pl.col("has_forecast").fill_null(False)), members)


def told_of(changes: pl.DataFrame) -> Metadata:
    """How many changes there are, and which of them have no effect."""
    idle = changes.filter(pl.col("effect") != APPLIED).select("scenario", "file_row", "host_id", "resource", "effect")
    told: Metadata = {"changes by effect": counts(changes, "effect"), "scenarios": counts(changes, "scenario")}
    return told | ({"first without effect": markdown(idle.head(SHOWN))} if len(idle) else {})
