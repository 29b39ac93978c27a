"""`forecast_fleet`'s plans: a frame of dated changes to the tables of what they mean.

Does not belong here: what such a frame must look like (`storage/plans.py`), and what changes do (`outlook/`).
"""

from pathlib import Path
from typing import Any

import polars as pl

from turbo_forecast.errors import SettingsError
from turbo_forecast.outlook.loads import composed
from turbo_forecast.outlook.plans import Fleet, require_known, resolved
from turbo_forecast.schemas import PLANNED_CHANGES, PLANNED_LOADS
from turbo_forecast.storage.groups import Groups
from turbo_forecast.storage.plans import plans_of, read_plans
from turbo_forecast.windows import Windows

NAME = "plans"
"""What messages call them."""


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


def require_possible(plans: pl.DataFrame, base: pl.DataFrame, groups: Groups | None, windows: Windows) -> None:
    """Raises SettingsError for a host, group or resource that there is not, before anything is forecast.

    base: rows of BASE_TABLE; groups: as the file or frame of groups has them.
    """
    series = base.select("host_id", "resource").unique()
    members = None
    if groups is not None:
        rows = groups.rows.with_columns(pl.col("resource").cast(pl.String))
        whole = rows.filter(pl.col("resource").is_null()).drop("resource").join(series, on="host_id")
        single = rows.join(series, on=["host_id", "resource"], how="semi")
        members = pl.concat([single, whole.select(single.columns)]).with_columns(present=pl.lit(1))
    require_known(
        plans,
        Fleet.of(series.with_columns(has_forecast=pl.lit(True)), members),
        windows.cutoff,
        windows.horizon_end,
        NAME,
    )


def plan_frames(plans: pl.DataFrame, made: dict[str, pl.DataFrame], windows: Windows) -> dict[str, pl.DataFrame]:
    """Rows of PLANNED_CHANGES and PLANNED_LOADS, by the table's name.

    plans: as `plans_from` gives them. made: the result's frames so far, of which are asked champions and group_members. Raises
    SettingsError for a host, group or resource that there is not.
    """
    series = made["champions"].select("host_id", "resource", has_forecast=pl.lit(True))
    retired = made["outcomes"].join(series, on=["host_id", "resource"], how="anti")
    known = pl.concat([series, retired.select("host_id", "resource", has_forecast=pl.lit(False))])
    fleet = Fleet.of(known, made["group_members"])
    changes = resolved(plans, fleet, windows.cutoff, windows.horizon_end, NAME)
    return {PLANNED_CHANGES.name: changes, PLANNED_LOADS.name: composed(changes, windows.horizon_end)}
