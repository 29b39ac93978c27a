"""The board: where each worker notes the series it has in hand, so that its death can be explained, and how many it has
finished.

Belongs here: a few bytes a worker, in a memory-mapped file that outlives it.
Does not belong here: what the parent concludes (`pool.py`).
"""

import mmap
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

_LAYOUT = struct.Struct("<qqdqdd")
"""Process id, what is in hand, since when; series finished, when the first was taken in hand, when it was finished."""
_IDLE = -1
_WRITING = -2
_STARTING = -3
"""From here down: starting; _STARTING - 1 - n while the n-th entrant is being built."""


@dataclass(frozen=True, slots=True)
class InHand:
    """A worker (process id), the series it has in hand, and since when (system-wide monotonic seconds)."""

    pid: int
    series: int
    since: float


@dataclass(frozen=True, slots=True)
class Start:
    """A worker's start that goes on: its process id, and which entrant is being built (None: something before)."""

    pid: int
    entrant: int | None


@dataclass(frozen=True, slots=True)
class Tally:
    """What a worker (process id) has finished: how many series.

    begun, first: when it took its first series in hand, and when that was finished (0: not yet). until: now, or since
    when it has had nothing to do. All times in system-wide monotonic seconds. busy: whether it has a series in hand.
    """

    pid: int
    series: int
    begun: float
    first: float
    until: float
    busy: bool


class Post:
    """A worker's own place on the board."""

    def __init__(self, board: Path) -> None:
        self._pid = os.getpid()
        path = board / f"{self._pid}.post"
        self._finished, self._begun, self._first = 0, 0.0, 0.0
        path.write_bytes(_LAYOUT.pack(self._pid, _STARTING, time.monotonic(), 0, 0.0, 0.0))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size)

    def building(self, entrant: int) -> None:
        """Note that the n-th entrant is being built."""
        self._note(_STARTING - 1 - entrant)

    def taking(self, series: int) -> None:
        """Note the series about to be worked. Survives the process: the page belongs to the file."""
        self._begun = self._begun or time.monotonic()
        self._note(series)

    def finished(self) -> None:
        """Count the series in hand as finished; it stays in hand until the next note, which makes this seen."""
        self._first = self._first or time.monotonic()
        self._finished += 1

    def writing(self) -> None:
        """Note that results are being written: a slow disk is no series' fault."""
        self._note(_WRITING)

    def idle(self) -> None:
        """Note that nothing is in hand."""
        self._note(_IDLE)

    def _note(self, what: int) -> None:
        self._map[:] = _LAYOUT.pack(self._pid, what, time.monotonic(), self._finished, self._begun, self._first)


def in_hand(board: Path) -> list[InHand]:
    """The series that workers of the board have in hand (or had, when they died)."""
    return [InHand(pid, what, since) for pid, what, since, *_ in _posts(board) if what >= 0]


def starting(board: Path) -> list[Start]:
    """The workers of the board that have not finished their start (or had not, when they died)."""
    found = [(pid, _STARTING - 1 - what) for pid, what, *_ in _posts(board) if what <= _STARTING]
    return [Start(pid, entrant if entrant >= 0 else None) for pid, entrant in found]


def present(board: Path) -> set[int]:
    """The workers that have come as far as the board."""
    return {pid for pid, *_ in _posts(board)}


def tallies(board: Path) -> list[Tally]:
    """What each worker of the board has finished so far."""
    now = time.monotonic()
    return [
        Tally(pid, finished, begun, first, since if what == _IDLE else now, busy=what >= 0)
        for pid, what, since, finished, begun, first in _posts(board)
    ]


def _posts(board: Path) -> list[tuple[int, int, float, int, float, float]]:
    contents = [path.read_bytes() for path in board.glob("*.post")]
    return [_LAYOUT.unpack(content) for content in contents if len(content) == _LAYOUT.size]
