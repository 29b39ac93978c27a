"""`planned_changes`: what the file of plans means for each series of the month."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.planned_month import planned_now
from turbo_forecast.defs.reporting import Metadata, counts, markdown
from turbo_forecast.outlook.plans import APPLIED
from turbo_forecast.schemas import PLANNED_CHANGES

SHOWN = 20


@month_table(PLANNED_CHANGES, Place("publication", Stored.TABLE, ("polars",)))
def planned_changes(month: Month) -> pl.DataFrame:
    """Read the file of plans, and resolve each of its rows for every scenario; no row where there is no such file."""
    changes = planned_now(month)
    month.metadata = metadata_of(changes)
    return changes


def metadata_of(changes: pl.DataFrame) -> Metadata:
    """How many changes there are, and which of them have no effect."""
    idle = changes.filter(pl.col("effect") != APPLIED).select("scenario", "file_row", "host_id", "resource", "effect")
    metadata: Metadata = {
        "changes by effect": counts(changes, "effect"),
        "changes by scenario": counts(changes, "scenario"),
    }
    return metadata | ({"first without effect": markdown(idle.head(SHOWN))} if len(idle) else {})
