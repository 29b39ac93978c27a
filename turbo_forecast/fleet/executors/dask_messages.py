"""The messages of Dask's workers to the run, each a few bytes that travel as an event of Dask's.

Belongs here: the messages, and how they are packed. Does not belong here: who sends them (`dask_host.py`), who receives them
(`dask_executor.py`). Imported wherever Dask's scheduler looks, so imports here are counted.
"""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Refused:
    """The worker must not take part; why is to follow its name."""

    why: str


@dataclass(frozen=True, slots=True)
class FilesNotVisible:
    """The worker does not see the run's files; the sentence says which."""

    why: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker takes tasks from now on. clock: its monotonic seconds."""

    clock: float


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The worker lives. finished: series by task that it has in flight; tallies: of its processes (`worker_status.Tally`), as tuples."""

    finished: Mapping[str, int]
    tallies: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Done:
    """A task is done: its reports (`TaskReport`), more than one where it had to be cut."""

    key: str
    reports: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """A task has raised an error that is no series' own. cannot_start: it was the worker's, whose processes do not start."""

    key: str
    error: BaseException
    cannot_start: bool = False


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line for the person who waits."""

    line: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The worker has ended what it had of this run; key: a task that came too late."""

    key: str | None = None


Message = Refused | FilesNotVisible | Ready | Heartbeat | Done | Failed | LogLine | Ended


@dataclass(frozen=True, slots=True)
class Spec:
    """What a worker gets to know of a run when it is invited to take part.

    run: a name of this attempt; lease: the key of the task that asks, whose end is the end of what the worker has of the
    run; topic: of the events; installed: what it must have installed; job: the pickled `Job` and `Exchange`.
    """

    run: str
    lease: str
    topic: str
    installed: Mapping[str, str]
    job: bytes
    heartbeat_seconds: float


def packed(sender: str, lease: str, message: Message) -> dict[str, Any]:
    """As an event of Dask's, which can be shown on its dashboard: who, by which lease, what, and the message itself."""
    what = type(message).__name__.lower()
    return {"worker": sender, "lease": lease, "what": what, "message": pickle.dumps(message)}


def unpacked(event: Mapping[str, Any]) -> tuple[str, str, Message] | None:
    """Who says what, and by which lease; None for what another version of this package says."""
    try:
        message = pickle.loads(event["message"])
        return (str(event["worker"]), str(event["lease"]), message) if isinstance(message, Message) else None
    except Exception:
        return None
