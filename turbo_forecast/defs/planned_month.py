"""A month's planned changes for its assets: the file of plans resolved, and statements in every scenario.

Belongs here: the tables and files that are read for it. Does not belong here: the rules (`outlook/`), and the assets.
"""

from collections.abc import Sequence

import polars as pl

from turbo_forecast.defs.group_month import group_statements
from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.reporting import log_to
from turbo_forecast.fleet.planned_statements import PlannedStatements, month_statements
from turbo_forecast.outlook.plans import Fleet, resolved
from turbo_forecast.schemas import CHAMPIONS, GROUP_MEMBERS, SERIES_OUTCOMES
from turbo_forecast.storage.plans import file_name, read_plans
from turbo_forecast.storage.warehouse import month_rows
from turbo_forecast.windows import run_windows


def planned_now(month: Month) -> pl.DataFrame:
    """Rows of PLANNED_CHANGES, as the file of plans is now. Raises SettingsError, which names file, row and column."""
    path = month.outlook.plans
    end = run_windows(month.cutoff, month.settings).horizon_end
    return resolved(read_plans(path), _fleet(month), month.cutoff, end, file_name(path))


def _fleet(month: Month) -> Fleet:
    """The month's series, which of them have a forecast, and the groups that they belong to."""
    outcomes, members = (month_rows(month.con, table, month.cutoff) for table in (SERIES_OUTCOMES, GROUP_MEMBERS))
    return Fleet.of_month(outcomes, month.made(CHAMPIONS).collect(), members)


def planned_statements(month: Month, loads: pl.DataFrame, scenarios: Sequence[str]) -> list[PlannedStatements]:
    """What makes statements of the month's series, and of its groups where there are any. loads: rows of PLANNED_LOADS."""
    groups = group_statements(month)
    for remark in groups.remarks() if groups else ():
        log_to(month.context)(remark)
    return month_statements(month.statements, groups, loads, scenarios)
