"""Log lines about workers that take long to start: a slow start never ends a run, but nobody waits without a word.

Belongs here: when a line is due, and its text. Does not belong here: starting and ending workers (`processes.py`).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from turbo_forecast.number_words import counted
from turbo_forecast.status_log import SILENCE_SECONDS, duration, longer_silence

FIRST_WORD_SECONDS = SILENCE_SECONDS
"""A start takes a second or two; the first word comes after this long, then one now and then."""
DOUBT_SECONDS = 60.0
"""From here on a start may be one that never ends."""


@dataclass(frozen=True, slots=True)
class Start:
    """A start that goes on: since when (monotonic seconds), and which entrant is being built (None: none)."""

    since: float
    entrant: str | None


class StartWatch:
    """Watches the starts of an executor's workers."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._next = FIRST_WORD_SECONDS

    def look(self, late: Sequence[Start], workers: int) -> None:
        """Log that workers, of so many, are still starting, when that has lasted long enough."""
        if not late:
            self._next = FIRST_WORD_SECONDS
            return
        waited = time.monotonic() - min(start.since for start in late)
        if waited < self._next:
            return
        self._next = waited + longer_silence(waited, FIRST_WORD_SECONDS)
        names = sorted({start.entrant for start in late if start.entrant})
        doing = f"building {', '.join(names)}" if names else "importing what they need"
        doubt = "; cancel the run if that cannot be right" if waited >= DOUBT_SECONDS else ""
        self._log(
            f"still waiting for {len(late)} of {counted(workers, 'worker')} to start ({duration(waited)}, {doing}){doubt}"
        )
