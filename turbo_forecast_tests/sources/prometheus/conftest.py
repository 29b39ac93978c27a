"""Servers that the tests of this folder share: one Prometheus and one VictoriaMetrics, with the same samples."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import copytree

import pytest

from reference.servers.prometheus import Prometheus, VictoriaMetrics, blocks_of, program
from turbo_forecast_tests.sources.prometheus.fleet_metrics import fleet, write_exposition, write_openmetrics


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is reached without a proxy, also where the environment names one."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(scope="session")
def prometheus_blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fleet's samples, as blocks of a Prometheus."""
    program("prometheus")
    folder = tmp_path_factory.mktemp("prometheus-blocks")
    write_openmetrics(folder / "samples.om")
    blocks_of(folder / "samples.om", folder / "data")
    (folder / "samples.om").unlink()
    return folder / "data"


@pytest.fixture(scope="session")
def prometheus(prometheus_blocks: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus for tests that do not stop it."""
    server = Prometheus(tmp_path_factory.mktemp("prometheus"), [])
    copytree(prometheus_blocks, server.folder / "data")
    with server.running():
        yield server


StartPrometheus = Callable[..., Prometheus]


@pytest.fixture
def start_prometheus(prometheus_blocks: Path, tmp_path: Path) -> Iterator[StartPrometheus]:
    """Starts a Prometheus of the test's own, with flags of its own."""
    with ExitStack() as stack:

        def start(*flags: str, scheme: str = "http") -> Prometheus:
            server = Prometheus(tmp_path / "prometheus", flags, scheme=scheme)
            copytree(prometheus_blocks, server.folder / "data")
            return stack.enter_context(server.running())

        yield start


@pytest.fixture(scope="session")
def victoria_metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    program("victoria-metrics")
    folder = tmp_path_factory.mktemp("victoria-metrics")
    write_exposition(folder / "samples.txt", fleet())
    server = VictoriaMetrics(folder, [])
    with server.running():
        server.put(folder / "samples.txt")
        yield server
