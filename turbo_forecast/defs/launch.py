"""Materialising months from the command line, on the same instance as the UI: one run a month, one after the other.

Belongs here: starting runs. Does not belong here: what one has to say afterwards (`launched.py`), and printing.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import dagster as dg

from turbo_forecast.defs.instance import opened_instance, storage_errors_named
from turbo_forecast.defs.jobs import monthly_forecast
from turbo_forecast.defs.launched import Launched
from turbo_forecast.defs.ownership import OWNER_TAG, owner_tags, release_dead_runs
from turbo_forecast.defs.ranges import Command, range_tags, standing, unfinished_command


def month_job() -> dg.JobDefinition:
    """The monthly job as the code location defines it."""
    from turbo_forecast.definitions import build_definitions  # built here, so that the environment is read now

    return build_definitions().resolve_job_def(monthly_forecast.name)


def materialise(keys: Sequence[str], *, verbose: bool, say: Callable[[str], None] = print) -> Iterator[Launched]:
    """Run the monthly job for each month in turn, in this process; yields each run when it has ended.

    Months that the same command has made are left out, where another of its months did not succeed then. A month that
    fails does not keep the next ones from being run, unless they would fail alike (`Launched.ends_all`).
    say: called where the run waits for one that may still be alive. Raises StorageError where DAGSTER_HOME cannot be
    written.
    """
    with opened_instance() as instance, storage_errors_named(), owner_tags() as tags:
        release_dead_runs(instance, say)
        before = unfinished_command(instance, keys)
        done = _standing(before)
        if done:
            say(f"{', '.join(done)}: complete since this command was given before; only the other months are made")
        tags |= range_tags(keys, before.name if before and done else f"{tags[OWNER_TAG]} {time.time():.3f}")
        for key in [key for key in keys if key not in done]:
            launched = _run(instance, key, tags, verbose=verbose)
            yield launched
            if launched.ends_all:
                return


def _standing(before: Command | None) -> list[str]:
    """Months that need not be made: this command made them when it was given before, and they would be the same."""
    from turbo_forecast.definitions import build_resources

    return standing(before.finished, build_resources()) if before and before.finished else []


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
