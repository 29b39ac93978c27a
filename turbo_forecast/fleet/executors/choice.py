"""Which executor works a run, by its settings.

Belongs here: the choice. Does not belong here: any executor.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from turbo_forecast.fleet.exchange import Exchange, SharedFolder
from turbo_forecast.fleet.executors.dask_cluster import require_distributed, require_tls_files
from turbo_forecast.fleet.executors.processes import processes
from turbo_forecast.fleet.executors.protocol import Executor
from turbo_forecast.fleet.executors.sharing import SharingExecutor
from turbo_forecast.fleet.tasks import Job
from turbo_forecast.settings import ExecutorSettings


def check_executor(options: ExecutorSettings) -> None:
    """Raises SettingsError for what can be checked before any work: the package is missing, or a file of TLS is."""
    if options.kind == "dask":
        require_distributed()
        require_tls_files(options)


@contextmanager
def executor_of(job: Job, exchange: Exchange, client: object, log: Callable[[str], None]) -> Iterator[Executor]:
    """The executor that the job's settings name, until the block ends; with a Dask client, its cluster.

    Raises SettingsError where it cannot be had, and ClusterLost where no scheduler answers.
    """
    options = job.settings.executor
    if client is None and options.kind == "processes":
        with processes(job, job.settings.worker_count, log) as executor:
            if type(exchange) is SharedFolder:  # it has nothing to stage out
                yield executor
            else:
                with closing(SharingExecutor(executor, job, exchange)) as sharing:
                    yield sharing
    else:
        from turbo_forecast.fleet.executors.dask_executor import on_cluster  # only who uses it needs the package

        with on_cluster(job, exchange, options, client, log) as cluster:
            yield cluster
