"""What a worker does itself about its growth: it stops for a series that leaves too much, and is replaced before many do.

Belongs here: the line from which on a worker is replaced though no single series needs too much. Does not belong here: what becomes of a
series that needs more than the limit (`retry_policy.py`), measuring (`executors/memory.py`).

Entrants that keep something of each series (a cache, a leak) let a worker grow without any single series needing much. Such a
worker is replaced between two series, while there is still room for a large one. A worker that holds more than its limit when
a series is done waits with that series in flight until its parent, which looks now and then only, has seen it: the next
series would be blamed for it.
"""

import gc
import time

from turbo_forecast.fleet.executors.memory import held_mb

SHARE = 0.75
"""Of the room between what a worker holds after its first piece of work and the limit: it is replaced when that is taken, or before
that when the next piece, should it leave as much as the one that left most, would not fit any more."""
WAIT_SECONDS, LOOK_SECONDS = 10.0, 0.05
"""How long a worker that holds too much waits to be seen by its parent, which may be kept waiting itself, and may judge otherwise."""


class Growth:
    """What a worker holds after each piece of its work, beside what it held after the first, which loads what all need."""

    def __init__(self, limit_mb: float) -> None:
        self._limit, self._first = limit_mb, 0.0
        self._before = self._most_left = 0.0

    def wait_to_be_seen(self) -> None:
        """Asked with the series still in flight: while this worker holds more than its limit, wait; it is ended meanwhile."""
        if not self._limit or held_mb() <= self._limit:
            return
        gc.collect()  # rings of objects wait for it
        deadline = time.monotonic() + WAIT_SECONDS
        while held_mb() > self._limit and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)

    def is_too_much(self) -> bool:
        """Asked after each piece of work; never after the first. Children are not counted here: they end with their series."""
        if not self._limit:
            return False
        held = held_mb()
        if not self._first:
            self._first = self._before = held
            return False
        if self._is_near(held):
            gc.collect()
            held = held_mb()
        is_near = self._is_near(held)
        self._most_left, self._before = max(self._most_left, held - self._before), held
        return is_near

    def _is_near(self, held: float) -> bool:
        """Whether the room is taken, or too little of it is left for one more piece of work."""
        left = max(self._most_left, held - self._before)
        return held > self._first and held > min(self._first + SHARE * (self._limit - self._first), self._limit - left)
