"""Reaching a Dask cluster: what cannot be reached, or not in this way, is told in one sentence."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("distributed", reason="distributed is not installed: pip install 'turbo-forecast[dask]'")

from distributed import KilledWorker

from reference.servers.loopback import free_port
from turbo_forecast.errors import SettingsError
from turbo_forecast.fleet.executors import dask_cluster
from turbo_forecast.fleet.executors.dask_cluster import Cluster, ClusterLost, WorkerInfo, WorkerList, connected
from turbo_forecast.settings import ExecutorSettings


def test_an_address_where_nobody_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 1.0)
    address = f"tcp://127.0.0.1:{free_port()}"
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


class MadeUpClient:
    """Stands for a client; identities: what its scheduler answers to each question, and what it raises."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *identities: Any) -> None:
        self.status, self.loop, self.scheduler = "running", self, self
        self.asyncio_loop = loop
        self._identities = list(identities)

    async def identity(self, n_workers: int) -> Any:
        answer = self._identities.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def submit(self, *arguments: object, **options: object) -> None:
        self.status = "closed"
        raise RuntimeError("Client is closed")


@contextmanager
def answering(*identities: Any) -> Iterator[Cluster]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield Cluster(MadeUpClient(loop, *identities), "the scheduler", 60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def identity(name: str = "Scheduler-1", **statuses: str) -> dict[str, Any]:
    workers = {address: {"name": address, "nthreads": 2, "status": status} for address, status in statuses.items()}
    return {"id": name, "workers": workers}


def first_mail(cluster: Cluster, ask: Callable[[], None]) -> object:
    """What comes first, asked for again and again as a run does."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ask()
        for mail in cluster.mail(0.01):
            return mail
    raise AssertionError("nothing has come")


def test_the_workers_that_are_there_are_told_and_which_of_them_are_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "LOOK_SECONDS", 0.0)
    with answering(identity(a="running", b="paused", c="closing_gracefully")) as cluster:
        assert first_mail(cluster, cluster.ask) == WorkerList(
            {"a": WorkerInfo("a", 2), "b": WorkerInfo("b", 2, paused=True)}
        )


def test_a_question_that_fails_once_is_put_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was cut while nothing was said on it is found out by the next question, which fails for that."""
    monkeypatch.setattr(dask_cluster, "LOOK_SECONDS", 0.0)
    with answering(OSError("the connection was cut"), identity()) as cluster:
        assert first_mail(cluster, cluster.ask) == WorkerList({})


def test_a_scheduler_that_was_started_anew_is_told_though_the_client_has_found_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While a run reduces it asks nothing: the old one may end and another come at the same address unseen."""
    monkeypatch.setattr(dask_cluster, "LOOK_SECONDS", 0.0)
    with answering(identity("Scheduler-1"), identity("Scheduler-2")) as cluster:
        with pytest.raises(ClusterLost, match="the scheduler has been started anew and knows nothing of this run"):
            for _ in range(3):
                first_mail(cluster, cluster.ask)
        with pytest.raises(ClusterLost):
            cluster.require_alive()


def test_a_client_that_is_closed_just_when_a_task_is_sent_is_told_as_a_lost_connection() -> None:
    with answering() as cluster, pytest.raises(ClusterLost, match="the connection to the scheduler is lost"):
        cluster.submit(print, key="key", worker="a")


def test_a_task_that_dask_gives_up_for_its_workers_deaths_is_told_apart_from_one_that_it_cannot_carry() -> None:
    for error, status in (
        (KilledWorker("key", SimpleNamespace(address="tcp://a:1"), 0), "killed"),
        (ImportError("no module"), "error"),
    ):
        future = SimpleNamespace(status="error", exception=lambda timeout, error=error: error)
        status_shown, why = dask_cluster._end_of(future)
        assert (status_shown, why.split(":")[0]) == (status, type(error).__name__)


def test_dasks_loggers_are_as_before_when_the_last_of_several_runs_ends() -> None:
    logger = logging.getLogger(dask_cluster.LOGGERS[0])
    before = logger.level
    one, other = ExitStack(), ExitStack()
    one.enter_context(dask_cluster._quiet())
    other.enter_context(dask_cluster._quiet())
    one.close()
    assert logger.level == logging.CRITICAL
    other.close()
    assert logger.level == before
