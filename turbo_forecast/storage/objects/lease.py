"""The lease: a lock object with a heartbeat, by which one run at a time works on a store.

Belongs here: taking it, renewing it, giving it back, and when another's may be taken. Does not belong here: what is done
under it. It spares two machines the same hours of work; that neither overwrites the other's results, commits see to.

A machine that dies leaves its lease: after STALE without a renewal another may take it, and a process of this machine
that is gone need not be waited for. Clocks of machines that share a store may differ by less than STALE.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from turbo_forecast.errors import StorageError
from turbo_forecast.processes import Liveness, liveness_by_pid, own_process, parsed
from turbo_forecast.storage.objects.keys import LEASE
from turbo_forecast.storage.objects.store import ObjectStore

RENEWED_SECONDS = 30.0
STALE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the lease's object says: the process (a stem of `processes.py`), its machine, since when, when it was renewed."""

    process: str
    machine: str
    since: datetime
    renewed: datetime

    def content(self) -> bytes:
        """The claim as it is stored."""
        times = {"since": self.since.isoformat(), "renewed": self.renewed.isoformat()}
        return json.dumps({"process": self.process, "machine": self.machine, **times}).encode()

    @classmethod
    def of(cls, content: bytes) -> "Claim | None":
        """The stored claim; None where it says nothing that could be understood."""
        try:
            read = json.loads(content)
            times = [datetime.fromisoformat(read[name]) for name in ("since", "renewed")]
            return cls(str(read["process"]), str(read["machine"]), *(time.astimezone(UTC) for time in times))
        except (ValueError, KeyError, TypeError):
            return None

    def is_over(self, now: datetime) -> bool:
        """Whether nobody holds it any more: its process is gone for certain, or was not heard of for long."""
        owner = parsed(self.process, self.machine)
        return now - self.renewed > STALE or (owner is not None and liveness_by_pid(owner) is Liveness.DEAD)

    def describe(self, now: datetime) -> str:
        """Who holds it, for messages."""
        owner = parsed(self.process, self.machine)
        who = owner.describe() if owner else f"machine {self.machine}"
        return (
            f"{who}, since {self.since:%Y-%m-%d %H:%M} UTC, heard of {int((now - self.renewed).total_seconds())} s ago"
        )


@dataclass(slots=True)
class Lease:
    """This process's lease of a store."""

    store: ObjectStore
    claim: Claim
    lost: bool = False
    _over: threading.Event = field(default_factory=threading.Event)
    _asking: threading.Lock = field(default_factory=threading.Lock)
    """Held while what the store says is looked at and answered: a renewal that is on its way would undo its end."""

    def renew(self) -> None:
        """Say that this process is still at work. Raises StorageError; where another has taken the lease, it is lost."""
        with self._asking:
            if self._over.is_set():
                return
            if not self._is_own():
                self.lost = True
                return
            self.claim = Claim(self.claim.process, self.claim.machine, self.claim.since, datetime.now(UTC))
            self.store.write(LEASE, self.claim.content())

    def require_held(self) -> None:
        """Raises StorageError where another process has taken the lease, or this one was not able to renew it for long."""
        self.renew()
        if self.lost:
            raise StorageError(
                f"{self.store.address} was taken over by another run, as this one was not heard of for {STALE.seconds // 60} "
                "minutes: nothing of it was overwritten; run the month again"
            )

    def keep(self) -> None:
        """Renew it now and then until it is over; a server that does not answer is asked again."""
        while not self._over.wait(RENEWED_SECONDS):
            with suppress(StorageError):
                self.renew()

    def give_back(self) -> None:
        """End it. A store that cannot be reached is left with it: it becomes stale."""
        self._over.set()
        with self._asking, suppress(StorageError):
            if self._is_own():
                self.store.delete([LEASE])

    def _is_own(self) -> bool:
        """Whether the store still says that it is this process's. Raises StorageError."""
        content = self.store.read(LEASE)
        held = Claim.of(content) if content else None
        return held is not None and held.process == self.claim.process


@contextmanager
def leased(store: ObjectStore) -> Iterator[Lease]:
    """The store's lease, renewed until the block ends.

    Raises StorageError, which names who holds it, where another process does.
    """
    lease = Lease(store, _taken(store))
    keeper = threading.Thread(target=lease.keep, daemon=True, name="lease")
    keeper.start()
    try:
        yield lease
    finally:
        lease.give_back()


def _taken(store: ObjectStore) -> Claim:
    process = own_process()
    for _ in range(3):  # whoever takes over a lease that is over may be faster
        now = datetime.now(UTC)
        claim = Claim(process.stem(), process.host, now, now)
        if store.create(LEASE, claim.content()):
            _require_created_once(store, claim)
            return claim
        content = store.read(LEASE)
        held = Claim.of(content) if content else None
        if content and held and not held.is_over(now):
            raise StorageError(
                f"{store.address} is in use by another run, {held.describe(now)}: wait for its end; should its machine have "
                f"died, the next run can begin {int(STALE.total_seconds() / 60)} minutes after it was heard of last"
            )
        store.delete([LEASE])
    raise StorageError(f"{store.address} is being taken by other runs at this moment: try again")


def _require_created_once(store: ObjectStore, claim: Claim) -> None:
    """Raises StorageError where the store replaces an object that it was asked to create: two runs would both commit.

    Some servers that speak S3, and some drivers, ignore the condition of such a request, and answer that all is well.
    """
    again = Claim(claim.process, claim.machine, claim.since, claim.renewed + timedelta(microseconds=1))
    if store.create(LEASE, again.content()):
        store.delete([LEASE])
        raise StorageError(
            f"{store.address} replaces an object that it was asked to create only where there is none (If-None-Match: *), so two "
            "runs could overwrite each other's results: use a store and a driver that heed this, such as Amazon S3's"
        )
