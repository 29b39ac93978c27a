"""Which of a Dask cluster's workers take part in a run: invited, checked, watched by their heartbeats.

Belongs here: what is known of each worker. Does not belong here: tasks (`dask_executor.py`), and how the cluster is reached
(`dask_cluster.py`).
"""

import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import Any
from uuid import uuid4

from turbo_forecast.fleet.exchange import Exchange
from turbo_forecast.fleet.executors.compatibility import installed_here
from turbo_forecast.fleet.executors.dask_cluster import Cluster, Future, NoWorkers, WorkerInfo
from turbo_forecast.fleet.executors.dask_entry import take_part
from turbo_forecast.fleet.executors.dask_messages import Spec
from turbo_forecast.fleet.executors.worker_status import Tally
from turbo_forecast.fleet.tasks import Job
from turbo_forecast.settings import ExecutorSettings
from turbo_forecast.status_log import SILENCE_SECONDS, duration, longer_silence

HEARTBEAT_SECONDS = 1.0
HEARTBEATS_A_SECOND = 20
"""Of all workers together: a scheduler passes on each of them."""
HEARTBEATS_MISSED = 4
"""So many heartbeats, at least, a worker has missed when it is taken to be unresponsive."""
GRACE_SECONDS = 5.0
"""A cluster whose every worker is refused is given so long for one that fits to come."""


class State(Enum):
    """How a worker stands to the run."""

    NEW = "new"
    ASKED = "asked"
    READY = "ready"
    REFUSED = "refused"


@dataclass(slots=True)
class Member:
    """A worker. last_seen: when its last message came; ahead: this machine's monotonic clock less the worker's.

    finished: series by task in flight; unresponsive: it has sent nothing for so long that it gets no task; paused: by Dask.
    """

    address: str
    name: str
    threads: int
    last_seen: float
    state: State = State.NEW
    lease: Future = None
    lease_key: str = ""
    why: str = ""
    ahead: float = 0.0
    unresponsive: bool = False
    paused: bool = False
    finished: Mapping[str, int] = field(default_factory=dict)
    tallies: list[Tally] = field(default_factory=list)

    @property
    def title(self) -> str:
        """How it is called in sentences."""
        known_as = self.name if self.name == self.address else f"{self.name} ({self.address})"
        return f"the Dask worker {known_as}"


class Membership:
    """The workers of a cluster, by address."""

    def __init__(
        self,
        cluster: Cluster,
        job: Job,
        exchange: Exchange,
        options: ExecutorSettings,
        log: Callable[[str], None],
    ) -> None:
        self.run = uuid4().hex[:8]
        self.members: dict[str, Member] = {}
        self._cluster, self._options, self._log = cluster, options, log
        self._topic = f"turbo-forecast {self.run}"
        self._installed = installed_here(job.settings)
        self._job = pickle.dumps((job, exchange))
        self._number = count()
        self._without_since: float | None = None
        self._log_again_after = SILENCE_SECONDS
        self._logged_paused = set[str]()
        cluster.listen(self._topic)

    @property
    def threads(self) -> int:
        """Tasks that can be worked at the same time, by workers that are not refused."""
        return sum(each.threads for each in self.members.values() if each.state is not State.REFUSED)

    @property
    def ready(self) -> list[Member]:
        """The workers that take tasks now."""
        able = [each for each in self.members.values() if not (each.unresponsive or each.paused)]
        return [each for each in able if each.state is State.READY]

    @property
    def tallies(self) -> list[Tally]:
        """What the workers' processes have finished of the present step, by their last heartbeats, in this machine's time."""
        return [tally for each in self.members.values() for tally in each.tallies]

    def see(self, workers: Mapping[str, WorkerInfo]) -> list[Member]:
        """Take in which workers there are; returns those that have left."""
        gone = [self.members.pop(address) for address in list(self.members) if address not in workers]
        for member in gone:  # else it would be asked when it comes again, after the run, even
            self._release(member)
        for address, there in workers.items():
            if address not in self.members:
                self.members[address] = Member(address, there.name, there.threads, time.monotonic())
            self._note_pause(self.members[address], there.paused)
        return gone

    def _note_pause(self, member: Member, paused: bool) -> None:
        if paused and member.state is State.READY and member.address not in self._logged_paused:
            self._logged_paused.add(member.address)
            self._log(f"{member.title} is paused by Dask, by its memory limit: it is given nothing until it goes on")
        member.paused = paused

    def unbegun(self, tasks: Mapping[str, str]) -> list[str]:
        """Of tasks, worker by key, those that wait at a worker which is paused: it may never begin them."""
        held = {key: self.members.get(address) for key, address in tasks.items()}
        return [key for key, member in held.items() if member and member.paused and key not in member.finished]

    def ask(self) -> None:
        """Ask those who have not been asked to take part."""
        for member in [each for each in self.members.values() if each.state is State.NEW]:
            member.lease_key = f"worker-{self.run}-{next(self._number)}"
            spec = Spec(self.run, member.lease_key, self._topic, self._installed, self._job, self._heartbeat_seconds())
            member.state = State.ASKED
            member.lease = self._cluster.submit(
                take_part, pickle.dumps(spec), key=member.lease_key, worker=member.address
            )

    def _heartbeat_seconds(self) -> float:
        """The more workers the further apart, but close enough that none is taken to be unresponsive for that."""
        wanted = max(HEARTBEAT_SECONDS, len(self.members) / HEARTBEATS_A_SECOND)
        return min(wanted, self._options.silence_seconds / HEARTBEATS_MISSED)

    def mark_seen(self, member: Member) -> None:
        """Note that a message of the worker has come."""
        member.last_seen, member.unresponsive = time.monotonic(), False

    def accept(self, member: Member, clock: float) -> None:
        """Note that a worker is ready. clock: its own."""
        member.state, member.ahead = State.READY, time.monotonic() - clock

    def refuse(self, member: Member, why: str) -> None:
        """Give a worker nothing any more; logs it, with what is to follow its name."""
        member.state, member.why = State.REFUSED, f"{member.title} {why}"
        self._release(member)
        self._log(f"{member.why}: it is given nothing")

    def ended(self, member: Member) -> None:
        """Note that a worker has ended what it had of the run: it is asked again."""
        if member.state is State.READY:
            member.state = State.NEW
            self._release(member)

    def lease_resolved(self, key: str, status: str, why: str) -> None:
        """Note that a worker could not even be asked; where somebody has cancelled the question, it is asked again."""
        for member in self.members.values():
            if member.lease_key == key and member.state is State.ASKED:
                if status in ("error", "killed"):
                    self.refuse(member, f"cannot take part: {why}")
                elif status == "cancelled":
                    member.state = State.NEW

    def heartbeat(self, member: Member, finished: Mapping[str, int], tallies: Any) -> None:
        """Take in how far a worker's tasks are."""
        member.finished = finished
        member.tallies = [self._tally(member, Tally(*each)) for each in tallies]

    def _tally(self, member: Member, own: Tally) -> Tally:
        begun, first = (at + member.ahead if at else 0.0 for at in (own.begun, own.first))
        process = hash((member.address, own.pid))
        return Tally(process, own.series, begun, first, own.until + member.ahead, own.busy, own.at_first)

    def mark_unresponsive(self, at_work: set[str]) -> list[Member]:
        """Mark the workers at work that have sent nothing for too long, and return them; each is logged once."""
        limit = self._options.silence_seconds
        unresponsive = [
            each for each in self.ready if each.address in at_work and time.monotonic() - each.last_seen > limit
        ]
        for member in unresponsive:
            member.unresponsive = True
            self._log(f"{member.title} has sent no heartbeat for {limit:g} s: others get its tasks")
        return unresponsive

    def resumed(self) -> None:
        """This process stood still: that no message was read meanwhile makes no worker unresponsive."""
        for member in self.members.values():
            member.last_seen = time.monotonic()
        self._without_since = None

    def require_some(self) -> None:
        """Raises NoWorkers where none has been there for too long, or none that fits; logs that it waits, now and then."""
        if self.ready:
            self._without_since = None
            return
        now = time.monotonic()
        if self._without_since is None:
            self._without_since, self._log_again_after = now, SILENCE_SECONDS
        waited = now - self._without_since
        refused = [each.why for each in self.members.values() if each.state is State.REFUSED]
        asked = [each for each in self.members.values() if each.state in (State.NEW, State.ASKED)]
        if refused and len(refused) == len(self.members) and waited > GRACE_SECONDS:
            others = f"; so it is with {len(refused) - 1} more" if len(refused) > 1 else ""
            raise NoWorkers(f"no worker of {self._cluster.name} can take part: {refused[0]}{others}")
        if waited > self._options.wait_seconds:
            able = "no worker that is there could take a task" if self.members else "no worker was there"
            none = f"none of the {len(asked)} workers that were asked has answered" if asked else able
            raise NoWorkers(
                f"{self._cluster.name}: {none} for {duration(waited)} (executor.wait_seconds); start some and run again"
            )
        if waited >= self._log_again_after:
            self._log_again_after = waited + longer_silence(waited)
            preparing = f"{len(asked)} of them prepare" if asked else "none is there"
            self._log(
                f"waiting for workers of {self._cluster.name}: {preparing} ({duration(waited)}; the longest wait is "
                f"{duration(self._options.wait_seconds)})"
            )

    def _release(self, member: Member) -> None:
        if member.lease is not None:
            self._cluster.cancel(member.lease)
            member.lease = None

    def dismiss(self) -> int:
        """Take all leases back: workers end what they have of the run. Returns how many will confirm that."""
        living = [each for each in self.members.values() if each.lease is not None]
        self._cluster.cancel(*(each.lease for each in living if each.lease is not None))
        for member in living:
            member.lease = None
        return sum(each.state is State.READY and not each.unresponsive for each in living)
