"""Lines that tell, while a run works, how far it is and how long it will take."""

import time
from collections.abc import Callable

INTERVAL_SECONDS = 2.0


class Progress:
    """Counts finished series and says so, at most every INTERVAL_SECONDS, and at the end."""

    def __init__(self, total: int, say: Callable[[str], None], done: int = 0) -> None:
        self._total, self._say = total, say
        self._done = self._done_at_start = done
        self._failed = 0
        self._started = self._said = time.monotonic()
        if done:
            say(f"resuming: {done:,}/{total:,} series were finished before")

    def add(self, series: int, failed: int) -> None:
        """Count finished series."""
        self._done += series
        self._failed += failed
        now = time.monotonic()
        if now - self._said >= INTERVAL_SECONDS or self._done == self._total:
            self._said = now
            self._say(self.line(now - self._started))

    def line(self, elapsed: float) -> str:
        """'3,200/8,000 series · 612/s · 2 failed · 8 s left', after `elapsed` seconds of work."""
        speed = (self._done - self._done_at_start) / max(elapsed, 1e-9)
        left = (self._total - self._done) / speed if speed else float("inf")
        ending = "done" if self._done == self._total else f"{left:,.0f} s left"
        return f"{self._done:,}/{self._total:,} series · {speed:,.0f}/s · {self._failed:,} failed · {ending}"
