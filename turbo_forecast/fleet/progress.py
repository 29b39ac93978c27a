"""Lines that report, while a run works, how far it is and how long it will take.

Belongs here: such lines, and what one of them says. Does not belong here: how that is estimated (`pace.py`).
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from turbo_forecast.fleet.pace import Pace, WorkSnapshot, makespan
from turbo_forecast.status_log import LONGEST_SILENCE_SECONDS, SILENCE_SECONDS, duration, longer_silence

INTERVAL_SECONDS = 2.0
SHARE_OF_TIME = 0.05
"""A line comes each time that the time worked so far has grown by this share; not more often than INTERVAL_SECONDS, and
once a minute at least. An event log is no place for thousands."""

_LINE = re.compile(r"(?:(.+?) · )?([0-9,]+)/([0-9,]+) series(?: · (.+))?")


class Progress:
    """Counts finished series, and logs how many now and then, and at the end."""

    def __init__(
        self, total: int, log: Callable[[str], None], done: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total, self._log, self._clock = total, log, clock
        self._done = self._done_at_start = done
        self._failed = 0
        self._shown = done
        self._pace = Pace(total)
        self._first: float | None = None
        self._began = self._last_logged = clock()
        if done:
            log(f"resuming: {done:,}/{total:,} series were finished before")

    def add(self, series: int, failed: int) -> None:
        """Count the series of a finished chunk."""
        self._done += series
        self._failed += failed
        if self._done == self._total:
            self._report(self._done, [self._speed_so_far(), f"{self._failed:,} failed", "done"])

    def look(self, snapshot: Callable[[], WorkSnapshot]) -> None:
        """Log how far the run is, if that is due; `snapshot` is called only if it is."""
        if self._done == self._total or (self._first is not None and self._seconds_until_due() > 0):
            return
        state = snapshot()
        self._note_first(state)
        if self._seconds_until_due() > 0:
            return
        done = min(self._done + state.unreported, self._total)
        self._pace.look(state.tallies)
        if done != self._shown or self._is_silent(state):
            self._report(done, self._estimate(state, done))

    def _estimate(self, state: WorkSnapshot, done: int) -> list[str]:
        each = self._pace.seconds_each
        failed = f"{self._failed:,} failed"
        if each is None:
            return [failed, f"{duration(self._clock() - self._began)} so far"]
        left = makespan(state, self._total - done) * each
        busy = min(state.workers, len(state.running) + len(state.waiting)) or 1
        return [speed(busy / each), failed, f"{duration(max(left, 1.0))} left"]

    def _speed_so_far(self) -> str:
        """Of all series of this attempt, from the first finished one on."""
        seconds = 0.0 if self._first is None else self._clock() - self._first
        series = self._done - self._done_at_start - 1
        return speed(series / seconds) if series > 0 and seconds > 0 else ""

    def _note_first(self, state: WorkSnapshot) -> None:
        if self._first is None:
            self._first = min((tally.first for tally in state.tallies if tally.series), default=None)

    def _seconds_until_due(self) -> float:
        worked = self._clock() - (self._began if self._first is None else self._first)
        interval = min(max(INTERVAL_SECONDS, SHARE_OF_TIME * worked), LONGEST_SILENCE_SECONDS)
        return self._last_logged + interval - self._clock()

    def _is_silent(self, state: WorkSnapshot) -> bool:
        """Whether series have been in flight for long without a word. `StartWatch` reports starts that take long."""
        silence = longer_silence(self._last_logged - self._began, SILENCE_SECONDS)
        return bool(state.running) and self._clock() - self._last_logged >= silence

    def _report(self, done: int, parts: list[str]) -> None:
        self._shown, self._last_logged = done, self._clock()
        self._log(" · ".join([f"{done:,}/{self._total:,} series", *filter(None, parts)]))


def speed(per_second: float) -> str:
    """'187/s', '4.2/s', '12/min': two digits at least."""
    if per_second >= 10:
        return f"{per_second:,.0f}/s"
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{per_second * 60:.2g}/min"


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a line says that a run is. about: what the line begins with; rest: what it says beside the counts."""

    about: str
    done: int
    total: int
    rest: str


def reached(line: str) -> Reached | None:
    """What a line of `Progress` says, wherever it has been since; None for any other line."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    about, done, total, rest = found.groups(default="")
    return Reached(about, int(done.replace(",", "")), int(total.replace(",", "")), rest)
