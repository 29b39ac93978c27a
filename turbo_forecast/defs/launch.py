"""Materialising months from the command line, on the same instance as the UI.

Belongs here: starting a run. Does not belong here: what it has to say afterwards (`launched.py`), and printing.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg

from turbo_forecast.defs.instance import opened_instance, storage_errors_named
from turbo_forecast.defs.jobs import monthly_forecast
from turbo_forecast.defs.launched import Launched
from turbo_forecast.defs.ownership import owner_tags, release_dead_runs
from turbo_forecast.defs.partitions import MONTHS
from turbo_forecast.errors import PartitionError


def partition_keys(months: str) -> list[str]:
    """Partitions of `2025-12`, or of a range `2025-10..2025-12`. Raises PartitionError for a month that is not over."""
    parts = [part.strip() for part in months.split("..")]
    bounds = [part if len(part) == len("2025-12-01") else f"{part}-01" for part in parts]
    keys = list(MONTHS.get_partition_keys(current_time=datetime.now(UTC)))
    for bound, text in zip(bounds, parts, strict=True):
        if bound not in keys:
            raise PartitionError(
                f"month {text!r} cannot be forecast: it is not a month YYYY-MM from {keys[0][:7]} to {keys[-1][:7]}, "
                "the last one that is over"
            )
    if len(bounds) > 2 or bounds[0] > bounds[-1]:
        raise PartitionError(f"months {months!r} are no range; write first..last, as in 2025-10..2025-12")
    return keys[keys.index(bounds[0]) : keys.index(bounds[-1]) + 1]


def month_job() -> dg.JobDefinition:
    """The monthly job as the code location defines it."""
    from turbo_forecast.definitions import build_definitions  # built here, so that the environment is read now

    return build_definitions().resolve_job_def(monthly_forecast.name)


def materialise(keys: list[str], *, verbose: bool, say: Callable[[str], None] = print) -> Launched:
    """Run the monthly job over these partitions, in this process, and wait for its end.

    say: called where the run waits for one that may still be alive. Raises StorageError where DAGSTER_HOME cannot be
    written.
    """
    started = time.perf_counter()
    with opened_instance() as instance, storage_errors_named(), owner_tags() as tags:
        release_dead_runs(instance, say)
        if len(keys) == 1:
            tags["dagster/partition"] = keys[0]
        else:
            tags |= {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
        quiet = {"loggers": {"console": {"config": {"log_level": "DEBUG" if verbose else "CRITICAL"}}}}
        result = dg.execute_job(
            dg.reconstructable(month_job), instance=instance, tags=tags, run_config=quiet, raise_on_error=False
        )
        launched = Launched(result.run_id, result.success, time.perf_counter() - started)
        for event in result.all_events:
            launched.take(event)
        launched.take_records(instance)
    return launched
