"""Progress lines with heartbeats: each names its month, and after a silence a line says what is being done.

Belongs here: how lines begin, heartbeats, a duration in words. Does not belong here: what the lines report
(`fleet/progress.py`), and where they go.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SILENCE_SECONDS = 10.0
"""A person who has seen nothing for this long wonders whether anything happens."""
LONGEST_SILENCE_SECONDS = 60.0
"""Lines become rarer as a wait becomes longer, but not rarer than this."""

_WATCHERS: list[Callable[[str], None]] = []


@contextmanager
def watching(see: Callable[[str], None]) -> Iterator[None]:
    """In the block, `see` is given what any log of this process begins to work on, in its words; empty when that has ended.

    For who shows it while it lasts, and says nothing of it in any log. Called by the thread that works.
    """
    _WATCHERS.append(see)
    try:
        yield
    finally:
        _WATCHERS.remove(see)


class StatusLog:
    """Passes lines on, one at a time, with `about` before each; breaks silence while something takes long.

    Any thread may call it, and heartbeats come from a thread of their own: `log` must bear that (Dagster's log does).

    A line that ends in "…" announces what takes a while: heartbeats then name it, by its words up to the colon.
    """

    def __init__(self, log: Callable[[str], None], about: str = "", silence_seconds: float = SILENCE_SECONDS) -> None:
        self._log, self._silence = log, silence_seconds
        self._beginning = f"{about} · " if about else ""
        self._lock = threading.RLock()  # a signal's handler may speak while its own thread does
        self._last = self._since = time.monotonic()
        self._doing = self._announced = ""

    def __call__(self, line: str) -> None:
        """Pass a line on."""
        with self._lock:
            self._announced = line.partition(":")[0].rstrip(" …") if line.endswith("…") else ""
            self._since = time.monotonic()
            self._pass_on(line)

    @contextmanager
    def working(self, doing: str) -> Iterator[None]:
        """A block that may take long: where it is silent for SILENCE_SECONDS, a line says what is being done, and since when.

        None comes after the block has ended, however it ends.
        """
        before = self._doing
        self._begin(doing)
        ended = threading.Event()
        heart = threading.Thread(target=self._beat, args=(ended,), name="heartbeat", daemon=True)
        heart.start()
        try:
            yield
        finally:
            ended.set()
            heart.join()
            self._begin(before)

    def _begin(self, doing: str) -> None:
        with self._lock:
            self._doing, self._announced = doing, ""
            self._since = time.monotonic()
        for see in _WATCHERS:
            see(f"{self._beginning}{doing}" if doing else "")

    def _beat(self, ended: threading.Event) -> None:
        # in short waits: a line that is said meanwhile begins another silence, which may be due before this one
        while not ended.wait(min(self._seconds_of_silence_left(), self._silence / 5)):
            with self._lock:
                if ended.is_set() or self._seconds_of_silence_left() > 0:
                    continue
                try:
                    waited = duration(time.monotonic() - self._since)
                    self._pass_on(f"{self._announced or self._doing}, {waited} so far")
                except Exception:
                    # the disk is full, the terminal gone: whoever speaks next, in the block, meets it too
                    return

    def _seconds_of_silence_left(self) -> float:
        with self._lock:
            silence = longer_silence(self._last - self._since, self._silence)
            # the silence of what was done before counts, but what has only just begun is not worth a word
            due = max(self._last + silence, self._since + self._silence / 5)
            return max(0.0, due - time.monotonic())

    def _pass_on(self, line: str) -> None:
        self._last = time.monotonic()
        self._log(f"{self._beginning}{line}")


def longer_silence(waited: float, shortest: float = SILENCE_SECONDS) -> float:
    """Seconds until the next line of a wait: whoever has waited for minutes needs no line every ten seconds."""
    return max(shortest, min(waited / 4, LONGEST_SILENCE_SECONDS))


def duration(seconds: float) -> str:
    """'8 s', '2 min 10 s', '12 min', '2 h 40 min': as exact as a person who waits needs it."""
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    if seconds < 595:
        minutes, tens = divmod(round(seconds / 10), 6)
        return f"{minutes} min {tens}0 s" if tens else f"{minutes} min"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60:,} h {minutes % 60} min"
