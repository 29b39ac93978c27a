"""Resuming a command for several months: which of them are made already and need not be made again.

Belongs here: the tags such a command leaves on its runs, and what must be equal for a finished month to stand. Does not
belong here: starting runs (`launch.py`).

A command of which every month succeeded is no such command: given again, it makes every month again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg
import duckdb

from turbo_forecast.defs.assets.months import require_files
from turbo_forecast.defs.resources import DataFolder, ForecastResource, OutlookResource, TelemetryResource, Warehouse
from turbo_forecast.defs.settings_hashes import outlook_digest
from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.checkpoint import made_with
from turbo_forecast.schemas import FORECAST_ACCURACY, OUTLOOK_OVER_TIME
from turbo_forecast.storage.accuracy import first_scored
from turbo_forecast.storage.base_table import digest_up_to, is_current
from turbo_forecast.storage.landed import landed_months
from turbo_forecast.storage.months import COMPLETE, month_state, month_states, settled_months
from turbo_forecast.storage.warehouse import transaction
from turbo_forecast.windows import cutoff_of

RANGE_TAG = "turbo_forecast/range"
"""On the runs of one command for several months: the months as they were asked for."""
COMMAND_TAG = "turbo_forecast/command"
"""The same on all runs of one command, and on no others."""
MADE_WITH_TAG = "turbo_forecast/made_with"
"""On the same runs: digests of program, settings, and files of others that the month was made with: of its forecasts, and of
the statements that follow from them."""
PARTITION_TAG = "dagster/partition"


@dataclass(frozen=True, slots=True)
class Made:
    """A month that a command made: by which run, and what with (MADE_WITH_TAG)."""

    run_id: str
    made_with: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command for several months: its name in COMMAND_TAG, and what succeeded, by month."""

    name: str
    finished: Mapping[str, Made]


def range_tags(keys: Sequence[str], command: str) -> dict[str, str]:
    """Tags for the runs of a command for these months; none where it is of one month."""
    return {RANGE_TAG: f"{keys[0]}..{keys[-1]}", COMMAND_TAG: command} if len(keys) > 1 else {}


def made_with_tag(resources: Mapping[str, object]) -> dict[str, str]:
    """The tag for a run that is about to begin. Raises SettingsError where an external model, the groups or the plans have no file."""
    forecast, outlook = resources["forecast"], resources["outlook"]
    assert isinstance(forecast, ForecastResource)
    assert isinstance(outlook, OutlookResource)
    return {MADE_WITH_TAG: f"{made_with(forecast.settings())} {outlook_digest(outlook.settings())}"}


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
    finished = {
        key: Made(run.run_id, run.tags.get(MADE_WITH_TAG, ""))
        for key, run in latest.items()
        if run.status == dg.DagsterRunStatus.SUCCESS
    }
    return None if set(finished) == set(keys) else Command(name, finished)


def stands(key: str, made: Made, resources: Mapping[str, object]) -> bool:
    """Whether a month is as its run left it, and would be made of the same again.

    resources: of the definitions. Raises StorageError where the warehouse cannot be opened or a landed month is damaged,
    TelemetryError or SettingsError where a file that the month is made of is not there any more.
    """
    warehouse, telemetry, folder = (resources[name] for name in ("warehouse", "telemetry", "folder"))
    assert isinstance(warehouse, Warehouse)
    assert isinstance(telemetry, TelemetryResource)
    assert isinstance(folder, DataFolder)
    if made_with_tag(resources) != {MADE_WITH_TAG: made.made_with} or not _has_files(folder, key):
        return False
    with warehouse.get_connection() as con, transaction(con):
        landed = landed_months(folder.root)
        current = is_current(con, telemetry.settings(), date.today(), landed)
        return current and _is_stored(con, key, made, resources)


def _has_files(folder: DataFolder, key: str) -> bool:
    try:
        require_files(folder, key)
    except StorageError:
        return False
    return True


def _is_stored(con: duckdb.DuckDBPyConnection, key: str, made: Made, resources: Mapping[str, object]) -> bool:
    """Whether the run's month is complete, of the rows there are, and has scored all forecasts that it could score now."""
    forecast = resources["forecast"]
    assert isinstance(forecast, ForecastResource)
    settings, cutoff = forecast.settings(), cutoff_of(key)
    found = month_state(con, cutoff)
    if found is None or (found.state, found.run_id, found.config_hash) != (
        COMPLETE,
        made.run_id,
        settings.config_hash(),
    ):
        return False
    first = first_scored(cutoff, settings.horizon_months)
    complete = {month for month, state in month_states(con).items() if state == COMPLETE and first <= month < cutoff}
    return found.digest == digest_up_to(con, cutoff) and all(
        complete <= set(settled_months(con, cutoff, scores.name)) for scores in (FORECAST_ACCURACY, OUTLOOK_OVER_TIME)
    )
