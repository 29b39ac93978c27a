"""Orphaned runs, whose code server has ended: a kill, or a machine that went down. Dagster would hold them to be at work for ever.

Recorded as failed, they free their places and are executed again by the daemon. It tries that once, and only where it has the definitions:
so the code server that comes next must serve them first, and this is a process beside it (`python -m turbo_forecast.defs.orphaned_runs`).

Belongs here: which runs are orphaned, and their end. Does not belong here: runs of the command (`run_owners.py`).
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError  # what the client raises has no public name
from dagster._core.storage.tags import GRPC_INFO_TAG  # on runs that are processes of a code server; a pod's have it not
from dagster._grpc.client import DagsterGrpcClient  # no command of Dagster waits until a code server serves

from turbo_forecast.defs.instance import opened_instance, storage_errors_named
from turbo_forecast.defs.links import LOCATION
from turbo_forecast.errors import TurboForecastError
from turbo_forecast.text import printable, shown_message

POLL_SECONDS = 1.0
SETTLE_SECONDS = 20.0
"""After a code server has begun to serve, a daemon at work has its definitions within some seconds; it says so to nobody."""


def orphaned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Ids of the runs of this location that are processes of a code server, and at work by Dagster's books; ask while none serves."""
    return [
        run.run_id
        for run in instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        if run.remote_job_origin is not None
        and run.remote_job_origin.location_name == LOCATION
        and GRPC_INFO_TAG in run.tags
    ]


def end_orphaned_runs(instance: dg.DagsterInstance, run_ids: Sequence[str], log: Callable[[str], None]) -> None:
    """Record these runs as failed, unless they have ended meanwhile, and free their places in the pools."""
    for run_id in run_ids:
        run = instance.get_run_by_id(run_id)
        if run is not None and run.status is dg.DagsterRunStatus.STARTED:
            instance.report_run_failed(run, "The code server in which this run was a process has ended without it.")
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)
            log(f"run {run_id} was left by a code server that has ended: recorded as failed")


def end_beside_server(run_ids: Sequence[str], host: str, port: int) -> None:
    """Start the process that ends these runs when a code server serves at this address."""
    if run_ids:
        command = [sys.executable, "-m", "turbo_forecast.defs.orphaned_runs", "--host", host, "--port", str(port)]
        subprocess.Popen([*command, *run_ids], stdin=subprocess.DEVNULL)


def main(arguments: Sequence[str]) -> int:
    """0: the runs are ended, or whoever started this process has gone, and the next code server will see to them; 2: they are not."""
    parser = argparse.ArgumentParser(prog="python -m turbo_forecast.defs.orphaned_runs")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("run_ids", nargs="+")
    given = parser.parse_args(arguments)
    try:
        if _served(given.host, given.port, os.getppid()):
            with opened_instance() as instance, storage_errors_named():
                end_orphaned_runs(instance, given.run_ids, log)
    except TurboForecastError as error:
        print(f"error: {printable(shown_message(str(error)))}", file=sys.stderr, flush=True)
        return 2
    return 0


def _served(host: str, port: int, parent: int) -> bool:
    """Waits until the code server serves, and its clients have noticed; False where the parent, which becomes the server, has ended."""
    client, settled = DagsterGrpcClient(host=host, port=port), 0.0
    while settled < SETTLE_SECONDS:
        if os.getppid() != parent:
            return False
        time.sleep(POLL_SECONDS)
        try:
            client.ping("")
            settled += POLL_SECONDS
        except DagsterUserCodeUnreachableError:
            settled = 0.0
    return True


def log(line: str) -> None:
    """Print a line that may hold names which others chose."""
    print(printable(shown_message(line)), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
