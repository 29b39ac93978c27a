"""Reaching a Dask cluster: what cannot be reached, or not in this way, is told in one sentence."""

import socket
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="distributed is not installed: pip install 'turbo-forecast[dask]'")

from turbo_forecast.errors import SettingsError
from turbo_forecast.fleet.executors import dask_cluster
from turbo_forecast.fleet.executors.dask_cluster import Cluster, ClusterLost, connected
from turbo_forecast.settings import ExecutorSettings


def nobodys_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_an_address_where_nobody_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 1.0)
    address = f"tcp://127.0.0.1:{nobodys_port()}"
    options = ExecutorSettings(kind="dask", address=address)
    with (
        pytest.raises(ClusterLost, match=rf"^no Dask scheduler answers at {address} \(executor.address\): "),
        connected(options, None, "2025-12"),
    ):
        pass


def test_a_file_of_tls_that_is_missing_is_named_with_its_option(tmp_path: Path) -> None:
    paths = {name: str(tmp_path / name) for name in ("ca", "cert", "key")}
    (tmp_path / "ca").touch()
    options = ExecutorSettings(kind="dask", address="tls://127.0.0.1:1", **paths)
    with (
        pytest.raises(SettingsError, match=rf"^executor.cert: {paths['cert']} cannot be read: No such file"),
        connected(options, None, "2025-12"),
    ):
        pass


def test_a_file_of_tls_that_is_no_certificate_is_told_without_its_content(tmp_path: Path) -> None:
    paths = {name: str(tmp_path / name) for name in ("ca", "cert", "key")}
    for path in paths.values():
        Path(path).write_text("s3cret")
    options = ExecutorSettings(kind="dask", address="tls://127.0.0.1:1", **paths)
    with (
        pytest.raises(ClusterLost, match="^no Dask scheduler answers at tls://") as error,
        connected(options, None, ""),
    ):
        pass
    assert "s3cret" not in str(error.value)


def test_a_client_must_be_one() -> None:
    with (
        pytest.raises(SettingsError, match=r"client must be a dask.distributed.Client, not str"),
        connected(ExecutorSettings(), "tcp://host:8786", ""),
    ):
        pass


class Stopped:
    """Stands for a client whose connection is lost."""

    status = "connecting"


def test_a_lost_connection_is_told_by_whatever_is_asked_of_it() -> None:
    cluster = Cluster(Stopped(), "the Dask scheduler at tcp://host:8786", 60)
    for ask in (cluster.ask, cluster.require_alive):
        with pytest.raises(ClusterLost, match="the connection to the Dask scheduler at tcp://host:8786 is lost"):
            ask()


def test_mail_is_read_in_order_and_waited_for_no_longer_than_asked() -> None:
    cluster = Cluster(Stopped(), "", 60)
    for number in range(3):
        cluster.post(number)
    assert list(cluster.mail(10)) == [0, 1, 2]
    begun = time.monotonic()
    assert list(cluster.mail(0.1)) == []
    assert time.monotonic() - begun < 10
