"""Whose process a run from the command line belongs to, and what becomes of runs whose process is gone.

`python -m turbo_forecast.defs.run_owners RUN_ID` ends a run of which only a person can know that its process is gone.

Belongs here: a run's tags, its claim in DAGSTER_HOME, freeing its place in the pools. Does not belong here: who is
alive (`processes.py`), starting a run (`launch.py`).
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import dagster as dg

from turbo_forecast.defs.instance import opened_instance, storage_errors_named
from turbo_forecast.errors import TurboForecastError, writing
from turbo_forecast.leftovers import locked_file
from turbo_forecast.processes import Liveness, locked_liveness, parsed

OWNER_TAG = "turbo_forecast/process"
HOST_TAG = "turbo_forecast/host"
UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def claim_of(owner: str) -> Path:
    """The file in DAGSTER_HOME that the owner of a run keeps locked for as long as it lives."""
    return Path(os.environ["DAGSTER_HOME"]) / ".runs" / Path(owner).name


@contextmanager
def owner_tags() -> Iterator[dict[str, str]]:
    """Tags for a run of this process, whose claim is held until the block ends. Raises StorageError."""
    folder = claim_of("x").parent
    with ExitStack() as stack:
        with writing(folder):
            folder.mkdir(exist_ok=True)
            # kept, without its lock, where the run's end may not have been recorded: it proves that this process is gone
            claim = stack.enter_context(locked_file(claim_of, keep_after_error=True))
        yield {OWNER_TAG: claim.name, HOST_TAG: socket.gethostname()}


def release_dead_runs(instance: dg.DagsterInstance, log: Callable[[str], None]) -> None:
    """End the runs whose process is gone (killed, or the machine went down), and free their place in the pools.

    So is the place of a run that has ended and left it behind.
    The daemon does this for runs it launched; a run from the command line has only its successor. A run of which it is
    not certain keeps its place, and `log` gets a line with what a person can do.
    """
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=UNFINISHED)):
        owner = owner_of(run)
        if not owner:
            continue
        identity = parsed(owner, run.tags.get(HOST_TAG, ""))
        who = identity.describe() if identity else f"process {owner.split('@')[0]}"
        with locked_liveness(identity, claim_of(owner)) as state:
            if state is Liveness.DEAD:
                end(instance, run, f"its process is gone: {who}")
            elif state is Liveness.UNKNOWN:
                log(
                    f"run {run.run_id[:8]} of {who} may still be at work, which cannot be seen from here; this run waits for "
                    f"its end. If it has died: python -m turbo_forecast.defs.run_owners {run.run_id}"
                )
    _free_places_of_ended_runs(instance)
    _remove_stale_claims()


def _free_places_of_ended_runs(instance: dg.DagsterInstance) -> None:
    """Free what is still held in the pools by runs that have ended, or were deleted.

    A step whose process dies before its first event keeps its place; the daemon frees it, where there is one.
    """
    storage = instance.event_log_storage
    slots = [
        slot for pool in storage.get_concurrency_keys() for slot in storage.get_concurrency_info(pool).claimed_slots
    ]
    for run_id in sorted({slot.run_id for slot in slots}):
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            storage.free_concurrency_slots_for_run(run_id)


def owner_of(run: dg.DagsterRun) -> str | None:
    """The owner of a run from the command line; None for any other, which may have its tags.

    The UI copies tags into the launchpad and into runs that it executes again; only such runs have an origin.
    """
    return None if run.remote_job_origin else run.tags.get(OWNER_TAG)


def end(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """Record the run as failed, free its place in the pools, and remove its claim."""
    instance.report_run_failed(run, why)
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    with suppress(OSError):
        claim_of(run.tags[OWNER_TAG]).unlink(missing_ok=True)


def _remove_stale_claims() -> None:
    """Remove what processes that died between their run's end and their own left."""
    for path in claim_of("x").parent.glob("*"):
        owner = parsed(path.name)
        if owner:
            with locked_liveness(owner, path) as state, suppress(OSError):
                if state is Liveness.DEAD:
                    path.unlink()


def main(arguments: list[str]) -> int:
    """0: the run is ended; 2: it is not, and why."""
    try:
        with opened_instance() as instance, storage_errors_named():
            return _end_by_hand(instance, arguments[0] if len(arguments) == 1 else "")
    except TurboForecastError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _end_by_hand(instance: dg.DagsterInstance, run_id: str) -> int:
    run = instance.get_run_by_id(run_id) if run_id else None
    owner = owner_of(run) if run else None
    if run is None or run.status not in UNFINISHED or not owner:
        print(f"error: {run_id or 'no id'}: give the id of an unfinished run of the command line", file=sys.stderr)
        return 2
    with locked_liveness(parsed(owner), claim_of(owner)) as state:
        if state is Liveness.ALIVE:
            print(f"error: the process of run {run_id} is alive: end that process", file=sys.stderr)
            return 2
        end(instance, run, "its process is gone, as a person said")
    print(f"run {run_id} is ended, and its place is free")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
