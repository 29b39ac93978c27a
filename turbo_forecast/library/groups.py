"""`forecast_fleet`'s groups: a frame of hosts and groups to the groups' own forecast.

Does not belong here: how a group's level is found, and how groups are forecast (`fleet/groups.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from turbo_forecast.errors import SettingsError
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.group_statements import GroupStatements
from turbo_forecast.fleet.groups import first_day, forecast_groups, group_history
from turbo_forecast.fleet.outlook_statements import Statements
from turbo_forecast.outlook.groups import PATIENCE_DAYS
from turbo_forecast.schemas import (
    CALIBRATION,
    GROUP_FORECAST,
    GROUP_HISTORY,
    GROUP_MEMBERS,
    OUTLOOK_BACKTEST,
)
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.groups import Groups, first_in, groups_of, members_of, read_groups, values_in


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


@dataclass(frozen=True, slots=True)
class GroupMonth:
    """What a month has of groups. frames: rows of GROUP_MEMBERS, GROUP_HISTORY and GROUP_FORECAST, by the table's name.

    statements: what makes statements about them; None where no group has a forecast.
    """

    frames: dict[str, pl.DataFrame]
    statements: GroupStatements | None = None

    def backtest(self) -> pl.DataFrame:
        """The groups' rows of OUTLOOK_BACKTEST."""
        made = self.statements
        return made.backtest() if made else pl.DataFrame(schema=OUTLOOK_BACKTEST.polars_schema)


def group_month(
    groups: Groups | None,
    base: pl.DataFrame,
    outcomes: pl.DataFrame,
    fleet: Statements,
    settings: ForecastSettings,
    checkpoint: Path,
    log: Callable[[str], None],
) -> GroupMonth:
    """Forecast the groups of a month, if there are any; else all tables are without a row.

    base: rows of BASE_TABLE up to the cutoff. outcomes: the fleet's; fleet: what its run has left. checkpoint: a folder of the groups'
    own run, which must stay while statements are made.
    """
    windows = fleet.windows
    frames = {
        table.name: pl.DataFrame(schema=table.polars_schema) for table in (GROUP_MEMBERS, GROUP_HISTORY, GROUP_FORECAST)
    }
    if groups is None:
        return GroupMonth(frames)
    members = members_of(groups, outcomes, windows.cutoff, PATIENCE_DAYS)
    for remark in members.remarks:
        log(remark)
    first = first_day(settings, windows.history_start, partial(first_in, base, members.rows))
    values = partial(values_in, base, first=first, last=windows.cutoff)
    history = group_history(members.rows, values, first, windows.cutoff)
    frames |= {GROUP_MEMBERS.name: members.rows, GROUP_HISTORY.name: history}
    if history.is_empty():
        return GroupMonth(frames)
    calibration = fleet.results.read(CALIBRATION).collect()
    run = forecast_groups(history, calibration, windows, settings, checkpoint=checkpoint, timer=AuditTimer(), log=log)
    own = Statements(run.results, windows, fleet.options)
    found = GroupStatements.of_month(own, fleet, run.rows, members.rows, history)
    for remark in found.remarks():
        log(remark)
    return GroupMonth({**frames, GROUP_FORECAST.name: run.rows}, found)
