"""`forecast_fleet`'s groups: a frame of hosts and groups to the groups' own forecast.

Does not belong here: how a group's level is found, and how groups are forecast (`fleet/groups.py`).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from turbo_forecast.errors import SettingsError
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.groups import forecast_groups, group_history
from turbo_forecast.outlook.groups import PATIENCE_DAYS
from turbo_forecast.schemas import GROUP_FORECAST, GROUP_HISTORY, GROUP_MEMBERS
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.groups import Groups, groups_of, members_of, read_groups, values_in
from turbo_forecast.windows import Windows


def groups_from(groups: Any) -> Groups | None:
    """The groups of a frame (Polars, pandas, Arrow) or a file's path; None for None. Raises SettingsError."""
    if groups is None:
        return None
    if isinstance(groups, str | Path):
        return read_groups(str(groups))
    if isinstance(groups, pl.LazyFrame):
        groups = groups.collect()
    if not hasattr(groups, "__arrow_c_stream__") or isinstance(groups, pl.Series):
        raise SettingsError(
            f"groups must be a frame with the columns host_id and group, or a file's path, not {type(groups).__name__}"
        )
    return groups_of(pl.DataFrame(groups))


def group_frames(
    groups: Groups | None,
    base: pl.DataFrame,
    outcomes: pl.DataFrame,
    calibration: pl.DataFrame,
    windows: Windows,
    settings: ForecastSettings,
    *,
    scratch: Path,
    say: Callable[[str], None],
) -> dict[str, pl.DataFrame]:
    """Rows of GROUP_MEMBERS, GROUP_HISTORY and GROUP_FORECAST, by the table's name; none of them without groups.

    base: rows of BASE_TABLE up to the cutoff. outcomes, calibration: the fleet's. scratch: a folder of the groups' own run.
    """
    empty = {
        table.name: pl.DataFrame(schema=table.polars_schema) for table in (GROUP_MEMBERS, GROUP_HISTORY, GROUP_FORECAST)
    }
    if groups is None:
        return empty
    members = members_of(groups, outcomes, windows.cutoff, PATIENCE_DAYS)
    for remark in members.remarks:
        say(remark)
    first = windows.history_start
    values = partial(values_in, base, first=first, last=windows.cutoff)
    history = group_history(members.rows, values, first, windows.cutoff)
    found = {**empty, GROUP_MEMBERS.name: members.rows, GROUP_HISTORY.name: history}
    if history.is_empty():
        return found
    run = forecast_groups(history, calibration, windows, settings, scratch=scratch, timer=AuditTimer(), say=say)
    return {**found, GROUP_FORECAST.name: run.rows}
