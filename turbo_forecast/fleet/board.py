"""The board: where each worker notes the series it has in hand, so that its death can be explained.

Belongs here: a few bytes a worker, in a memory-mapped file that outlives it.
Does not belong here: what the parent concludes (`pool.py`).
"""

import mmap
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

_LAYOUT = struct.Struct("<qqd")
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


class Post:
    """A worker's own place on the board."""

    def __init__(self, board: Path) -> None:
        self._pid = os.getpid()
        path = board / f"{self._pid}.post"
        path.write_bytes(_LAYOUT.pack(self._pid, _STARTING, time.monotonic()))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size)

    def building(self, entrant: int) -> None:
        """Note that the n-th entrant is being built."""
        self._note(_STARTING - 1 - entrant)

    def taking(self, series: int) -> None:
        """Note the series about to be worked. Survives the process: the page belongs to the file."""
        self._note(series)

    def writing(self) -> None:
        """Note that results are being written: a slow disk is no series' fault."""
        self._note(_WRITING)

    def idle(self) -> None:
        """Note that nothing is in hand."""
        self._note(_IDLE)

    def _note(self, what: int) -> None:
        self._map[:] = _LAYOUT.pack(self._pid, what, time.monotonic())


def in_hand(board: Path) -> list[InHand]:
    """The series that workers of the board have in hand (or had, when they died)."""
    return [InHand(pid, what, since) for pid, what, since in _posts(board) if what >= 0]


def starting(board: Path) -> list[Start]:
    """The workers of the board that have not finished their start (or had not, when they died)."""
    found = [(pid, _STARTING - 1 - what) for pid, what, _ in _posts(board) if what <= _STARTING]
    return [Start(pid, entrant if entrant >= 0 else None) for pid, entrant in found]


def present(board: Path) -> set[int]:
    """The workers that have come as far as the board."""
    return {pid for pid, _, _ in _posts(board)}


def _posts(board: Path) -> list[tuple[int, int, float]]:
    contents = [path.read_bytes() for path in board.glob("*.post")]
    return [_LAYOUT.unpack(content) for content in contents if len(content) == _LAYOUT.size]
