"""Materialising months from the command line, on the same instance as the UI: one run a month, one after the other.

Belongs here: starting runs. Does not belong here: what one has to say afterwards (`launched.py`), and printing.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import dagster as dg

from turbo_forecast.defs.instance import opened_instance, storage_errors_named
from turbo_forecast.defs.jobs import monthly_forecast
from turbo_forecast.defs.launched import Launched
from turbo_forecast.defs.ownership import owner_tags, release_dead_runs

RANGE_TAG = "turbo_forecast/range"
"""On the runs of one command for several months: the months as they were asked for."""


def month_job() -> dg.JobDefinition:
    """The monthly job as the code location defines it."""
    from turbo_forecast.definitions import build_definitions  # built here, so that the environment is read now

    return build_definitions().resolve_job_def(monthly_forecast.name)


def materialise(keys: Sequence[str], *, verbose: bool, say: Callable[[str], None] = print) -> Iterator[Launched]:
    """Run the monthly job for each month in turn, in this process; yields each run when it has ended.

    A month that fails does not keep the next ones from being run, unless they would fail alike (`Launched.ends_all`).
    say: called where the run waits for one that may still be alive. Raises StorageError where DAGSTER_HOME cannot be
    written.
    """
    with opened_instance() as instance, storage_errors_named(), owner_tags() as tags:
        release_dead_runs(instance, say)
        if len(keys) > 1:
            tags[RANGE_TAG] = f"{keys[0]}..{keys[-1]}"
        for key in keys:
            launched = _run(instance, key, tags, verbose=verbose)
            yield launched
            if launched.ends_all:
                return


def _run(instance: dg.DagsterInstance, key: str, tags: Mapping[str, str], *, verbose: bool) -> Launched:
    started = time.perf_counter()
    quiet = {"loggers": {"console": {"config": {"log_level": "DEBUG" if verbose else "CRITICAL"}}}}
    result = dg.execute_job(
        dg.reconstructable(month_job),
        instance=instance,
        tags={**tags, "dagster/partition": key},
        run_config=quiet,
        raise_on_error=False,
    )
    launched = Launched(key, result.run_id, result.success, time.perf_counter() - started)
    for event in result.all_events:
        launched.take(event)
    launched.take_records(instance)
    return launched
