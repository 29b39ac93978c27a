"""A worker's post: where it notes what it has in hand, so that its death can be explained, and how much it has finished.

Belongs here: a few bytes a worker, in memory that outlives it. Does not belong here: what is concluded from them
(`processes.py`, `policy.py`, `pace.py`).
"""

import struct
import time
from dataclasses import dataclass
from typing import Protocol

_LAYOUT = struct.Struct("<qdqqqqdd")
"""What is in hand, since when; first series of the task, series of it that are finished; series finished in this step,
those that were when the first time was taken; when the step's first task was begun, when the first series was finished."""
SIZE = _LAYOUT.size
_IDLE = -1
_WRITING = -2
_WORKING = -3
_STARTING = -4
"""From here down: starting; _STARTING - 1 - n while the n-th entrant is being built."""


class Memory(Protocol):
    """SIZE bytes that worker and parent share: an array of ctypes' c_char (`raw` copies all of it at once)."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Tally:
    """What a worker (process id) has finished of the present step: how many series.

    begun, first: when it took its first series in hand, and when that was finished (0: not yet). until: now, or since
    when it has had nothing to do. All times in system-wide monotonic seconds. busy: whether it has a series in hand.
    at_first: how many series were finished at `first`: one, or a whole part where a step finishes parts.
    """

    pid: int
    series: int
    begun: float
    first: float
    until: float
    busy: bool
    at_first: int = 1


class Post:
    """A worker's own end: it writes."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._task = self._of_task = 0
        self.begin_step()
        self.starting()

    def starting(self) -> None:
        """Note that something is being prepared."""
        self._note(_STARTING)

    def building(self, entrant: int) -> None:
        """Note that the n-th entrant is being built."""
        self._note(_STARTING - 1 - entrant)

    def begin_step(self) -> None:
        """Count from nought: each step has a pace of its own."""
        self._finished = self._at_first = 0
        self._begun = self._first = 0.0
        self._note(_IDLE)

    def begin_task(self, first_series: int) -> None:
        """Note that a task, told by its first series, is being worked: no series of it is in hand yet."""
        self._begun = self._begun or time.monotonic()
        self._task, self._of_task = first_series, 0
        self._note(_WORKING)

    def taking(self, series: int) -> None:
        """Note the series about to be worked. Survives the process: the memory is the parent's too."""
        self._note(series)

    def finished(self, series: int = 1) -> None:
        """Count series as finished; what is in hand stays there until the next note, which makes this seen."""
        self._finished += series
        self._of_task += series
        if not self._first:
            self._first, self._at_first = time.monotonic(), self._finished

    def writing(self) -> None:
        """Note that results are being written: a slow disk is no series' fault."""
        self._note(_WRITING)

    def idle(self) -> None:
        """Note that nothing is in hand."""
        self._note(_IDLE)

    def _note(self, what: int) -> None:
        task = (self._task, self._of_task)
        step = (self._finished, self._at_first, self._begun, self._first)
        self._memory.raw = _LAYOUT.pack(what, time.monotonic(), *task, *step)


@dataclass(frozen=True, slots=True)
class Note:
    """What a worker has noted last: the parent's end."""

    what: int
    since: float
    task: int
    of_task: int
    series: int
    at_first: int
    begun: float
    first: float

    @classmethod
    def read(cls, memory: Memory) -> "Note":
        """What stands in the memory now. All nought before the worker has come as far as its post."""
        return cls(*_LAYOUT.unpack(memory.raw))

    @property
    def in_hand(self) -> int | None:
        """The series in hand (or that was, when the worker died); None: none, or the worker has not begun."""
        return self.what if self.what >= 0 and self.begun else None

    def is_at_the_same(self, earlier: "Note") -> bool:
        """Whether nothing was noted since then."""
        return (self.what, self.since) == (earlier.what, earlier.since)

    @property
    def seconds(self) -> float:
        """How long it has been in hand."""
        return time.monotonic() - self.since

    @property
    def building(self) -> int | None:
        """Which entrant is being built."""
        return _STARTING - 1 - self.what if self.what < _STARTING else None

    def tally(self, pid: int) -> Tally:
        """What the worker has finished so far."""
        until = self.since if self.what == _IDLE else time.monotonic()
        busy = self.what >= 0 or self.what == _WORKING
        return Tally(pid, self.series, self.begun, self.first, until, busy, self.at_first or 1)
