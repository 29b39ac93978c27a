"""What tests of executors share: one Dask cluster for all of them."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from turbo_forecast_tests.fleet.executors.dask_processes import DaskProcesses
    from turbo_forecast_tests.fleet.executors.made_up_cluster import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., "Stage"]:
    """Makes an executor on a made-up cluster: its workers' threads by name."""
    from turbo_forecast_tests.fleet.executors.made_up_cluster import staged

    return partial(staged, tmp_path)


@pytest.fixture(scope="package")
def dask_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator["DaskProcesses"]:
    """A scheduler and three workers; tests that use it belong to the xdist_group "dask".

    They end as soon as the test process comes to a test of another folder: idle ones, too, cost time to the session's end.
    """
    pytest.importorskip("distributed", reason="distributed is not installed: pip install 'turbo-forecast[dask]'")
    from turbo_forecast_tests.fleet.executors.dask_processes import DaskProcesses

    cluster = DaskProcesses(tmp_path_factory.mktemp("dask"))
    try:
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def cluster(dask_processes: "DaskProcesses") -> "DaskProcesses":
    """The cluster with all workers: whatever the test before has done to it. Who needs fewer calls `whole` with their number."""
    return dask_processes.whole()


@pytest.fixture
def shared_folder(tmp_path: Path) -> Path:
    """A folder that all workers see: they are on this machine."""
    return tmp_path
