"""Process identity across machines and containers, and whether a process is still alive.

Belongs here: a process's identity across containers, machines and restarts, and whether it still lives.
Does not belong here: what is done with what a dead process left (`leftovers.py`, `fleet/checkpoint.py`,
`defs/run_owners.py`).

A number alone proves nothing: two containers that share a folder have processes of the same number. So whoever owns
something also holds a lock (flock) on a file of it. The kernel frees the lock when the process ends, however it ends,
and every container of the machine sees it. Where the lock cannot decide (another machine, a file system without
locks), the answer is UNKNOWN, and nothing of that process may be touched.
"""

import fcntl
import hashlib
import itertools
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path

PATTERN = r"(\d+)-(\w+)-(\w+)-([0-9a-f]{12}|none)-([0-9a-f]{8})-(\d+)"
"""A stem: process, start, PID namespace, boot of the machine, the machine's name (hashed), a count."""

_count = itertools.count(1)


class Liveness(Enum):
    """Whether a process is alive; UNKNOWN where nothing here can prove it."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process among all processes of all machines that may share a folder.

    started: clock ticks from the machine's boot to the process's start; namespace: the PID namespace (a container has
    its own); boot: which boot of which machine; host_key: a hash of the machine's (container's) name.
    """

    pid: int
    started: str
    namespace: str
    boot: str
    host_key: str
    host: str = field(default="", compare=False)

    def stem(self) -> str:
        """The identity in file names and tags, with a count that makes it unique within the process."""
        return f"{self.pid}-{self.started}-{self.namespace}-{self.boot}-{self.host_key}-{next(_count)}"

    def describe(self) -> str:
        """'process 12 of machine web-1', for messages."""
        return f"process {self.pid} of {f'machine {self.host}' if self.host else 'another machine'}"

    @property
    def same_kernel(self) -> bool:
        """Whether the process ran (or runs) on this machine, since its last boot: then locks are certain."""
        own = own_process()
        return self.boot == own.boot and (self.boot != "none" or self.host_key == own.host_key)


def own_process() -> ProcessIdentity:
    """The identity of the process that asks."""
    return _own(os.getpid())


@cache
def _own(pid: int) -> ProcessIdentity:
    host = socket.gethostname()
    namespace = boot = ""
    with suppress(OSError):
        namespace = "".join(filter(str.isdigit, os.readlink("/proc/self/ns/pid")))
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")[:12]
    key = hashlib.sha256(host.encode()).hexdigest()[:8]
    return ProcessIdentity(pid, _started("self") or "unknown", namespace or "none", boot or "none", key, host)


def parsed(stem: str, host: str = "") -> ProcessIdentity | None:
    """The identity of which `stem` was made; None when it is something else."""
    found = re.fullmatch(PATTERN, stem)
    return ProcessIdentity(int(found[1]), found[2], found[3], found[4], found[5], host) if found else None


def liveness(owner: ProcessIdentity | None, claim: Path) -> Liveness:
    """Whether the owner of `claim`, a file or folder it has locked for as long as it lives, is still there."""
    with locked_liveness(owner, claim) as state:
        return state


@contextmanager
def locked_liveness(owner: ProcessIdentity | None, claim: Path) -> Iterator[Liveness]:
    """As `liveness`, with the lock held (where it was free) until the block ends, so that it stays true."""
    try:
        handle = os.open(claim, os.O_NOFOLLOW | (os.O_RDONLY if claim.is_dir() else os.O_RDWR))
    except OSError:  # not there, or another user's
        yield liveness_by_pid(owner)
        return
    try:
        yield _liveness_of_claim(owner, handle)
    finally:
        unlock(handle)


def unlock(handle: int) -> None:
    """Free the lock on a file, if it is held, and close it.

    A child that was forked meanwhile has a copy of the handle: closing ours alone would leave the file locked until it ends.
    """
    with suppress(OSError):  # a file system without locks
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def _liveness_of_claim(owner: ProcessIdentity | None, handle: int) -> Liveness:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Liveness.ALIVE
    except OSError:  # a file system without locks
        return liveness_by_pid(owner)
    return liveness_of_unlocked(owner)


def liveness_of_unlocked(owner: ProcessIdentity | None) -> Liveness:
    """Whether a process still lives whose lock was found free."""
    if owner is None:
        return Liveness.UNKNOWN
    by_number = liveness_by_pid(owner)
    if by_number is not Liveness.UNKNOWN:
        return by_number
    restarted = owner.host_key == own_process().host_key  # the same machine after a restart: nothing survived it
    return Liveness.DEAD if owner.same_kernel or restarted else Liveness.UNKNOWN


def liveness_by_pid(owner: ProcessIdentity | None) -> Liveness:
    """Whether a process still lives where no lock helps: certain only within this machine's and this container's processes."""
    if owner is None or not owner.same_kernel or owner.namespace != own_process().namespace:
        return Liveness.UNKNOWN
    with suppress(OSError):
        if os.readlink("/proc/self") != str(os.getpid()):  # a /proc of another namespace counts otherwise
            return Liveness.ALIVE if _exists(owner.pid) else Liveness.DEAD
    started = _started(str(owner.pid))
    if started is None:
        return Liveness.ALIVE if _exists(owner.pid) else Liveness.DEAD
    return Liveness.ALIVE if started == owner.started else Liveness.DEAD


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _started(process: str) -> str | None:
    """When a process started, in clock ticks since boot: a later process of the same number has another."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[19]
    return None
