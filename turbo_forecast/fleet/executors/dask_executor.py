"""A Dask cluster as an executor: each task goes to one worker, and to another one where that is lost.

Belongs here: which worker gets which task, and what becomes of tasks whose worker is gone. Does not belong here: which
workers there are (`dask_membership.py`), what happens on them (`dask_host.py`), and what follows from a series that takes
worker processes down (`retry_policy.py`, on each worker).

Why tasks are not left to Dask's scheduler to place: a worker that does not fit must get none, one that has stopped responding must
lose those it has, and a task that three workers died of must be tried in halves. All of that is simple where it is known who
has which. So no worker has more chunks than threads: what the scheduler takes, a few hundredths of a second, is nothing beside
one. Of the small parts of later steps each has one more, which waits for it.
"""

import pickle
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from turbo_forecast.errors import TurboForecastError
from turbo_forecast.fleet.chunks import far_chunk_size, finished_spans
from turbo_forecast.fleet.combining import COMBINE_LAST
from turbo_forecast.fleet.exchange import Exchange
from turbo_forecast.fleet.executors.dask_cluster import (
    LOOK_SECONDS,
    Cluster,
    ClusterLost,
    Future,
    Resolved,
    WorkerList,
    WorkerMessage,
    connected,
)
from turbo_forecast.fleet.executors.dask_entry import perform
from turbo_forecast.fleet.executors.dask_membership import Member, Membership
from turbo_forecast.fleet.executors.dask_messages import (
    Done,
    Ended,
    Failed,
    FilesNotVisible,
    Heartbeat,
    LogLine,
    Message,
    Ready,
    Refused,
)
from turbo_forecast.fleet.executors.protocol import Events, InFlight, Lost
from turbo_forecast.fleet.executors.worker_status import Tally
from turbo_forecast.fleet.pieces import FORECAST_LAST
from turbo_forecast.fleet.publishing import PUBLISH_LAST
from turbo_forecast.fleet.tasks import Job, Step, Task, TaskReport
from turbo_forecast.settings import ExecutorSettings
from turbo_forecast.status_log import SILENCE_SECONDS

MOST_DEATHS = 3
"""A task that so many workers have died of, or at, may be what kills them: the policy cuts it."""
LOST_RESULT_SECONDS = 10.0
"""The scheduler's word that a task has ended comes after the worker's own; where that is missing for so long, it is lost."""
PAUSE_SECONDS = 10.0
"""Between two looks of this process lies a second at most; where it was longer than this, it stood still."""
SHUTDOWN_SECONDS = 3.0
"""So long it is waited for workers to have ended what they had of the run."""
AHEAD = {Step.FORECAST: 0, Step.COMBINE: 1, Step.PUBLISH: 1}
"""Tasks that a worker has beside those that its threads are at."""
AWAITED_THREADS = 16
"""Where no worker is there when the work is cut, so many threads are reckoned with: who comes late is to get a share."""
COLLECTORS = 4
"""Threads that bring here what workers have left."""


class TaskFailed(TurboForecastError):
    """A task has failed on a worker for a reason that is no series' own."""


@dataclass(slots=True)
class Assignment:
    """A task at a worker. resolved: since when the scheduler says that it has ended."""

    task: Task
    fresh: bool
    worker: str
    future: Future
    resolved: float | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """What a worker has left of a task is here."""

    report: TaskReport


@dataclass(frozen=True, slots=True)
class NotCollected:
    """It cannot be brought here."""

    error: BaseException


@contextmanager
def on_cluster(
    job: Job, exchange: Exchange, options: ExecutorSettings, client: object, log: Callable[[str], None]
) -> Iterator["DaskExecutor"]:
    """A cluster's workers, until the block ends. client: a Dask client, whose cluster is used and which stays open; or None.

    Raises SettingsError, ClusterLost.
    """
    with connected(options, client, f"{job.windows.cutoff:%Y-%m}") as cluster:
        executor = DaskExecutor(cluster, job, exchange, options, log)
        try:
            yield executor
        except ClusterLost as error:
            raise ClusterLost(f"{error}; {_kept(job)}") from None
        finally:
            executor.close()


def _kept(job: Job) -> str:
    folder = job.folder
    steps = ((folder.forecast, FORECAST_LAST), (folder.combine, COMBINE_LAST), (folder.publish, PUBLISH_LAST))
    chunks = sum(len(finished_spans(made, last)) for made, last in steps)
    return f"{chunks:,} finished chunks are kept: with a scheduler that answers, the same run goes on from them"


class DaskExecutor:
    """An `Executor` whose workers are those of a Dask cluster, each with as many processes of ours as it has threads."""

    def __init__(
        self,
        cluster: Cluster,
        job: Job,
        exchange: Exchange,
        options: ExecutorSettings,
        log: Callable[[str], None],
    ) -> None:
        self._cluster, self._job, self._exchange, self._log = cluster, job, exchange, log
        self._membership = Membership(cluster, job, exchange, options, log)
        self._membership.see(cluster.look())
        self._queue: deque[tuple[Task, bool]] = deque()
        self._out: dict[str, Assignment] = {}
        self._ending: dict[str, Future] = {}
        self._deaths: Counter[Task] = Counter()
        self._lost: list[Lost] = []
        self._collecting = 0
        self._collectors = ThreadPoolExecutor(COLLECTORS, thread_name_prefix="collect")
        self._step: Step | None = None
        self._number = count()
        self._looked_at = time.monotonic()
        self._relayed_at = 0.0
        self._closed = False
        log(f"working on {cluster.name}: {self._count()}")

    def _count(self) -> str:
        workers, threads = len(self._membership.members), self._membership.threads
        return f"{workers:,} {'worker' if workers == 1 else 'workers'}, {threads:,} at a time"

    @property
    def workers(self) -> int:
        """Threads of the workers that are there; one where none is there yet."""
        return max(1, self._membership.threads)

    def chunk_size(self, series: int, wanted: int) -> int:
        """Large: each task is the scheduler's to carry."""
        return far_chunk_size(series, self._membership.threads or AWAITED_THREADS, wanted)

    def submit(self, task: Task, fresh: bool = False) -> None:
        """Queue a task. Before a step's first one, what it reads is offered to workers. Raises StorageError."""
        if task.step is not self._step:
            self._exchange.offer(self._job, task.step)
            self._step = task.step
            self._looked_at = time.monotonic()  # that may have taken long
        self._queue.append((task, fresh))

    def wait(self, seconds: float) -> Events:
        """What has happened, after so many seconds at the latest.

        Raises ClusterLost, NoWorkers, TaskFailed, and what a task has raised: each says in a sentence where that was.
        """
        self._look()
        events = Events()
        for mail in self._cluster.mail(min(seconds, LOOK_SECONDS)):
            self._handle(mail, events)
        self._requeue_unresponsive()
        self._assign()
        if self._queue or self._out:
            self._membership.require_some()
        events.lost, self._lost = self._lost, []
        finished = {key: done for each in self._membership.members.values() for key, done in each.finished.items()}
        events.in_flight = [InFlight(each.task, finished=finished.get(key, 0)) for key, each in self._out.items()]
        return events

    def kill(self, task: Task) -> None:
        """Take the task back from its worker, which ends the process that is at it."""
        for key, each in list(self._out.items()):
            if each.task == task:
                self._take_back(key)
                self._lost.append(Lost(task))

    def tallies(self) -> Sequence[Tally]:
        """What the workers' processes have finished, by their last heartbeats."""
        return self._membership.tallies

    def close(self) -> None:
        """Take everything back from the cluster, and wait a little until the workers have ended their processes."""
        if self._closed:
            return
        self._closed = True
        self._queue.clear()
        self._collectors.shutdown(wait=False, cancel_futures=True)
        self._cluster.cancel(*(each.future for each in self._out.values()), *self._ending.values())
        self._out.clear()
        awaited = self._membership.dismiss()
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        while awaited and self._cluster.is_alive and time.monotonic() < deadline:
            for mail in self._cluster.mail(deadline - time.monotonic()):
                awaited -= isinstance(mail, WorkerMessage) and mail.message == Ended()
        self._cluster.leave()

    def _look(self) -> None:
        """Ask who is there, unless the answer is still awaited. Raises ClusterLost, with what is kept."""
        now = time.monotonic()
        if now - self._looked_at > PAUSE_SECONDS:
            self._cluster.resumed()
            self._membership.resumed()
        self._looked_at = now
        self._cluster.ask()
        self._membership.ask()

    def _handle(self, mail: object, events: Events) -> None:
        match mail:
            case WorkerMessage(address, lease, message):
                member = self._membership.members.get(address)
                if member is not None and member.lease_key == lease:  # else it was asked anew since
                    self._membership.mark_seen(member)
                    self._handle_message(member, message)
            case WorkerList(workers):
                before = len(self._membership.members)
                gone = self._membership.see(workers)
                for member in gone:
                    self._take_back_all(member)
                if gone or len(self._membership.members) != before:
                    left = f"{len(gone):,} left, " if gone else ""
                    self._log(f"workers of {self._cluster.name}: {left}{self._count()}")
            case Resolved(key, status, why):
                self._resolve(key, status, why)
            case Collected(report):
                self._collecting -= 1
                events.completed.append(report)
            case NotCollected(error):
                raise error

    def _handle_message(self, member: Member, message: Message) -> None:
        match message:
            case Ready(clock):
                self._membership.accept(member, clock)
            case Heartbeat(finished, tallies):
                self._membership.heartbeat(member, finished, tallies)
            case Done(key, reports):
                done = self._out.pop(key, None)
                if done is not None:
                    self._ending[key] = done.future
                    self._collect(done.task, reports)
            case Failed(key, error, cannot_start):
                self._fail(member, key, error, cannot_start=cannot_start)
            case Refused(why):
                self._membership.refuse(member, why)
            case FilesNotVisible(why):
                raise TaskFailed(f"{member.title} cannot work: {why}")
            case LogLine(line):
                self._relay(f"{member.title}: {line}")
            case Ended(key):
                self._membership.ended(member)
                for each in [key] if key else [name for name, at in self._out.items() if at.worker == member.address]:
                    self._requeue(each, died=False)

    def _relay(self, line: str) -> None:
        """Log a worker's line, unless another's was logged just now: a hundred may wait for the same."""
        now = time.monotonic()
        if now - self._relayed_at >= SILENCE_SECONDS:
            self._relayed_at = now
            self._log(line)

    def _fail(self, member: Member, key: str, error: BaseException, *, cannot_start: bool) -> None:
        if key not in self._out:
            return  # others have its task
        if cannot_start:
            self._membership.refuse(member, f"cannot work: {error}")
            self._take_back_all(member, died=False)
        elif isinstance(error, TurboForecastError):
            raise type(error)(f"{member.title}: {error}") from None
        else:
            error.add_note(f"raised on {member.title}")
            raise error

    def _resolve(self, key: str, status: str, why: str) -> None:
        """The scheduler says that a task has ended; what has come of it, the worker reports itself, and before that."""
        assignment = self._out.get(key)
        if self._ending.pop(key, None) is not None:
            return  # nobody holds the future any more: Dask forgets the task
        if assignment is None:
            self._membership.lease_resolved(key, status, why)
        elif status == "finished":
            assignment.resolved = time.monotonic()
        elif status == "error":
            raise TaskFailed(f"{self._cluster.name} cannot carry the task {key}: {why}")
        else:
            self._requeue(key, died=status != "cancelled")

    def _requeue_unresponsive(self) -> None:
        """Take tasks back from workers that are unresponsive or paused, and those whose end nobody has explained."""
        for key in self._membership.unbegun({key: each.worker for key, each in self._out.items()}):
            self._requeue(key, died=False)
        for member in self._membership.mark_unresponsive({each.worker for each in self._out.values()}):
            self._take_back_all(member)
        now = time.monotonic()
        for key, each in list(self._out.items()):
            if each.resolved is not None and now - each.resolved > LOST_RESULT_SECONDS:
                self._requeue(key, died=True)

    def _take_back_all(self, member: Member, *, died: bool = True) -> None:
        for key in [key for key, each in self._out.items() if each.worker == member.address]:
            self._requeue(key, died=died)

    def _requeue(self, key: str, *, died: bool) -> None:
        """Take a task back, for another worker; one that several have died of is the policy's to cut."""
        assignment = self._take_back(key)
        if assignment is None:
            return
        self._deaths[assignment.task] += died
        if self._deaths[assignment.task] >= MOST_DEATHS:
            del self._deaths[assignment.task]
            self._lost.append(Lost(assignment.task))
        else:
            self._queue.appendleft((assignment.task, assignment.fresh))

    def _take_back(self, key: str) -> Assignment | None:
        assignment = self._out.pop(key, None)
        if assignment is not None:
            self._cluster.cancel(assignment.future)
        return assignment

    def _assign(self) -> None:
        """Give tasks to workers that have a thread to spare, to the least busy first."""
        busy = Counter(each.worker for each in self._out.values())
        while self._queue:
            ahead = AHEAD[self._queue[0][0].step]
            free = [each for each in self._membership.ready if busy[each.address] < each.threads + ahead]
            if not free:
                return
            member = min(free, key=lambda each: busy[each.address] / each.threads)
            busy[member.address] += 1
            self._send(member, *self._queue.popleft())

    def _send(self, member: Member, task: Task, fresh: bool) -> None:
        """Dask shows tasks by what stands before the first number: the step's name."""
        month, stem = f"{self._job.windows.cutoff:%Y-%m}", task.span.stem
        key = f"{task.step}-{month}-{stem}-{self._membership.run}-{next(self._number)}"
        packed = pickle.dumps((task, fresh))
        future = self._cluster.submit(perform, self._membership.run, key, packed, key=key, worker=member.address)
        self._out[key] = Assignment(task, fresh, member.address, future)

    def _collect(self, task: Task, reports: Sequence[TaskReport]) -> None:
        """Bring here what a worker has left, in another thread; then the task is completed."""
        failed = sum(each.failed for each in reports)
        peak = max((each.peak_memory_mb for each in reports), default=0.0)
        self._collecting += 1

        def stage_in() -> None:
            try:
                for each in reports:
                    self._exchange.collect(self._job.folder, each.task)
            except BaseException as error:
                self._cluster.post(NotCollected(error))
            else:
                self._cluster.post(Collected(TaskReport(task, failed, peak)))

        self._collectors.submit(stage_in)
