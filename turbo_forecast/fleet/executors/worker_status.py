"""A worker's entry in the in-flight registry: what it is working on, since when, and how many series it has finished.

The worker writes it (`StatusWriter`), its parent reads it (`WorkerStatus`), after the worker's death too: so a death can be
put down to the series that was in flight.
Belongs here: a few bytes a worker, in memory that outlives it. Does not belong here: what is concluded from them
(`processes.py`, `retry_policy.py`, `pace.py`).
"""

import struct
import time
from dataclasses import dataclass
from typing import Protocol

_LAYOUT = struct.Struct("<qdqqqqdd")
"""Of the struct: what is in flight, since when; first series of the task, series of it that are finished; series finished in this step,
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

    begun, first: when it began its first series, and when that was finished (0: not yet). until: now, or since
    when it has had nothing to do. All times in system-wide monotonic seconds. busy: whether it is working on a series.
    at_first: how many series were finished at `first`: one, or a whole part where a step finishes parts.
    """

    pid: int
    series: int
    begun: float
    first: float
    until: float
    busy: bool
    at_first: int = 1


class StatusWriter:
    """The worker's end of its status: it writes."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._task = self._of_task = 0
        self.begin_step()
        self.starting()

    def starting(self) -> None:
        """Note that something is being prepared."""
        self._write(_STARTING)

    def building(self, entrant: int) -> None:
        """Note that the n-th entrant is being built."""
        self._write(_STARTING - 1 - entrant)

    def begin_step(self) -> None:
        """Count from 0: each step has a pace of its own."""
        self._finished = self._at_first = 0
        self._begun = self._first = 0.0
        self._write(_IDLE)

    def begin_task(self, first_series: int) -> None:
        """Note that a task, named by its first series, is being worked: no series of it is in flight yet."""
        self._begun = self._begun or time.monotonic()
        self._task, self._of_task = first_series, 0
        self._write(_WORKING)

    def start_series(self, series: int) -> None:
        """Note the series about to be worked. Survives the process: the memory is the parent's too."""
        self._write(series)

    def finished(self, series: int = 1) -> None:
        """Count series as finished; what is in flight stays there until the next write, which makes this seen."""
        self._finished += series
        self._of_task += series
        if not self._first:
            self._first, self._at_first = time.monotonic(), self._finished

    def writing(self) -> None:
        """Note that results are being written: a slow disk is no series' fault."""
        self._write(_WRITING)

    def idle(self) -> None:
        """Note that nothing is in flight."""
        self._write(_IDLE)

    def _write(self, what: int) -> None:
        task = (self._task, self._of_task)
        step = (self._finished, self._at_first, self._begun, self._first)
        self._memory.raw = _LAYOUT.pack(what, time.monotonic(), *task, *step)


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What a worker has written last: the parent's end of its status."""

    what: int
    since: float
    task: int
    of_task: int
    series: int
    at_first: int
    begun: float
    first: float

    @classmethod
    def read(cls, memory: Memory) -> "WorkerStatus":
        """What stands in the memory now. All 0 before the worker has written a status."""
        return cls(*_LAYOUT.unpack(memory.raw))

    @property
    def in_flight(self) -> int | None:
        """The series in flight (or that was, when the worker died); None: none, or the worker has not begun."""
        return self.what if self.what >= 0 and self.begun else None

    def is_at_the_same(self, earlier: "WorkerStatus") -> bool:
        """Whether nothing was noted since then."""
        return (self.what, self.since) == (earlier.what, earlier.since)

    @property
    def seconds(self) -> float:
        """How long it has been in flight."""
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
