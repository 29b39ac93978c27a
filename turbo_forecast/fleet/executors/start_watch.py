"""Telling of workers that take long to start: a slow start never ends a run, but nobody waits without a word.

Belongs here: when and what is said. Does not belong here: ending workers (`pool.py`).
"""

import time
from collections.abc import Callable, Collection

from turbo_forecast.fleet.executors.board import present, starting
from turbo_forecast.fleet.executors.worker import Job
from turbo_forecast.status_log import SILENCE_SECONDS, duration, longer_silence

FIRST_WORD_SECONDS = SILENCE_SECONDS
"""A start takes a second or two; the first word comes after this long, then one now and then."""
DOUBT_SECONDS = 60.0
"""From here on a start may be one that never ends."""


class StartWatch:
    """Watches the starts of one pool's workers."""

    def __init__(self, job: Job, say: Callable[[str], None]) -> None:
        self._job, self._say = job, say
        self._since = time.monotonic()
        self._next = FIRST_WORD_SECONDS

    def look(self, workers: Collection[int]) -> None:
        """Say that workers are still starting, when that has lasted long enough to be told."""
        waited = time.monotonic() - self._since
        if waited < self._next:
            return
        self._next = waited + longer_silence(waited, FIRST_WORD_SECONDS)
        begun = {post.pid: post.entrant for post in starting(self._job.board)}
        late = set(begun) & set(workers) | set(workers) - present(self._job.board)
        if late:
            names = [self._job.settings.singles[n] for pid, n in begun.items() if pid in late and n is not None]
            doing = f"building {', '.join(sorted(set(names)))}" if names else "importing what they need"
            doubt = "; cancel the run if that cannot be right" if waited >= DOUBT_SECONDS else ""
            self._say(
                f"still waiting for {len(late)} of {len(workers)} workers to start ({duration(waited)}, {doing}){doubt}"
            )
