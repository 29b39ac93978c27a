"""Materialising months from the command line, on the same instance as the UI: one run a month, one after the other.

Belongs here: starting runs. Does not belong here: what one has to say afterwards (`launched.py`), and printing.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import dagster as dg

from turbo_forecast.defs.instance import opened_instance, storage_errors_named
from turbo_forecast.defs.interruption import interruptions_noticed, waiting_logged
from turbo_forecast.defs.jobs import monthly_forecast
from turbo_forecast.defs.launched import Launched
from turbo_forecast.defs.ranges import Command, made_with_tag, range_tags, stands, unfinished_command
from turbo_forecast.defs.run_owners import OWNER_TAG, owner_tags, release_dead_runs
from turbo_forecast.settings import current_environment


def month_job() -> dg.JobDefinition:
    """The monthly job as the code location defines it. Dagster calls this four times for a run, half a second each."""
    return _job_of_this_run()


@cache
def _job_of_this_run() -> dg.JobDefinition:
    """Built once for each run, of the settings as they are when it begins (`_run`)."""
    from turbo_forecast.definitions import build_definitions  # slow, and built when it is known what of

    return build_definitions().resolve_job_def(monthly_forecast.name)


def materialise(keys: Sequence[str], *, verbose: bool, log: Callable[[str], None] = print) -> Iterator[Launched]:
    """Run the monthly job for each month in turn, in this process; yields each run when it has ended.

    A month that the same command has made, and would make of the same again, is yielded as it stands, where another month
    of the command did not succeed then. A month that fails does not keep the next ones from being run, unless they would
    fail alike (`Launched.ends_all`); an interruption does, whenever it comes.
    log: called where the run waits for another. Raises StorageError where DAGSTER_HOME cannot be written, SettingsError
    where the settings have become unusable since the command began.
    """
    _tell_processes()
    with (
        opened_instance() as instance,
        storage_errors_named(),
        owner_tags() as tags,
        interruptions_noticed() as interrupted,
    ):
        release_dead_runs(instance, log)
        before = unfinished_command(instance, keys)
        tags |= range_tags(keys, before.name if before else f"{tags[OWNER_TAG]} {time.time():.3f}")
        for key in keys:
            launched = _standing(before, key)
            if launched is None:
                with waiting_logged(instance, key, log):
                    launched = _run(instance, key, {**tags, **_made_with(keys)}, verbose=verbose)
            if interrupted():
                launched.interrupt()
            yield launched
            if launched.ends_all:
                return


def _tell_processes() -> None:
    """Where each step is a process of its own, pass these what this process was given by environment variables.

    Arguments of the job would do as well, were they not kept with the run and shown: a URL may hold a key.
    """
    environment = current_environment()
    if environment.settings().deployment.executor == "multiprocess":
        os.environ.update(environment.variables())


def _standing(before: Command | None, key: str) -> Launched | None:
    """The month as this command made it when it was given before, where it would be the same again.

    Asked when the month's turn has come: what the months before it have changed by then, counts.
    """
    from turbo_forecast.definitions import build_resources

    made = before.finished.get(key) if before else None
    if made is None or not stands(key, made, build_resources()):
        return None
    return Launched(key, made.run_id, True, 0.0, stands=True)


def _made_with(keys: Sequence[str]) -> dict[str, str]:
    from turbo_forecast.definitions import build_resources

    return made_with_tag(build_resources()) if len(keys) > 1 else {}


def _run(instance: dg.DagsterInstance, key: str, tags: Mapping[str, str], *, verbose: bool) -> Launched:
    started = time.perf_counter()
    _job_of_this_run.cache_clear()
    quiet = {"loggers": {"console": {"config": {"log_level": "DEBUG" if verbose else "CRITICAL"}}}}
    try:
        result = dg.execute_job(
            dg.reconstructable(month_job),
            instance=instance,
            tags={**tags, "dagster/partition": key},
            run_config=quiet,
            raise_on_error=False,
        )
    except dg.DagsterExecutionInterruptedError:  # before the run has begun, or when it was being closed
        raise KeyboardInterrupt from None
    launched = Launched(key, result.run_id, result.success, time.perf_counter() - started)
    for event in result.all_events:
        launched.take(event)
    launched.take_records(instance)
    return launched
