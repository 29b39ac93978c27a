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
STARTING = -2
"""In hand before the first series: the worker's own start."""


@dataclass(frozen=True, slots=True)
class InHand:
    """A worker (process id), the series it has in hand (or STARTING), and since when (system-wide monotonic seconds)."""

    pid: int
    series: int
    since: float


class Post:
    """A worker's own place on the board."""

    def __init__(self, board: Path) -> None:
        self._pid = os.getpid()
        path = board / f"{self._pid}.post"
        path.write_bytes(_LAYOUT.pack(self._pid, STARTING, time.monotonic()))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size)

    def taking(self, series: int) -> None:
        """Note the series about to be worked. Survives the process: the page belongs to the file."""
        self._map[:] = _LAYOUT.pack(self._pid, series, time.monotonic())

    def idle(self) -> None:
        """Note that nothing is in hand."""
        self._map[:] = _LAYOUT.pack(self._pid, _IDLE, 0.0)


def in_hand(board: Path) -> list[InHand]:
    """What every worker of the board has in hand (or had, when it died)."""
    found = []
    for path in board.glob("*.post"):
        content = path.read_bytes()
        if len(content) == _LAYOUT.size:
            post = InHand(*_LAYOUT.unpack(content))
            if post.series != _IDLE:
                found.append(post)
    return found
