"""A Dask cluster over TLS, with certificates made for the test: reached with them, and not without."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from turbo_forecast.fleet.executors import dask_cluster
from turbo_forecast.fleet.executors.dask_cluster import ClusterLost
from turbo_forecast_tests.certificates import Authority
from turbo_forecast_tests.fleet.working import fleet

pytestmark = pytest.mark.xdist_group("dask")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def address(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The scheduler's address of a cluster over TLS, with one worker."""
    pytest.importorskip("distributed", reason="distributed is not installed: pip install 'turbo-forecast[dask]'")
    from turbo_forecast_tests.fleet.executors.dask_processes import DaskProcesses

    cert, key = authority.pair("cluster")
    options = ["--tls-ca-file", str(authority.ca), "--tls-cert", str(cert), "--tls-key", str(key)]
    cluster = DaskProcesses(tmp_path_factory.mktemp("dask-tls"), protocol="tls", options=options)
    try:
        cluster.start_scheduler()
        cluster.start_workers()
        yield cluster.address
    finally:
        cluster.end()


def test_a_run_over_tls_leaves_the_same_bytes(authority: Authority, address: str, tmp_path: Path) -> None:
    from turbo_forecast_tests.fleet.executors.dask_runs import run

    assert address.startswith("tls://")
    base = fleet(4)
    there = run(base, tmp_path / "there", "own:naive", "median", on=address, executor=authority.options("run"))
    assert there.digest == run(base, tmp_path / "here", "own:naive", "median").digest


def test_without_the_right_authority_nobody_comes_in(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from turbo_forecast_tests.fleet.executors.dask_runs import run

    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 3.0)
    wrong = Authority(tmp_path / "wrong").options("stranger")
    with pytest.raises(ClusterLost, match=f"^no Dask scheduler answers at {address}") as error:
        run(fleet(1), tmp_path, "own:naive", "median", on=address, executor=wrong)
    assert "\n" not in str(error.value)


def test_without_tls_nobody_comes_in(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from turbo_forecast_tests.fleet.executors.dask_runs import run

    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 3.0)
    plain = address.replace("tls://", "tcp://")
    with pytest.raises(ClusterLost, match=f"^no Dask scheduler answers at {plain}"):
        run(fleet(1), tmp_path, "own:naive", "median", on=plain)
