"""`forecast_fleet`'s plans: a frame of dated changes to the tables of what they mean.

Does not belong here: what such a frame must look like (`storage/plans.py`), and what changes do (`outlook/`).
"""

from pathlib import Path
from typing import Any

import polars as pl

from turbo_forecast.errors import SettingsError
from turbo_forecast.outlook.loads import composed
from turbo_forecast.outlook.plans import Fleet, resolved
from turbo_forecast.schemas import PLANNED_CHANGES, PLANNED_LOADS
from turbo_forecast.storage.plans import plans_of, read_plans
from turbo_forecast.windows import Windows


def plans_from(plans: Any) -> pl.DataFrame:
    """The plans of a frame (Polars, pandas, Arrow) or of a file's path; none for None. Raises SettingsError."""
    if plans is None or isinstance(plans, str | Path):
        return read_plans(str(plans or ""))
    if isinstance(plans, pl.LazyFrame):
        plans = plans.collect()
    if not hasattr(plans, "__arrow_c_stream__") or isinstance(plans, pl.Series):
        raise SettingsError(
            f"plans must be a frame with the columns date, host_id and change, or a file's path, not {type(plans).__name__}"
        )
    return plans_of(pl.DataFrame(plans))


def plan_frames(plans: pl.DataFrame, made: dict[str, pl.DataFrame], windows: Windows) -> dict[str, pl.DataFrame]:
    """Rows of PLANNED_CHANGES and PLANNED_LOADS, by the table's name.

    plans: as `plans_from` gives them. made: the result's frames so far, of which are asked champions and group_members. Raises
    SettingsError for a host, group or resource that there is not.
    """
    series = made["champions"].select("host_id", "resource", has_forecast=True)
    retired = made["outcomes"].join(series, on=["host_id", "resource"], how="anti")
    known = pl.concat([series, retired.select("host_id", "resource", has_forecast=False)])
    fleet = Fleet.of(known, made["group_members"].filter(pl.col("present") == 1))
    changes = resolved(plans, fleet, windows.cutoff, windows.horizon_end, "plans")
    return {PLANNED_CHANGES.name: changes, PLANNED_LOADS.name: composed(changes, windows.horizon_end)}
