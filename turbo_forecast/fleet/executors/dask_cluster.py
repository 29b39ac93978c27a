"""A Dask cluster as a run sees it: reached, asked who is there, given tasks, left.

Belongs here: everything of Dask's client, and one sentence for each way in which it can fail. Does not belong here: which
worker gets what (`dask_membership.py`, `dask_executor.py`), and what runs on workers (`dask_host.py`).

Whatever Dask reports comes by other threads and goes into one mailbox, which the run's own thread reads: nothing here
waits for an answer of the cluster but the connection itself.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future as ThreadFuture
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, NamedTuple

from turbo_forecast.errors import SettingsError, TurboForecastError
from turbo_forecast.fleet.executors.dask_messages import Message, unpacked
from turbo_forecast.settings import ExecutorSettings

Client = Any
Future = Any
"""Dask's: its types are not checked, and it is imported only where it is used."""

CONNECT_SECONDS = 10.0
"""A scheduler that does not answer within that is not there."""
LOOK_SECONDS = 1.0
"""So often the scheduler is asked which workers there are."""
CLOSE_SECONDS = 2.0
PAUSED = "paused"
LIVE_STATUSES = ("running", PAUSED)
"""What Dask says of workers that work, or will go on."""
LOGGERS = ("distributed.client", "distributed.core", "distributed.comm", "distributed.batched", "distributed.utils")
"""What Dask's client would say of a lost connection, in tracebacks; the run says it in a sentence."""


class ClusterLost(TurboForecastError):
    """The scheduler does not answer any more."""


class NoWorkers(TurboForecastError):
    """No worker of the cluster can take part."""


@dataclass(frozen=True, slots=True)
class WorkerMessage:
    """A worker has sent a message; lease: the key of the task by which it was asked to take part."""

    worker: str
    lease: str
    message: Message


@dataclass(frozen=True, slots=True)
class Resolved:
    """A task's future has come to an end, in Dask's words; why: of an error.

    "killed" is ours: Dask has given the task up because workers died of it.
    """

    key: str
    status: str
    why: str = ""


class WorkerInfo(NamedTuple):
    """A worker that is there. paused: Dask lets it begin nothing, until it holds less memory."""

    name: str
    threads: int
    paused: bool = False


@dataclass(frozen=True, slots=True)
class WorkerList:
    """The workers that are there, by address."""

    workers: Mapping[str, WorkerInfo]


Mail = WorkerMessage | Resolved | WorkerList | object
"""`object` is what others put into the mailbox (`Cluster.post`)."""


class Cluster:
    """A connected client. Its own thread posts what happens; the run's thread reads it by `mail`."""

    def __init__(self, client: Client, name: str, silence_seconds: float) -> None:
        """name: of the scheduler, for a person."""
        self.name = name
        self._client, self._silence = client, silence_seconds
        self._mail: SimpleQueue[Mail] = SimpleQueue()
        self._unanswered_since: float | None = None
        self._is_asking, self._asked = False, time.monotonic()
        self._scheduler_id: str | None = None
        self._is_another = False
        self._topic = ""

    def post(self, mail: object) -> None:
        """Put something into the mailbox; from any thread."""
        self._mail.put(mail)

    def mail(self, seconds: float) -> Iterator[Mail]:
        """What has come, all of it; waits for the first so long."""
        with suppress(Empty):
            yield self._mail.get(timeout=max(0.0, seconds))
            while True:
                yield self._mail.get_nowait()

    def listen(self, topic: str) -> None:
        """Have the events of a topic posted as `Heard`."""

        def handle(event: tuple[float, Any]) -> None:
            received = unpacked(event[1])
            if received is not None:
                self.post(WorkerMessage(*received))

        self._topic = topic
        self._client.subscribe_topic(topic, handle)

    def submit(self, function: Callable[..., object], *args: object, key: str, worker: str) -> Future:
        """Send a task to one worker; posts `Resolved` when that ends. Raises ClusterLost."""
        with self._alive():
            future = self._client.submit(
                function, *args, key=key, workers=[worker], allow_other_workers=False, pure=False, retries=0
            )
        future.add_done_callback(lambda done: self.post(Resolved(key, *_end_of(done))))
        return future

    def cancel(self, *futures: Future) -> None:
        """Take tasks, or their results, back from the scheduler, which also informs a worker that is at one."""
        if futures and self.is_alive:
            with suppress(
                Exception
            ):  # the connection breaks at this very moment: the scheduler releases them by itself
                self._client.cancel(list(futures), force=True)

    def ask(self) -> None:
        """Ask the scheduler which workers there are, if that is due; posts `Seen` when it answers. Raises ClusterLost."""
        now = time.monotonic()
        if self._unanswered_since is not None and now - self._unanswered_since > self._silence:
            raise ClusterLost(f"{self.name} has not answered for {self._silence:g} s")
        with self._alive():
            if not self._is_asking and now - self._asked >= LOOK_SECONDS:
                self._is_asking, self._asked = True, now
                self._unanswered_since = self._unanswered_since or now
                asked = asyncio.run_coroutine_threadsafe(self._identity(), self._client.loop.asyncio_loop)
                asked.add_done_callback(self._answer)

    async def _identity(self) -> Any:
        return await self._client.scheduler.identity(n_workers=-1)

    def _answer(self, asked: "ThreadFuture[Any]") -> None:
        with suppress(BaseException):  # asked again; what is wrong with the connection is seen by its status
            self.post(WorkerList(self._workers(asked.result())))
            self._unanswered_since = None
        self._is_asking = False

    def _workers(self, identity: Mapping[str, Any]) -> dict[str, WorkerInfo]:
        """The workers that a scheduler names; notes whether it is still the same one."""
        self._scheduler_id = self._scheduler_id or identity["id"]
        self._is_another = identity["id"] != self._scheduler_id
        return _workers(identity)

    def resumed(self) -> None:
        """This process stood still: that no answer was read meanwhile is not the scheduler's silence."""
        if self._unanswered_since is not None:
            self._unanswered_since = time.monotonic()

    def look(self) -> Mapping[str, WorkerInfo]:
        """The workers that are there now, by a question that is waited for. Raises ClusterLost."""
        try:
            return self._workers(self._client.sync(self._identity, callback_timeout=CONNECT_SECONDS))
        except Exception as error:
            raise ClusterLost(f"{self.name} does not answer: {_words(error)}") from None

    @property
    def is_alive(self) -> bool:
        """Whether the client is connected."""
        return bool(self._client.status == "running")

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """What Dask raises in the block because the connection ends just then is ClusterLost."""
        self.require_alive()
        try:
            yield
        except Exception:
            self.require_alive()
            raise

    def require_alive(self) -> None:
        """Raises ClusterLost unless the client is connected, and to the scheduler that knows of this run."""
        if not self.is_alive:
            raise ClusterLost(f"the connection to {self.name} is lost")
        if self._is_another:
            raise ClusterLost(f"{self.name} has been started anew and knows nothing of this run")

    def leave(self) -> None:
        """Listen no more."""
        with suppress(Exception):
            self._client.unsubscribe_topic(self._topic)


def _workers(identity: Mapping[str, Any]) -> dict[str, WorkerInfo]:
    working = {address: each for address, each in identity["workers"].items() if each.get("status") in LIVE_STATUSES}
    return {
        address: WorkerInfo(str(each.get("name") or address), int(each["nthreads"]), each["status"] == PAUSED)
        for address, each in working.items()
    }


def _end_of(future: Future) -> tuple[str, str]:
    """How a future has ended, and why where that is an error."""
    if future.status != "error":
        return future.status, ""
    try:
        error = future.exception(timeout=1)
    except BaseException as other:
        error = other
    return "killed" if type(error).__name__ == "KilledWorker" else "error", _words(error)


def _words(error: BaseException | None) -> str:
    """An error in one line; of Dask's own remark on different environments, what lies behind it."""
    while error is not None and error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}".removesuffix(": ")


@contextmanager
def connected(options: ExecutorSettings, client: object, about: str) -> Iterator[Cluster]:
    """The cluster of the settings, or that of a client somebody has given, which stays open.

    about: the run's name, under which Dask shows its client. Raises SettingsError, and ClusterLost where no scheduler answers.
    """
    if client is not None:
        yield Cluster(_usable(client), "the scheduler of the client that was given", options.silence_seconds)
        return
    with _quiet():
        own = _connection(options, about)
        try:
            yield Cluster(own, f"the Dask scheduler at {options.address}", options.silence_seconds)
        finally:
            with suppress(Exception):
                own.close(timeout=CLOSE_SECONDS)


def require_distributed() -> None:
    """Raises SettingsError where the package is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            f"executor: kind dask needs the package distributed ({error}); install the extra: pip install 'turbo-forecast[dask]'"
        ) from None


def require_tls_files(options: ExecutorSettings) -> None:
    """Raises SettingsError unless the files of TLS are there and can be read."""
    for name, path in options.tls.items():
        if path:
            try:
                with Path(path).expanduser().open("rb"):
                    pass
            except OSError as error:
                raise SettingsError(f"executor.{name}: {path} cannot be read: {error.strerror}") from None


def _usable(client: object) -> Client:
    require_distributed()
    import distributed

    if not isinstance(client, distributed.Client):
        raise SettingsError(f"client must be a dask.distributed.Client, not {type(client).__name__}")
    if client.asynchronous:
        raise SettingsError(
            "client must not be asynchronous: give a dask.distributed.Client made without asynchronous=True"
        )
    if client.status != "running":
        raise SettingsError(f"client must be connected to a cluster; this one is {client.status}")
    return client


def _connection(options: ExecutorSettings, about: str) -> Client:
    require_distributed()
    require_tls_files(options)
    import distributed
    from distributed.security import Security

    files = {name: str(Path(path).expanduser()) for name, path in options.tls.items() if path}
    security = None
    try:
        if files:
            security = Security(  # type: ignore[no-untyped-call]
                tls_ca_file=files["ca"],
                tls_client_cert=files["cert"],
                tls_client_key=files["key"],
                require_encryption=True,
            )
        return distributed.Client(  # type: ignore[no-untyped-call]
            options.address,
            security=security,
            timeout=CONNECT_SECONDS,
            set_as_default=False,
            name=f"turbo-forecast {about}",
        )
    except Exception as error:
        raise ClusterLost(
            f"no Dask scheduler answers at {options.address} (executor.address): {_words(error)}"
        ) from None


_quieting = Lock()
_loud: dict[str, int] = {}
"""What Dask's loggers were set to before the first of the runs that are at work in this process."""
_runs = 0


@contextmanager
def _quiet() -> Iterator[None]:
    """In the block, Dask's client logs nothing but what is critical; of several runs at once, until the last one ends."""
    global _runs
    loggers = [logging.getLogger(name) for name in LOGGERS]
    with _quieting:
        _runs += 1
        for each in loggers:
            _loud.setdefault(each.name, each.level)
            each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        with _quieting:
            _runs -= 1
            for each in loggers if _runs == 0 else ():
                each.setLevel(_loud.pop(each.name))
