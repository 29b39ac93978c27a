"""A month's groups around their run: what is read for it, and what it leaves beside its rows.

Belongs here: the folders. Does not belong here: the run itself (`fleet/groups.py`), and the assets.
"""

import shutil

import polars as pl

from turbo_forecast.defs.monthly import Month
from turbo_forecast.defs.reporting import say_to
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.groups import forecast_groups
from turbo_forecast.fleet.scratch import unfinished
from turbo_forecast.schemas import CALIBRATION, GROUP_FORECAST, GROUP_HISTORY
from turbo_forecast.storage.warehouse import query
from turbo_forecast.windows import run_windows


def forecast_group_month(month: Month) -> pl.DataFrame:
    """Rows of GROUP_FORECAST; what else the groups' run makes is published in the month's folder of group results.

    Where there are no groups, there is no run, and no such folder. Raises as `run_fleet`.
    """
    place = month.folder.group_results(month.key)
    history = query(month.con, f"SELECT * FROM {GROUP_HISTORY.name} WHERE cutoff = DATE '{month.cutoff}'")
    if history.is_empty():
        shutil.rmtree(place, ignore_errors=True)
        return pl.DataFrame(schema=GROUP_FORECAST.polars_schema)
    with unfinished(place.with_name(f".unfinished-{month.key}")) as scratch:
        run = forecast_groups(
            history,
            month.made(CALIBRATION).collect(),
            run_windows(month.cutoff, month.settings),
            month.settings,
            scratch=scratch,
            timer=AuditTimer(),  # its stages are within the asset's own
            say=say_to(month.context),
        )
        run.results.publish(place)
    return run.rows
