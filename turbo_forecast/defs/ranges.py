"""A command for several months of which not all succeeded, and is given again: which months need not be made anew.

Belongs here: the tags such a command leaves on its runs, and what must be equal for a finished month to stand. Does not
belong here: starting runs (`launch.py`).

A command of which every month succeeded is no such command: given again, it makes every month again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from turbo_forecast.defs.resources import ForecastResource, TelemetryResource, Warehouse
from turbo_forecast.fleet.windows import cutoff_of
from turbo_forecast.storage.base_table import digest_up_to, is_current
from turbo_forecast.storage.months import COMPLETE, month_state
from turbo_forecast.storage.warehouse import transaction

RANGE_TAG = "turbo_forecast/range"
"""On the runs of one command for several months: the months as they were asked for."""
COMMAND_TAG = "turbo_forecast/command"
"""The same on all runs of one command, and on no others."""
PARTITION_TAG = "dagster/partition"


@dataclass(frozen=True, slots=True)
class Command:
    """A command for several months: its name in COMMAND_TAG, and the runs that succeeded, by month."""

    name: str
    finished: Mapping[str, str]


def range_tags(keys: Sequence[str], command: str) -> dict[str, str]:
    """Tags for the runs of a command for these months; none where it is of one month."""
    return {RANGE_TAG: f"{keys[0]}..{keys[-1]}", COMMAND_TAG: command} if len(keys) > 1 else {}


def unfinished_command(instance: dg.DagsterInstance, keys: Sequence[str]) -> Command | None:
    """The last command for just these months, where a month of it has not succeeded; None where all have, or there is none."""
    tags = range_tags(keys, "")
    earlier = instance.get_runs(filters=dg.RunsFilter(tags={RANGE_TAG: tags[RANGE_TAG]})) if tags else []
    if not earlier:
        return None
    name = earlier[0].tags.get(COMMAND_TAG, "")  # the latest run comes first
    latest: dict[str, dg.DagsterRun] = {}
    for run in earlier:
        if run.tags.get(COMMAND_TAG) == name:
            latest.setdefault(run.tags[PARTITION_TAG], run)
    finished = {key: run.run_id for key, run in latest.items() if run.status == dg.DagsterRunStatus.SUCCESS}
    return None if set(finished) == set(keys) else Command(name, finished)


def standing(finished: Mapping[str, str], resources: Mapping[str, object]) -> list[str]:
    """Those of the finished months that are as their runs left them, and would be made of the same again.

    finished: months with their runs' ids. resources: of the definitions. Raises StorageError where the warehouse cannot
    be opened.
    """
    warehouse, forecast, telemetry = (resources[name] for name in ("warehouse", "forecast", "telemetry"))
    assert isinstance(warehouse, Warehouse)
    assert isinstance(forecast, ForecastResource)
    assert isinstance(telemetry, TelemetryResource)
    config_hash = forecast.settings().config_hash()
    with warehouse.get_connection() as con, transaction(con):
        if not is_current(con, telemetry.settings(), date.today()):
            return []
        states = {key: month_state(con, cutoff_of(key)) for key in finished}
        return [
            key
            for key, found in states.items()
            if found is not None
            and (found.state, found.run_id, found.config_hash) == (COMPLETE, finished[key], config_hash)
            and found.digest == digest_up_to(con, cutoff_of(key))
        ]
