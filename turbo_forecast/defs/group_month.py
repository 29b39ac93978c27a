"""A month's groups as Dagster runs them: inputs are read, groups are forecast, statements are made.

Belongs here: folders and tables. Does not belong here: the run (`fleet/groups.py`), the statements (`fleet/group_statements.py`),
and the assets.
"""

import shutil

import polars as pl

from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.reporting import log_to
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.checkpoint import checkpoint_folder
from turbo_forecast.fleet.group_statements import GroupStatements
from turbo_forecast.fleet.groups import forecast_groups
from turbo_forecast.fleet.outlook_statements import Statements
from turbo_forecast.schemas import (
    CALIBRATION,
    GROUP_FORECAST,
    GROUP_HISTORY,
    GROUP_MEMBERS,
    OUTLOOK_BACKTEST,
)
from turbo_forecast.storage.results import Results
from turbo_forecast.storage.warehouse import month_rows
from turbo_forecast.windows import run_windows


def forecast_group_month(month: Month) -> pl.DataFrame:
    """Rows of GROUP_FORECAST; what else the groups' run makes is published in the month's folder of group results.

    Where there are no groups, there is no run, and no such folder. Raises as `run_fleet`.
    """
    place = month.folder.group_results(month.key)
    history = month_rows(month.con, GROUP_HISTORY, month.cutoff)
    if history.is_empty():
        shutil.rmtree(place, ignore_errors=True)
        return pl.DataFrame(schema=GROUP_FORECAST.polars_schema)
    with checkpoint_folder(place.with_name(f".unfinished-{month.key}")) as scratch:
        run = forecast_groups(
            history,
            month.made(CALIBRATION).collect(),
            run_windows(month.cutoff, month.settings),
            month.settings,
            checkpoint=scratch,
            timer=AuditTimer(),  # its stages are within the asset's own
            log=log_to(month.context),
        )
        run.results.publish(place)
    return run.rows


def group_statements(month: Month) -> GroupStatements | None:
    """What makes the month's statements about groups; None where it has no forecast of any. Raises StorageError."""
    published = month_rows(month.con, GROUP_FORECAST, month.cutoff)
    if published.is_empty():
        return None
    members, history = (month_rows(month.con, table, month.cutoff) for table in (GROUP_MEMBERS, GROUP_HISTORY))
    results = Results(month.folder.group_results(month.key))
    own = Statements(results, run_windows(month.cutoff, month.settings), month.outlook)
    return GroupStatements.of_month(own, month.statements, published, members, history)


def group_backtest(month: Month) -> pl.DataFrame:
    """The groups' rows of OUTLOOK_BACKTEST; none without groups. Raises StorageError."""
    statements = group_statements(month)
    return pl.DataFrame(schema=OUTLOOK_BACKTEST.polars_schema) if statements is None else statements.backtest()
